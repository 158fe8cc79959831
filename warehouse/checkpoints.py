"""Every checkpoint against its parent and against the base of its line: the rows of `checkpoint_change`.

Only what the same graders scored is compared, on the instances that both attempted, over all completed runs.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warehouse.stats.paired import PairedChange
    from warehouse.store import Warehouse

MOST_MISSING = 0.05
"""Share of rollouts or instances from which on it is said that they are missing on one side, and part of the score from
which on it is said that more of it is left open on one side (judgement)."""

# Over runs, every rollout that counts weighs the same; of a composite all count, of a dimension those assessed.
MEANS = """
    select
        family, split, policy_id, dimension, graders, instance_id,
        bool_or(is_mixed) as is_mixed,
        sum(n_rollouts) as n_rollouts,
        sum(n_unassessed) as n_unassessed,
        case
            when dimension = 'composite' then sum(mean * n_rollouts) / sum(n_rollouts)
            else sum(mean * (n_rollouts - n_unassessed)) / nullif(sum(n_rollouts - n_unassessed), 0)
        end as mean,
        avg(width) as width
    from stg_checkpoint_mean
    group by family, split, policy_id, dimension, graders, instance_id
"""
# A regrade copies what was lost: each attempt counts once.
LOST = """
    with attempt as (
        select instance_id, policy_id, bool_and(rollout.status = 'error') as is_lost
        from rollout
        join run using (run_id)
        join stg_origin using (run_id)
        where run.status = 'completed' and policy_id in (select policy_id from stg_lineage)
        group by origin, instance_id, policy_id, sample
    )
    select instance.family, instance.split, policy_id, avg(cast(is_lost as integer)) as share
    from attempt
    join instance using (instance_id)
    group by instance.family, instance.split, policy_id
"""
# The margin is that of the latest run of a checkpoint.
MARGINS = """
    select rollout.policy_id, arg_max(stg_threshold.change_margin, (run.started_at, run.run_id)) as margin
    from (select distinct policy_id, run_id from rollout) as rollout
    join run using (run_id)
    join stg_threshold using (run_id)
    where run.status = 'completed' and rollout.policy_id in (select policy_id from stg_lineage)
    group by rollout.policy_id
