"""The plan of a run: exactly what will be attempted, fixed before anything is.

A plan is written to the run's spool (`<db>.runs/<run_id>/`) before the first attempt, so that a run taken up
again does the same work and no other. Instances stand once, in `instances.jsonl`; a chunk names them by the
place of their line.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import tasks_lib
from flows.access import recorded_place
from flows.errors import InputError
from flows.few import few
from flows.lineage import Known, with_descent
from flows.settings import NOT_OF_THE_WORK, Settings
from flows.trust import Trust, planned_trust
from graders.judge.asking import Panel
from graders.judge.judge import judge
from tasks_lib.family import Family
from tasks_lib.jsonl import read_lines, refuse_repeats
from tasks_lib.policies.base import ModelPolicy, Policy
from tasks_lib.policies.ladder import SEVERITIES
from tasks_lib.policies.probe import HONEST
from tasks_lib.policies.replay import ReplayPolicy
from tasks_lib.records import PolicySpec, Record, TaskInstance, canonical_json, content_hash
from tasks_lib.registry import UnknownNameError
from warehouse.shards import Shards

PLAN_FILE = "plan.json"
INSTANCES_FILE = "instances.jsonl"
MOST_CHUNKS = 900
"""A flow run with many more task runs than this spends its time on bookkeeping."""


class PlannedPolicy(Record):
    """A policy and how often it attempts each instance."""

    name: str
    """What a worker builds it from, such as `sim/weak` or `replay:/data/outputs.jsonl`."""
    policy_id: str
    samples: int


class PlannedInstance(Record):
    """Where an instance stands in `instances.jsonl`."""

    instance_id: str
    offset: int
    """Bytes before its line."""


class Chunk(Record):
    """One portion of work: every policy of it on every instance of it. Groups are never split."""

    key: str
    """Content hash of the work, which names the shard."""
    family: str
    label: str
    instances: tuple[PlannedInstance, ...]
    policies: tuple[PlannedPolicy, ...]

    @property
    def n_rollouts(self) -> int:
        return len(self.instances) * sum(policy.samples for policy in self.policies)

    def places(self) -> Iterator[tuple[PlannedInstance, PlannedPolicy]]:
        """Yield every instance with every policy, in the order of the work."""
        return ((instance, policy) for instance in self.instances for policy in self.policies)


class RunBudget(Record):
    """What a run may spend on models; None: no limit."""

    max_cost_usd: float | None = None
    max_tokens: int | None = None

    def raised_by(self, max_cost_usd: float | None, max_tokens: int | None) -> "RunBudget":
        """Return the budget with what was said since in its place."""
        return RunBudget(
            max_cost_usd=self.max_cost_usd if max_cost_usd is None else max_cost_usd,
            max_tokens=self.max_tokens if max_tokens is None else max_tokens,
        )


class RunPlan(Record):
    """What will be done."""

    run_id: str
    config: dict[str, Any]
    """The settings that the work follows from, and the anchors `weak` and `strong`."""
    code_version: str
    taskset_hash: str
    started_at: datetime
    thresholds: dict[str, float]
    plugins: tuple[str, ...]
    families: tuple[str, ...]
    policies: tuple[PolicySpec, ...]
    chunks: tuple[Chunk, ...]
    budget: RunBudget = RunBudget()
    deployment: str | None = None
    """Name of the scheduled deployment that the run belongs to; None: somebody started it by hand."""
    shards: str | None = None
    """Where chunks leave their shards, a folder or a URL; None: in the folder of the run."""

    @property
    def batch(self) -> bool:
        """True where the calls of models are answered in batches."""
        return bool(self.config.get("batch"))

    @property
    def judges(self) -> tuple[str, ...]:
        """Names of the judges."""
        return tuple(self.config.get("judges") or ())

    @property
    def panel(self) -> Panel:
        """The judges and how they are asked."""
        return Panel(
            tuple(judge(name) for name in self.judges),
            int(self.config.get("judge_replicates") or 1),
            self.config.get("judge_scope") or "open",
        )

    @property
    def trust(self) -> Trust:
        """Whose verdicts may narrow a reward."""
        return planned_trust(self.config)

    @property
    def regraded_from(self) -> str | None:
        """The run whose rollouts are graded again; None: they are collected."""
        return self.config.get("regraded_from")

    @property
    def called(self) -> dict[str, str]:
        """What is called over the network: policy or judge, by name -> its model."""
        if self.regraded_from is not None:
            return {}
        policies = {
            spec.name: str(spec.regime.get("model", spec.name)) for spec in self.policies if spec.kind == "model"
        }
        return policies | {name: judge(name).model for name in self.judges}

    @property
    def calls_models(self) -> bool:
        """True where a model takes part, as a policy or as a judge."""
        return bool(self.called)

    @property
    def config_hash(self) -> str:
        return content_hash(self.config)

    @property
    def n_rollouts(self) -> int:
        """Attempts planned; a ladder without a target on an instance makes fewer."""
        return sum(chunk.n_rollouts for chunk in self.chunks)


def chosen_families(settings: Settings) -> dict[str, Family]:
    """Return the families of a run; none named means all.

    Raises:
        UnknownNameError: nobody registered a name.
    """
    names = settings.families or tuple(sorted(tasks_lib.families()))
    return {name: tasks_lib.family(name) for name in names}


def audit_policies(family: Family) -> tuple[str, ...]:
    """Return the names of the oracle, every rung of every ladder, every probe and what it is compared with."""
    ladders = (f"ladder/{operator}@{severity}" for operator in family.operators for severity in SEVERITIES)
    probes = (f"probe/{name}" for name in family.probes)
    honest = (f"probe/{name}{HONEST}" for name, probe in family.probes.items() if probe.honest)
    return ("oracle", *ladders, *probes, *honest)


def make_plan(
    settings: Settings,
    families: Sequence[Family],
    instances: Sequence[TaskInstance],
    *,
    run_id: str,
    code_version: str,
    started_at: datetime,
    generated: bool = True,
    known_policies: Known | None = None,
    trust: Trust | None = None,
    deployment: str | None = None,
) -> tuple[RunPlan, bytes]:
    """Lay out a run.

    `known_policies` are those of the warehouse, of which checkpoints may descend. `trust` says which judges may narrow
    rewards; where none is given, none is calibrated. `deployment` is the scheduled one that the run belongs to.

    Returns:
        The plan, and the content of `instances.jsonl` that it points into.

    Raises:
        UnknownNameError: a policy nobody provides.
        InputError: no instances, or two that share an identifier.
        SettingsError: the descent of a checkpoint cannot be meant.
    """
    lines, places = instance_lines(instances)
    built = {name: _build(name, families) for name in settings.policies}
    _refuse_same(built)
    own = with_descent(
        {name: policy.spec for name, policy in built.items()}, settings.checkpoints, known_policies or {}
    )
    specs = {spec.policy_id: spec for spec in own.values()}
    portions: list[Portion] = []
    for family in families:
        asked = [places[instance.instance_id] for instance in instances if instance.family == family.name]
        names = audit_policies(family) if settings.audit else ()
        audit = {name: tasks_lib.policy(name) for name in names if name not in built}
        specs.update({policy.spec.policy_id: policy.spec for policy in audit.values()})
        packs = _packs(built, audit, settings.group, settings.chunk_size)
        portions += [Portion(family.name, asked, pack, sum(one.name in audit for one in pack)) for pack in packs]

    weak, strong = settings.anchors
    config = settings.model_dump(mode="json", exclude=set(NOT_OF_THE_WORK)) | {"weak": weak, "strong": strong}
    if not generated:  # instances that were handed in follow from no number, seed or difficulty of ours
        config |= dict.fromkeys(("n", "seed", "difficulty"))
    if settings.judges or any(spec.kind == "model" for spec in specs.values()):
        config["api"] = recorded_place()
    if settings.judges:
        config |= (trust or Trust(mode=settings.trust)).as_config()
    plan = RunPlan(
        run_id=run_id,
        config=config,
        code_version=code_version,
        taskset_hash=content_hash(sorted(places)),
        started_at=started_at,
        thresholds=settings.thresholds,
        plugins=settings.plugins,
        families=tuple(family.name for family in families),
        policies=tuple(specs.values()),
        chunks=tuple(all_chunks(portions, settings.chunk_size)),
        budget=RunBudget(max_cost_usd=settings.max_cost_usd, max_tokens=settings.max_tokens),
        deployment=deployment,
        shards=place_of_shards(settings.shards, run_id),
    )
    return plan, lines


def write_plan(spool: Path, plan: RunPlan, lines: bytes, also: Callable[[Path], None] = lambda _folder: None) -> None:
    """Write a plan and its instances; the spool appears whole or not at all.

    Args:
        spool: folder of the run.
        plan, lines: as `make_plan` returns them.
        also: writes whatever else the work begins with into the folder it is given, before that becomes the spool.

    Raises:
        InputError: there is a run of that name already.
    """
    if spool.exists():
        raise InputError(f"there is a run {plan.run_id!r} already in {spool}; take it up with --resume {plan.run_id}")
    spool.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".plan-", dir=spool.parent))
    try:
        also(unfinished)
        _write_synced(unfinished / INSTANCES_FILE, lines)
        _write_synced(unfinished / PLAN_FILE, plan.model_dump_json().encode())
        unfinished.rename(spool)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def read_plan(spool: Path) -> RunPlan:
    """Read the plan of a run that was begun.

    Raises:
        InputError: there is none, or another version of this program wrote it.
    """
    path = spool / PLAN_FILE
    try:
        return RunPlan.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: there is no plan to take up; {_others(spool)}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}, field {place!r}: {first['msg']}; was it written by another version?") from None


def place_of_shards(shards: str | None, run_id: str) -> str | None:
    """Return where a run leaves its shards; None: in its own folder.

    Args:
        shards: folder or URL for the shards of all runs.
        run_id: the run.
    """
    if shards is None:
        return None
    return f"{shards.rstrip('/')}/{run_id}" if "://" in shards else str(Path(shards).resolve() / run_id)


def run_shards(spool: Path, plan: RunPlan) -> Shards:
    """Return the shards of a run, wherever they are."""
    return Shards.of_run(spool) if plan.shards is None else Shards(plan.shards)


def read_instance(spool: Path, place: PlannedInstance) -> TaskInstance:
    """Read one instance of a run."""
    with (spool / INSTANCES_FILE).open("rb") as lines:
        lines.seek(place.offset)
        return TaskInstance.model_validate_json(lines.readline())


def all_instances(spool: Path) -> Iterator[TaskInstance]:
    """Read every instance of a run, in order."""
    with (spool / INSTANCES_FILE).open("rb") as lines:
        for line in lines:
            yield TaskInstance.model_validate_json(line)


def unfinished_runs(folder: Path) -> list[str]:
    """Return the runs in a folder that can be taken up again, oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"*/{PLAN_FILE}")) if folder.is_dir() else []


