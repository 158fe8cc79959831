"""What the numbers say, in sentences: one paragraph a section, from rows of the report and nothing else."""

from collections.abc import Sequence

from flows.report.data import ReportData, Row

MEANINGS = {
    "trainable": "rewards differ, and for a reason",
    "weak_signal": "too many groups would teach nothing",
    "noisy": "mostly the judge's noise",
    "flat": "pinned between no work and the oracle",
    "saturated": "all near what the oracle earns",
    "no_signal": "all near what no work earns",
    "clamped": "caps turned an order into ties",
    "unassessed": "too little of the weight is settled",
    "insufficient_data": "too few rollouts arrived",
}
"""Verdict -> what it means, in a few words."""


def summary(data: ReportData) -> list[str]:
    """Say what an author needs first: what teaches, and which graders hold."""
    said = _of_groups(data)
    said += _of_probes(data)
    said += _of_graders(data)
    lost = data.one("run_counts").get("n_lost")
    if lost:
        said.append(f"{_n(lost, 'rollout')} lost to infrastructure, in no figure here.")
    return said or ["Nothing was attempted in groups and nothing was audited: there is nothing to say yet."]


def overview(data: ReportData) -> str:
    """Say how much of the run rests on few rollouts."""
    rows = data.rows("policy_verdicts")
    if not rows:
        return "No policy attempted anything in groups: only graders were audited."
    open_ = [
        f"{row['n_unresolved']:,} of {row['n_groups']:,} for {data.label(row['policy_id'])}"
        for row in rows
        if row["n_unresolved"]
    ]
    if not open_:
        return "No verdict here would be overturned by more rollouts."
    return f"More rollouts could still overturn verdicts: {_and(open_)}."


def spread(data: ReportData) -> str:
    """Say how far rewards of a typical group differ."""
    rows = data.rows("policy_verdicts")
    said = [
        f"{row['median_std']:.3f} for {data.label(row['policy_id'])}" for row in rows if row["median_std"] is not None
    ]
    if not said:
        return ""
    return f"In half of the groups the rewards differ by a standard deviation of at least {_and(said)}."


def difficulty(data: ReportData) -> str:
    """Say what the anchors earn, and whether the strong one always earns more."""
    said = [
        f"{row['family']}: on average the weak anchor earns {row['weak_mean']:.3f}, the strong {row['strong_mean']:.3f}"
        + (f"; on {_n(row['n_negative'], 'instance')} the weak one earns more" if row["n_negative"] else "")
        for row in data.rows("anchor_means")
    ]
    if not said:
        return "No anchors: name the weakest and the strongest policy with --span to have difficulties quoted."
    return ". ".join(said) + "."


def reward(data: ReportData) -> str:
    """Say whether instances that were meant to be harder are."""
    rows = [row for row in data.rows("difficulty_slope") if _is_number(row["correlation"])]
    if not rows:
        return "The instances declare no difficulty; the one measured with the anchors is drawn, where there is one."
    fall = [row for row in rows if row["correlation"] < 0]
    said = f"{len(fall)} of {len(rows)} pairs of family and policy"
    return f"Rewards fall where an instance was meant to be harder, for {said}."


def caps(data: ReportData) -> str:
    """Name the policies that lost order to caps."""
    rows = data.rows("cap_impact")
    worst = [
        f"{row['destroyed_pair_rate']:.0%} for {data.label(row['policy_id'])} on {row['family']}"
        for row in rows
        if row["destroyed_pair_rate"]
    ]
    if worst:
        return f"Caps turned ordered pairs of rollouts into ties: {_and(worst)}."
    capped = [row for row in rows if row["share_capped"]]
    if capped:
        return "Caps lowered rewards, and left every order between two rollouts standing."
    return "No rollout was capped."


def probes(data: ReportData) -> str:
    """Name what is paid without the work."""
    broken = data.rows("probe_floor", holds=False)
    if not broken:
        return "No probe earns what it should not: none without work passes the floor, no trick gains anything."
    said = [f"{row['probe']} ({row['family']}, {row['max_reward']:.3f})" for row in broken]
    return f"{_n(len(broken), 'probe')} earn{'s' if len(broken) == 1 else ''} what should not be paid: {_and(said)}."


def confusion(data: ReportData) -> str:
    """Count what dimensions missed, and what they wrongly reacted to."""
    rows = data.rows("confusion_counts")
    if not any(row["n_disagree"] for row in rows):
        return "Every dimension sees the damage it should see, and no other." if rows else ""
    said = [
        f"{row['family']}: {row['n_missed']} missed, {row['n_wrong']} felt without cause, of {row['n_judged']} judged"
        for row in rows
    ]
    return "; ".join(said) + "."