"""

Place = tuple[str, str]
"""Family and split."""
Key = tuple[str, str, str, str]
"""Family, split, policy_id and dimension."""


@dataclass
class _Arm:
    """What one policy earned on one dimension under one set of graders."""

    means: dict[str, float | None] = field(default_factory=dict)
    """Instance -> mean; None where nothing is known."""
    widths: dict[str, float] = field(default_factory=dict)
    """Instance -> how much of the score is left open; only where something is known."""
    n_rollouts: int = 0
    n_unassessed: int = 0
    is_mixed: bool = False

    @property
    def assessed(self) -> dict[str, float]:
        return {instance: mean for instance, mean in self.means.items() if mean is not None}


Arms = Mapping[Key, Mapping[str, _Arm]]
"""Key -> graders -> arm."""


@dataclass(frozen=True)
class _Contrast:
    """A comparison before its p value is adjusted."""

    row: dict[str, Any]
    change: "PairedChange"
    notes: str


def checkpoint_changes(warehouse: "Warehouse") -> Iterator[dict[str, Any]]:
    """Yield a row per comparison, by family, split and dimension; none, at no cost, where no policy has a parent."""
    if not warehouse.sql("select 1 from policy where parent is not null limit 1").height:
        return
    from warehouse.stats.paired import adjusted

    arms = _arms(warehouse)
    lost = {(family, split, policy): share for family, split, policy, share in warehouse.sql(LOST).iter_rows()}
    margins = dict(warehouse.sql(MARGINS).iter_rows())
    names = dict(warehouse.sql("select policy_id, name from policy").iter_rows())
    lines = warehouse.sql("select policy_id, parent, base from stg_lineage where parent is not null").rows()
    together: dict[Place, list[_Contrast]] = defaultdict(list)
    for policy, parent, base in sorted(lines):
        # The parent first; where it is the base there is one comparison.
        for against in dict.fromkeys(name for name in (parent, base) if name is not None):
            for family, split, dimension in sorted((f, s, d) for f, s, p, d in arms if p == policy):
                found = _contrast(arms, (family, split), against, policy, dimension, margins[policy], names, lost)
                together[family, split].append(found)
    for contrasts in together.values():
        for contrast, change in zip(contrasts, adjusted([one.change for one in contrasts]), strict=True):
            yield {
                **contrast.row,
                "n_instances": change.n, "delta": change.delta, "se": change.se, "ci_low": change.ci_low,
                "ci_high": change.ci_high, "p": change.p, "p_holm": change.p_holm, "tost_p": change.tost_p,
                "margin": change.margin, "n_to_decide": change.n_to_decide, "status": change.status,
                "reason": contrast.notes + change.reason,
            }  # fmt: skip


def _arms(warehouse: "Warehouse") -> Arms:
    arms: dict[Key, dict[str, _Arm]] = defaultdict(lambda: defaultdict(_Arm))
    for row in warehouse.sql(MEANS).iter_rows(named=True):
        arm = arms[row["family"], row["split"], row["policy_id"], row["dimension"]][row["graders"]]
        arm.means[row["instance_id"]] = row["mean"]
        if row["width"] is not None:
            arm.widths[row["instance_id"]] = row["width"]
        arm.n_rollouts += int(row["n_rollouts"])
        arm.n_unassessed += int(row["n_unassessed"])
        arm.is_mixed |= row["is_mixed"]
    return arms


def _contrast(
    arms: Arms,
    place: Place,
    against: str,
    policy: str,
    dimension: str,
    margin: float,
    names: Mapping[str, str],
    lost: Mapping[tuple[str, str, str], float],
) -> _Contrast:
    from warehouse.stats.paired import paired_change

    before = arms.get((*place, against, dimension), {})
    after = arms[(*place, policy, dimension)]
    graders = _common(before, after)
    first, second = (before[graders], after[graders]) if graders is not None else (_Arm(), _Arm())
    n_left_out = _left_out(first, second)
    row = {
        "family": place[0], "split": place[1], "base_policy": against, "policy_id": policy, "dimension": dimension,
        "graders": graders, "n_left_out": n_left_out,
    }  # fmt: skip
    if graders is None:
        notes = _why_not(
            any(key[:3] == (*place, against) for key in arms), before, after, place, names.get(against, against)
        )
    else:
        notes = _missing(first, second, dimension, n_left_out) + _lost(place, against, policy, lost)
    change = paired_change(first.assessed, second.assessed, margin)
    return _Contrast(row, change, notes)


def _common(before: Mapping[str, _Arm], after: Mapping[str, _Arm]) -> str | None:
    """Return the graders under which the two share most instances; None where no graders did both."""
    both = [name for name, arm in before.items() if name in after and not arm.is_mixed and not after[name].is_mixed]
    return max(both, key=lambda name: (len(before[name].means.keys() & after[name].means.keys()), name), default=None)


def _left_out(first: _Arm, second: _Arm) -> int:
    shared = first.means.keys() & second.means.keys()
    return sum(first.means[name] is None or second.means[name] is None for name in shared)


def _why_not(is_there: bool, before: Mapping[str, _Arm], after: Mapping[str, _Arm], place: Place, name: str) -> str:
    """Say why two checkpoints cannot be compared."""
    if not is_there:
        return f"{name} has no graded rollouts on {place[0]}, split {place[1]}: "
    if not before:
        return f"{name} has no score of this dimension: "
    if any(arm.is_mixed for arm in (*before.values(), *after.values())):
        return "Several versions of one grader graded one checkpoint; grade it anew with `assay regrade`: "
    theirs, ours = " or ".join(sorted(before)), " or ".join(sorted(after))
    return f"Graded differently ({theirs} before, {ours} after); grade both alike with `assay regrade`: "


def _missing(first: _Arm, second: _Arm, dimension: str, n_left_out: int) -> str:
    """Say what is not assessed, where that may have made the difference."""
    said = f"{n_left_out} shared instances are left out, not assessed on one side. " if n_left_out else ""
    shares = [arm.n_unassessed / arm.n_rollouts for arm in (first, second)]
    if abs(shares[0] - shares[1]) > MOST_MISSING:
        what = "not ready" if dimension == "composite" else "unassessed"
        said += f"Of the rollouts {shares[0]:.0%} were {what} before and {shares[1]:.0%} after. "
    n_missing = len(first.means.keys() - second.means.keys())
    if n_missing > MOST_MISSING * len(first.means):
        said += f"Of the {len(first.means)} instances before, {n_missing} were not attempted after. "
    return said + _left_open(first, second)


def _left_open(first: _Arm, second: _Arm) -> str:
    """Say that more of the score is settled on one side: what is proven rises by that alone."""
    shared = first.widths.keys() & second.widths.keys()
    if not shared:
        return ""
    before, after = (sum(arm.widths[name] for name in shared) / len(shared) for arm in (first, second))
    if abs(before - after) <= MOST_MISSING:
        return ""
    return (
        f"Left open was {before:.2f} of the score before and {after:.2f} after, which moves what is proven by itself. "
    )


def _lost(place: Place, against: str, policy: str, lost: Mapping[tuple[str, str, str], float]) -> str:
    """Say that rollouts were lost to infrastructure, where they are many."""
    shares = [lost.get((*place, name), 0.0) for name in (against, policy)]
    if max(shares) <= MOST_MISSING:
        return ""
    return f"Lost to infrastructure: {shares[0]:.0%} of the rollouts before, {shares[1]:.0%} after. "