def _others(spool: Path) -> str:
    others = sorted(path.parent.name for path in spool.parent.glob(f"*/{PLAN_FILE}"))
    return f"unfinished runs here: {', '.join(others)}" if others else "no run is unfinished here"


def instance_lines(instances: Iterable[TaskInstance]) -> tuple[bytes, dict[str, PlannedInstance]]:
    """Return the content of `instances.jsonl`, and where each instance stands in it.

    Raises:
        InputError: no instances, or two that share an identifier.
    """
    lines, places, offset = [], {}, 0
    for instance in instances:
        if instance.instance_id in places:
            raise InputError(f"instance {instance.instance_id} stands there twice; every instance needs its own id")
        line = canonical_json(instance.model_dump(mode="json")).encode() + b"\n"
        places[instance.instance_id] = PlannedInstance(instance_id=instance.instance_id, offset=offset)
        lines.append(line)
        offset += len(line)
    if not lines:
        raise InputError("there are no instances to attempt")
    return b"".join(lines), places


def _build(name: str, families: Sequence[Family]) -> Policy | ModelPolicy:
    """Build a policy to see that it exists; probes and operators are known to families only."""
    provider, _, rest = name.partition("/")
    if provider == "probe" and not any(rest.removesuffix(HONEST) in family.probes for family in families):
        known = sorted({probe for family in families for probe in family.probes})
        raise UnknownNameError(f"unknown policy {name!r}; known probes: {', '.join(known)}")
    if provider == "ladder":
        operator = rest.partition("@")[0]
        if not any(operator in family.operators for family in families):
            known = sorted({operator for family in families for operator in family.operators})
            raise UnknownNameError(f"unknown policy {name!r}; known operators: {', '.join(known)}")
    return tasks_lib.policy(name)


