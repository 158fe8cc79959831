"""How a run's answers look in a terminal."""

from collections.abc import Iterator

import polars as pl

from flows import console
from flows.summary import POOLED, RunSummary
from flows.trust import Told

VERDICT_ORDER = (
    "trainable", "weak_signal", "noisy", "flat", "saturated", "no_signal", "clamped", "unassessed", "insufficient_data",
)  # fmt: skip
SHOWN_OF_EACH_KIND = 4
"""Probes of each kind that are printed where a run has several families."""
EXPECTED = {"moves": "v", "still": ".", "may": "~", "no_gain": "<"}


def show_run(summary: RunSummary) -> None:
    """Show everything: verdicts, probes, confusion, order, difficulty."""
    show_trust(summary.trust)
    show_verdicts(summary)
    show_report_card(summary)
    show_difficulty(summary)
    show_separation(summary)
    show_judges(summary)


def show_trust(told: Told) -> None:
    """Say, before all else, whether judges that nobody has calibrated moved what follows, and who does not count."""
    for mark in told.marks:
        console.alarm(mark)
    for note in told.notes:
        console.paragraph(note, indent=0)


def show_report_card(summary: RunSummary) -> None:
    """Show what a run says about the graders."""
    for family, n, reward in summary.oracle.iter_rows():
        console.line(f"\n{family}: the oracle earns at least {reward:.4f} on {n:,} instances")
    show_probes(summary)
    show_confusion(summary)
    show_order(summary)


def show_verdicts(summary: RunSummary) -> None:
    """Show how many groups got which verdict, by policy."""
    console.headline("Groups by verdict")
    if not summary.verdicts.height:
        console.line("  no policy attempted anything in groups")
        return
    present = set(summary.verdicts["verdict"])
    order = [name for name in VERDICT_ORDER if name in present] + sorted(present - set(VERDICT_ORDER))
    rows = summary.verdicts.group_by("family", "policy", maintain_order=True).agg(
        *(pl.col("groups").filter(pl.col("verdict") == name).sum().alias(name) for name in order),
        pl.col("groups").filter(~pl.col("resolved")).sum().alias("unresolved"),
    )
    console.print_frame(rows, {name: name.replace("_", " ") for name in rows.columns})


def show_probes(summary: RunSummary) -> None:
    """Show what each probe earns: against the floor, against the same output without the trick, the weak policy."""
    if not summary.probes.height:
        return
    console.headline("Probes: what is earned without the work (the best first)")
    columns = {
        "probe": "probe", "kind": "kind", "max_reward": "max reward", "mean_reward": "mean", "max_lift": "trick gains",
        "weak_mean": "weak policy", "holds": "holds",
    }  # fmt: skip
    families = _families(summary.probes)
    for family in families:
        rows = summary.probes.filter(family=family)
        console.line(f"  {family}")
        shown = rows if len(families) == 1 else _best_of_each_kind(rows)
        console.print_frame(shown, columns)
        if shown.height < rows.height:
            console.line(f"  {rows.height - shown.height} more, which earn no more and hold, are in probe_floor")
        for best in rows.filter(kind="zero").head(1).iter_rows(named=True):
            console.line(f"  best without any work: {best['probe']} with {best['max_reward']:.3f} on its best instance")
            weak = "" if best["weak_mean"] is None else f"; the weak policy earns {best['weak_mean']:.3f} on average"
            console.line(f"  the floor is {best['floor']:.2f}{weak}")


