"""What each knob of a family does to the reward: the rows of `knob_effect`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warehouse.store import Warehouse

MEANS = """
    select
        stg_attempt.run_id, stg_attempt.family, stg_attempt.instance_id, stg_attempt.policy_id,
        any_value(cast(instance.knobs as varchar)) as knobs, avg(stg_attempt.reward) as reward
    from stg_attempt
    join instance using (instance_id)
    where stg_attempt.is_graded and stg_attempt.is_group and list_contains(?::varchar[], stg_attempt.run_id)
    group by stg_attempt.run_id, stg_attempt.family, stg_attempt.instance_id, stg_attempt.policy_id
    order by all
"""


def knob_rows(warehouse: "Warehouse", runs: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield a row per family and knob of these runs."""
    found = warehouse.sql(MEANS, [list(runs)]).iter_rows(named=True) if runs else iter(())
    for (run_id, family), rows in groupby(found, key=lambda row: (row["run_id"], row["family"])):
        yield from _of_family(run_id, family, list(rows))


def _of_family(run_id: str, family: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    from warehouse.stats.knobs import knob_effects

    settings = [json.loads(row["knobs"]) for row in rows]
    numbers = {name: column for name in settings[0] if (column := _numbers(settings, name)) is not None}
    if not numbers:
        return
    found = knob_effects(
        [row["reward"] for row in rows],
        [row["instance_id"] for row in rows],
        [row["policy_id"] for row in rows],
        numbers,
    )
    for effect in found.effects:
        yield {
            "run_id": run_id, "family": family, "knob": effect.knob, "n_instances": effect.n_instances,
            "coefficient_per_sd": effect.per_sd, "coefficient_per_unit": effect.per_unit, "se": effect.se,
            "ci_low": effect.ci_low, "ci_high": effect.ci_high, "p_holm": effect.p_holm, "reason": effect.reason,
        }  # fmt: skip


def _numbers(settings: Sequence[Mapping[str, Any]], name: str) -> list[float] | None:
    """Return a knob's settings; None where one of them is no number, such as the name of a separator."""
    column = [setting.get(name) for setting in settings]
    numbers = [float(value) for value in column if isinstance(value, (int, float))]
    return numbers if len(numbers) == len(column) else None