def _refuse_same(policies: Mapping[str, Policy | ModelPolicy]) -> None:
    """Refuse two names of one policy: the rollouts of both would have the same keys."""
    names: dict[str, str] = {}
    for name, policy in policies.items():
        other = names.setdefault(policy.spec.policy_id, name)
        if other != name:
            raise InputError(f"{other!r} and {name!r} are both the policy {policy.spec.policy_id!r}; leave one out")


def _planned(name: str, policy: Policy | ModelPolicy, samples: int) -> PlannedPolicy:
    if isinstance(policy, ReplayPolicy):
        samples = 1 + max(sample for _, sample in policy.outputs)
        name = _absolute_replay(name)
    return PlannedPolicy(name=name, policy_id=policy.spec.policy_id, samples=samples)


def _packs(
    policies: Mapping[str, Policy | ModelPolicy],
    audit: Mapping[str, Policy | ModelPolicy],
    group: int,
    size: int,
) -> list[list[PlannedPolicy]]:
    """Put policies together whose attempts at an instance belong into one chunk, those of the audit last.

    A worker finds out something about an instance once, which for a text takes as long as grading ten outputs; so all
    policies of code attempt it in one chunk, unless that alone would be more than a chunk. A model has chunks of its
    own: they wait for calls, and a limit of that model is a limit of them.
    """
    own: list[list[PlannedPolicy]] = []
    shared: list[list[PlannedPolicy]] = []
    room = 0
    samples = {**dict.fromkeys(policies, group), **dict.fromkeys(audit, 1)}
    for name, policy in {**policies, **audit}.items():
        planned = _planned(name, policy, samples[name])
        if isinstance(policy, ModelPolicy):
            own.append([planned])
        elif planned.samples <= room:
            shared[-1].append(planned)
            room -= planned.samples
        else:
            shared.append([planned])
            room = size - planned.samples
    return [*own, *shared]