def _best_of_each_kind(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the probes that earn the most, by kind, and all that do not hold; the order stays."""
    place = pl.int_range(pl.len()).over("kind")
    return rows.filter((place < SHOWN_OF_EACH_KIND) | ~pl.col("holds").fill_null(False))


def show_confusion(summary: RunSummary) -> None:
    """Show which damage each dimension saw, a row per operator, a column per dimension."""
    if not summary.confusion.height:
        return
    console.headline("Grader confusion: share of instances in which the damage moved the dimension")
    for family in _families(summary.confusion):
        rows = summary.confusion.filter(family=family)
        dimensions = rows["dimension"].unique(maintain_order=True).to_list()
        headings = [name.replace("_", " ") for name in dimensions]
        console.line(f"  {family}")
        console.print_rows(["operator", *headings], _matrix(rows, dimensions), [False] + [True] * len(dimensions))
        wrong = rows.filter(~pl.col("agrees").fill_null(True)).height
        console.line("  v should fall   . should stay   < must not rise   ~ may do either")
        console.line(f"  ! does not agree: {wrong} of {rows.height}")


def show_order(summary: RunSummary) -> None:
    """Show whether worse work ever scored higher."""
    for family in _families(summary.monotonicity):
        rows = summary.monotonicity.filter(family=family)
        console.line(
            f"\n{family}: worse work scored higher in {rows['n_violations'].sum():,} of {rows['n_pairs'].sum():,} pairs"
        )


def show_difficulty(summary: RunSummary) -> None:
    """Show how hard the instances are, against the anchors."""
    known = summary.difficulty.filter(pl.col("median").is_not_null())
    for family in summary.difficulty.filter(pl.col("median").is_null())["family"]:
        console.line(f"\nDifficulty of {family}: not known, an anchor is missing; name two policies with --span")
    for family, weak, strong in known.select("family", "weak_policy", "strong_policy").iter_rows():
        console.headline(f"Difficulty of {family}, between {_name(weak)} and {_name(strong)}")
        columns = {
            "n_instances": "instances", "weak_mean": "weak mean", "strong_mean": "strong mean",
            "discrimination": "strong - weak", "p10": "easiest tenth", "median": "median", "p90": "hardest tenth",
        }  # fmt: skip
        console.print_frame(known.filter(family=family), columns)


def show_separation(summary: RunSummary) -> None:
    """Say of policies that a difficulty is quoted against when they do not differ as they were named."""
    for row in summary.separation.filter(pl.col("separation") != "separate").iter_rows(named=True):
        lower, higher = row["lower"], row["higher"]
        what = "the anchors" if row["is_whole_span"] else f"within the span, {lower} and {higher}"
        verb, told = {
            "reversed": ("stand in the wrong order", f"{lower} earns more than {higher}"),
            "not_separate": ("do not separate", f"{lower} and {higher} cannot be told apart"),
            "unknown": ("cannot be compared", "one instance is not enough"),
        }[row["separation"]]
        console.line(f"\n{row['family']}: {what} {verb}")
        interval = "" if row["ci_low"] is None else f", 95 % interval {row['ci_low']:.3f} to {row['ci_high']:.3f}"
        console.line(f"  {told}: gap {row['gap']:.3f}{interval}")
        if row["is_whole_span"]:
            console.line("  a difficulty quoted against them says little; name others with --span")


def show_judges(summary: RunSummary) -> None:
    """Show what the judges were asked, what they left open, how much they repeat themselves, and what it cost."""
    if not summary.judges.height:
        return
    console.headline("Judges: what code left open")
    columns = {
        "dimension": "dimension", "counts": "counts", "n_asked": "asked", "n_without_verdict": "no verdict",
        "most_frequent_reason": "mostly", "noise_sd": "noise sd", "level_agreement": "same level",
    }  # fmt: skip
    for family, judge in summary.judges.select("family", "judge").unique(maintain_order=True).iter_rows():
        console.line(f"  {family}, {judge}")
        console.print_frame(summary.judges.filter(family=family, judge=judge), columns)
    if summary.judges["noise_sd"].null_count() == summary.judges.height:
        console.line("  noise: not known, each was asked once; add --judge-replicates 3")
    for row in summary.spent.iter_rows(named=True):
        cached = row["cached_tokens"] / row["input_tokens"] if row["input_tokens"] else 0.0
        cost = "cost not known" if row["cost_usd"] is None else f"${row['cost_usd']:,.2f}"
        console.line(
            f"  {row['spender']}: {row['calls']:,} calls, {row['input_tokens']:,} tokens read, {cached:.0%} of them "
            f"from the cache, {row['output_tokens']:,} written, {cost}"
        )
    if summary.flips.height:
        console.headline("Judge noise in training: how often it alone turns two rollouts of a group round")
        console.print_frame(
            summary.flips,
            {"family": "family", "policy": "policy", "n_groups": "groups", "noise_sd": "reward noise",
             "flip_probability": "pairs turned", "min_gap_for_5_percent": "gap for 5 %"},
        )  # fmt: skip


def show_lift(summary: RunSummary) -> None:
    """Show what attacks gain with a judge: the same output with and without each."""
    if not summary.lift.height:
        return
    console.headline("Attacks on the judges: the same output with and without the trick")
    columns = {
        "dimension": "dimension", "n_instances": "instances", "mean_without": "without", "mean_with": "with",
        "lift": "lift", "ci_low": "from", "ci_high": "to", "share_without_verdict": "no verdict",
        "share_flagged": "flagged by code",
    }  # fmt: skip
    for family, judge in summary.lift.select("family", "judge").unique(maintain_order=True).iter_rows():
        own = summary.lift.filter(family=family, judge=judge)
        console.line(f"  {family}, {judge}")
        console.print_frame(own.filter(probe=POOLED), columns)
        lifting = own.filter((pl.col("probe") != POOLED) & pl.col("is_lifted").fill_null(False))
        for row in lifting.iter_rows(named=True):
            console.line(f"  {row['probe']} raises {row['dimension']} by {row['lift']:.3f}")
    console.line("  lift with its 95 % interval over instances; what code flags is not judged and gains nothing")


def show_limits(summary: RunSummary) -> None:
    """Show the known limits of the graders and what demonstrates each."""
    if not summary.limits.height:
        return
    console.headline("Known limits of the graders")
    for family in _families(summary.limits):
        console.line(f"  {family}")
        console.print_frame(
            summary.limits.filter(family=family), {"name": "limit", "shown_by": "shown by", "text": "what"}
        )


def _matrix(rows: pl.DataFrame, dimensions: list[str]) -> Iterator[list[str]]:
    cells = {(row["operator"], row["dimension"]): _mark(row) for row in rows.iter_rows(named=True)}
    for operator in rows["operator"].unique(maintain_order=True):
        yield [operator, *(cells.get((operator, dimension), "") for dimension in dimensions)]


def _mark(row: dict[str, object]) -> str:
    share = row["moved_share"]
    moved = "-" if not isinstance(share, (int, float)) else f"{share:.0%}"
    mark = "!" if row["agrees"] is False else ""
    return f"{mark}{moved} {EXPECTED.get(str(row['expected']), ' ')}"


def _name(policy_id: str) -> str:
    """Leave out the hash of the regime, which is for joining."""
    return policy_id.partition("#")[0]


def _families(frame: pl.DataFrame) -> list[str]:
    return frame["family"].unique(maintain_order=True).to_list()