def order(data: ReportData) -> str:
    """Say whether worse work ever scored higher."""
    said = [
        f"{row['n_violations']:,} of {row['n_pairs']:,} pairs in {row['family']}" for row in data.rows("order_counts")
    ]
    return f"Worse work scored higher in {_and(said)}." if said else ""


def training(data: ReportData) -> str:
    """Say what to train on."""
    counts = data.one("train_on_counts")
    if not counts.get("n_groups"):
        return ""
    decided = counts["n_groups"] - counts["n_unknown"]
    said = [f"{counts['n_train']:,} of {_n(decided, 'group')} are worth training on."] if decided else []
    return " ".join(said + _of_unknown(counts["n_unknown"], counts["n_groups"]))


def calibration(data: ReportData) -> str:
    """Name the dimensions on which a judge is not proven right."""
    rows = data.rows("judge_calibration")
    said = [f"{row['judge']} on {row['dimension']}{_which(row, rows)}: {row['status']}" for row in rows]
    return "; ".join(said) + "." if said else ""


def _which(row: Row, rows: Sequence[Row]) -> str:
    """Name the version of a judge where the page has several."""
    others = [other for other in rows if (other["judge"], other["dimension"]) == (row["judge"], row["dimension"])]
    return f" ({row['grader_version']})" if len(others) > 1 else ""


def trajectory(data: ReportData) -> str:
    """Say what moved since the first checkpoint, and what is not decided."""
    rows = data.rows("trajectory")
    said = [
        f"Against the base, {status}: {_and(found)}."
        for status in ("regressed", "moved")
        if (found := [f"{row['dimension']} at {row['policy']}" for row in rows if row["status_from_base"] == status])
    ]
    unclear = [row for row in rows if row["status_from_base"] == "unclear"]
    if unclear:
        said.append(f"{_n(len(unclear), 'comparison')} cannot be decided with so few instances.")
    return " ".join(said) if rows else ""


def _of_groups(data: ReportData) -> list[str]:
    rows = data.rows("policy_verdicts")
    if not rows:
        return []
    decided = [(row, row["n_groups"] - row["n_unknown"]) for row in rows if row["n_groups"] > row["n_unknown"]]
    said = []
    if decided:
        (first, n), *others = decided
        parts = [f"{first['n_trainable']:,} of {_n(n, 'group')} can teach {data.label(first['policy_id'])}"]
        parts += [f"{row['n_trainable']:,} of {n:,} {data.label(row['policy_id'])}" for row, n in others]
        said.append(f"{_and(parts)}.")
    return said + _of_unknown(sum(row["n_unknown"] for row in rows), sum(row["n_groups"] for row in rows))


def _of_unknown(n_unknown: int, n_groups: int) -> list[str]:
    """Say of how many groups nothing can be said: what is not known is not a zero."""
    if not n_unknown:
        return []
    which = f"the {_n(n_groups, 'group')}" if n_unknown == n_groups else f"{n_unknown:,} of {n_groups:,} groups"
    return [
        f"What {which} can teach is not known: too few rollouts were graded, or too little of the weight is settled."
    ]


def _of_probes(data: ReportData) -> list[str]:
    counts = data.one("probe_counts")
    if not counts.get("n_probes"):
        return []
    n = counts["n_above_floor"]
    if not n:
        return ["No zero-work probe breaks the floor."]
    return [f"{_n(n, 'zero-work probe')} {'breaks' if n == 1 else 'break'} the floor."]


def _of_graders(data: ReportData) -> list[str]:
    counts = data.one("confusion_totals")
    if not counts.get("n_judged"):
        return []
    if not counts["n_disagree"]:
        return ["Every dimension sees the damage it should see, and no other."]
    declared = (
        "all declared as blind spots"
        if counts["n_declared"] == counts["n_disagree"]
        else f"{counts['n_declared']} of them declared as blind spots"
    )
    return [f"Graders react as expected in all but {counts['n_disagree']} of {counts['n_judged']} cases, {declared}."]


def _n(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _and(parts: list[str]) -> str:
    """Join a list as a sentence does; after five the rest is a number."""
    shown = parts if len(parts) <= 5 else [*parts[:5], f"{len(parts) - 5} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _is_number(value: float | None) -> bool:
    return value is not None and value == value
