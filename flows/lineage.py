"""What a run says of its checkpoints: which policy was trained from which, and how."""

from collections.abc import Iterable, Mapping

from flows.errors import SettingsError
from flows.settings import Checkpoint, nearest
from tasks_lib.records import PolicySpec

Known = Mapping[str, str]
"""policy_id -> name."""


def with_descent(
    specs: Mapping[str, PolicySpec], checkpoints: Mapping[str, Checkpoint], known: Known
) -> dict[str, PolicySpec]:
    """Say of the policies of a run what they were trained from.

    Args:
        specs: the name that the settings have for a policy -> who it is.
        checkpoints: the name of a policy, as the settings have it or by its identifier -> its descent.
        known: policies of the warehouse, which may be parents, too.

    Returns:
        The same, with parents by their identifiers.

    Raises:
        SettingsError: a checkpoint that does not take part, a parent that nobody or more than one policy is, a circle.
    """
    here = {spec.policy_id: spec.name for spec in specs.values()}
    described = dict(specs)
    for name, checkpoint in checkpoints.items():
        field = f'setting [checkpoints."{name}"]'
        named = [key for key, spec in specs.items() if name in (spec.name, spec.policy_id)]
        own = [name] if name in specs else named
        if len(own) != 1:
            raise SettingsError(f"{field}: {_not_one(name, own, specs)}")
        parent = _parent(field, checkpoint.parent, here, known)
        described[own[0]] = specs[own[0]].model_copy(
            update={"parent": parent, "intervention": checkpoint.intervention, "step": checkpoint.step}
        )
    _refuse_circles({spec.policy_id: spec.parent for spec in described.values()})
    return described


def _parent(field: str, name: str, here: Known, known: Known) -> str:
    """Return the identifier of a parent; a policy of the run itself comes before one of earlier runs."""
    for policies in (here, known):
        if name in policies:
            return name
        found = [policy_id for policy_id, other in policies.items() if other == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise SettingsError(f"{field}: the parent {name!r} is several policies; name one: {', '.join(found)}")
    names = [*here.values(), *(other for other in known.values() if not other.startswith(("ladder/", "probe/")))]
    raise SettingsError(
        f"{field}: the parent {name!r} neither takes part in the run nor is in the warehouse; {nearest(name, names)}"
    )


def _not_one(name: str, own: list[str], specs: Iterable[str]) -> str:
    if own:
        return f"{name!r} is several policies of the run; name one: {', '.join(own)}"
    return f"no such policy takes part; {nearest(name, list(specs))}"


def _refuse_circles(parents: Mapping[str, str | None]) -> None:
    for start in parents:
        at, steps = parents[start], 0
        while at is not None and steps <= len(parents):
            if at == start:
                raise SettingsError(f"setting 'checkpoints': {start!r} descends from itself; a line has a first policy")
            at, steps = parents.get(at), steps + 1