def _absolute_replay(name: str) -> str:
    """Name the file of a replay so that a run can be taken up from another folder."""
    path, separator, wanted = name.removeprefix("replay:").partition(".jsonl:")
    if separator:
        return f"replay:{Path(path + '.jsonl').resolve()}:{wanted}"
    return f"replay:{Path(path).resolve()}"


@dataclass(frozen=True)
class Portion:
    """Policies that attempt the same instances, before they are cut into chunks."""

    family: str
    instances: Sequence[PlannedInstance]
    policies: Sequence[PlannedPolicy]
    n_audit: int = 0
    """How many of them, the last, are of the audit: the oracle, the ladders and the probes."""

    @property
    def who(self) -> str:
        """Say, in a few words, who attempts them."""
        groups = [policy.name for policy in self.policies[: len(self.policies) - self.n_audit]]
        return ", ".join(filter(None, (few(groups), "oracle, ladders, probes" if self.n_audit else "")))

    def instances_per_chunk(self, size: int) -> int:
        return max(1, round(size / sum(policy.samples for policy in self.policies)))

    def n_chunks(self, size: int) -> int:
        return -(-len(self.instances) // self.instances_per_chunk(size))


def all_chunks(portions: Sequence[Portion], size: int) -> Iterator[Chunk]:
    """Cut everything into chunks of about `size` rollouts, or of more where that makes too many."""
    while sum(portion.n_chunks(size) for portion in portions) > MOST_CHUNKS:
        if all(portion.n_chunks(size) <= 1 for portion in portions):
            break
        size *= 2
    for portion in portions:
        if portion.instances:
            yield from _chunks(portion, portion.n_chunks(size))


def _chunks(portion: Portion, n: int) -> Iterator[Chunk]:
    """Cut a portion into so many chunks, as even as can be: one worker does not wait for the other's larger one."""
    per_instance = sum(policy.samples for policy in portion.policies)
    ends = [len(portion.instances) * place // n for place in range(n + 1)]
    for start, end in pairwise(ends):
        part = tuple(portion.instances[start:end])
        work = {
            "instances": [place.instance_id for place in part],
            "policies": [policy.model_dump() for policy in portion.policies],
        }
        yield Chunk(
            key=content_hash(portion.family, work, length=16),
            family=portion.family,
            label=f"{portion.family} {portion.who} {len(part) * per_instance} rollouts",
            instances=part,
            policies=tuple(portion.policies),
        )


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def parse_instances(path: Path) -> list[TaskInstance]:
    """Read instances from JSON lines.

    Raises:
        BadLinesError: not text, not JSON lines, a missing or unknown field, or one instance twice.
    """
    hint = "expected one instance a line, as `assay generate` writes them"
    records = read_lines(path, TaskInstance, hint)
    return list(refuse_repeats(path, records, lambda instance: f"instance {instance.instance_id}", hint))
