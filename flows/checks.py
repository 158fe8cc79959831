"""What is found out about a run before any work: whether its settings can be meant, models called, shards kept."""

from collections.abc import Sequence

import tasks_lib
from flows.access import read_access
from flows.errors import InputError, SettingsError
from flows.model_host import require_prices
from flows.settings import Settings, nearest
from graders.judge.judge import judge
from tasks_lib.models.prices import price_table
from tasks_lib.policies.base import ModelPolicy
from tasks_lib.records import TaskInstance
from warehouse import Warehouse
from warehouse.shards import Shards


def require_free_shards(setting: str | None, shards: Shards) -> None:
    """Find out before any work whether chunks can leave their shards where they are wanted.

    Raises:
        ShardError: they cannot.
        InputError: there are shards already, of another run of that name.
    """
    if setting is None:
        return
    shards.try_out()
    if shards.keys():
        raise InputError(f"{shards.place}: there are shards of another run of that name; give the run another name")


def require_known_thresholds(settings: Settings) -> None:
    if not settings.thresholds:
        return
    with Warehouse.in_memory() as warehouse:
        known = warehouse.view("default_threshold")["name"].to_list()
    for name in settings.thresholds:
        if name not in known:
            raise SettingsError(f"setting 'thresholds': unknown threshold {name!r}; {nearest(name, known)}")
    if not 0 < settings.thresholds.get("change_margin", 1) <= 1:
        raise SettingsError("setting 'thresholds': change_margin must be above 0, up to 1; without one all is a change")
    if settings.thresholds.get("training_group", 2) < 2:
        raise SettingsError("setting 'thresholds': training_group must be 2 or more; a group of one has no spread")


def require_callable_models(settings: Settings, asked: Sequence[TaskInstance]) -> None:
    """Find out before any work whether models can be called, and paid for, as the settings want it.

    Raises:
        InputError: no key, no price to hold a budget against, or a batch of what takes several calls.
    """
    models = {
        name: str(policy.spec.regime.get("model", name))
        for name in settings.policies
        for policy in [tasks_lib.policy(name)]
        if isinstance(policy, ModelPolicy)
    }
    called = models | {name: judge(name).model for name in settings.judges}
    if settings.batch and not called:
        raise SettingsError(
            "setting 'batch': nothing calls a model; name a policy or a judge, such as --policy anthropic/<model>"
        )
    if not called:
        return
    _refuse_same_judges(settings)
    read_access(next(iter(called)), settings.api_key_block)
    prices = price_table(settings.prices)
    if settings.max_cost_usd is not None:
        require_prices(called, prices)
    if settings.batch and models and any(instance.mode != "single" for instance in asked):
        raise SettingsError("setting 'batch': only single mode has one call an attempt; add --mode single")


def _refuse_same_judges(settings: Settings) -> None:
    """Refuse two names of one judge: the verdicts of both would have the same keys."""
    names: dict[str, str] = {}
    for name in settings.judges:
        other = names.setdefault(judge(name).grader_id, name)
        if other != name:
            raise SettingsError(f"setting 'judges': {other!r} and {name!r} are the same judge; leave one out")
