"""What the page shows, in which order: sections of figures and tables, each naming the rows it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flows.report import findings
from flows.report.data import ReportData

Form = Literal["text", "count", "number", "share", "signed", "bool", "list", "money", "code"]


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    key: str
    label: str
    form: Form = "text"
    interval: tuple[str, str] | None = None
    """Columns with the ends of its 95 % interval, written behind the number."""


@dataclass(frozen=True)
class Panel:
    """One small chart of a figure."""

    title: str
    where: Mapping[str, Any]
    group: str = ""
    """Panels of one group stand in rows of their own, under its name."""


@dataclass(frozen=True)
class Figure:
    """A chart in one or several panels with its table, or a table alone."""

    key: str
    title: str
    source: str
    columns: tuple[Column, ...]
    chart: str | None = None
    panels: tuple[Panel, ...] = ()
    caption: str = ""
    sets: Mapping[str, str] = field(default_factory=dict)
    """Further named data sets of the chart -> the table they are filled from, cut to the panel's family."""
    legend: Literal["", "verdicts", "policies"] = ""
    size: Literal["tiny", "small", "medium", "wide"] = "medium"
    where: Mapping[str, Any] = field(default_factory=dict)
    """Which rows the table shows."""
    first: int = 12
    """Rows of a table without a chart that stand there before somebody asks for more."""


@dataclass(frozen=True)
class Section:
    """One part of the page."""

    key: str
    title: str
    finding: str
    figures: tuple[Figure, ...] = ()
    note: str = ""


FAMILY, POLICY = Column("family", "family"), Column("policy_id", "policy")
DIMENSION, OPERATOR = Column("dimension", "dimension"), Column("operator", "operator")
INSTANCE, VERDICT = Column("instance_id", "instance", "code"), Column("verdict", "verdict")
GROUPS, INSTANCES = Column("n_groups", "groups", "count"), Column("n_instances", "instances", "count")


def sections(data: ReportData) -> tuple[Section, ...]:
    """Return the parts of the page; one without rows says so in a sentence and has no figures."""
    parts = (
        _overview, _spread, _difficulty, _reward, _caps, _probes, _confusion, _order, _calibration, _trajectory,
        _training, _limits,
    )  # fmt: skip
    return tuple(part(data) for part in parts)


def _overview(data: ReportData) -> Section:
    figures = []
    if data.rows("verdict_counts"):
        figures.append(
            Figure(
                "verdicts", "What became of the groups of each policy?", "verdict_counts",
                (FAMILY, POLICY, VERDICT, GROUPS,
                 Column("n_unresolved", "unresolved", "count")),
                "verdicts", _by_family(data, "verdict_counts"), legend="verdicts",
                caption="A group: one policy's rollouts on one instance. Unresolved: more rollouts could overturn it.",
            )
        )  # fmt: skip
    if data.rows("policy_mean"):
        figures.append(
            Figure(
                "means", "What does each policy earn?", "policy_mean",
                (FAMILY, POLICY, Column("mean_reward", "mean reward", "number", ("ci_low", "ci_high")),
                 INSTANCES, Column("n_rollouts", "rollouts", "count"),
                 Column("mean_width", "still open", "number"), Column("share_ready", "ready", "share"),
                 Column("n_failed", "lost", "count")),
                "means", _by_family(data, "policy_mean"),
                caption="Mean over instances; the 95 % interval has the instance as its unit and is missing below 10.",
            )
        )  # fmt: skip
    if data.rows("taskset_health"):
        shares = ("trainable", "weak_signal", "flat", "saturated", "no_signal", "clamped")
        figures.append(
            Figure(
                "health", "Which share of the instances teaches?", "taskset_health",
                (FAMILY, POLICY, INSTANCES,
                 *(Column(f"share_{name}", name.replace("_", " "), "share") for name in shares),
                 Column("share_resolved", "resolved", "share"), Column("mean_reward", "mean reward", "number"),
                 Column("mean_dead_at_g", "dead groups", "share")),
            )
        )  # fmt: skip
    if data.rows("coverage"):
        figures.append(
            Figure(
                "coverage", "How much of each dimension do the graders settle?", "coverage",
                (FAMILY, DIMENSION, Column("n", "rollouts", "count"),
                 Column("share_assessed", "settled", "share"), Column("share_partial", "partly", "share"),
                 Column("share_unassessed", "open", "share"), Column("share_error", "grader failed", "share"),
                 Column("mean_width", "mean width", "number"), Column("n_judge_calls", "judge calls", "count")),
            )
        )  # fmt: skip
    if data.rows("spend"):
        figures.append(
            Figure(
                "spend", "What did it cost?", "spend",
                (Column("kind", "kind"), Column("spender", "who"), Column("calls", "calls", "count"),
                 Column("input_tokens", "tokens read", "count"), Column("cached_tokens", "of them cached", "count"),
                 Column("output_tokens", "tokens written", "count"), Column("cost_usd", "US dollars", "money"),
                 Column("latency_s", "seconds, added up", "number")),
            )
        )  # fmt: skip
    return Section("overview", "Overview", findings.overview(data), tuple(figures))


def _spread(data: ReportData) -> Section:
    if not data.rows("spread_histogram"):
        return Section("spread", "Spread", "No group has two graded rollouts: there is no spread to speak of.")
    figures = [
        Figure(
            "spread-histogram", "Do the rollouts of a group differ enough to learn from?", "spread_histogram",
            (FAMILY, Column("bin_low", "from", "number"), Column("bin_high", "to", "number"),
             VERDICT, GROUPS),
            "spread", _by_family(data, "spread_histogram"), legend="verdicts",
            caption="At zero nothing is learned. Width alone is not enough: verdicts ask what the spread is made of.",
        ),
        Figure(
            "spread-quantiles", "How far do rewards spread, by policy?", "spread_quantiles",
            (FAMILY, POLICY, GROUPS, Column("p10", "tenth lowest", "number"),
             Column("median", "median", "number"), Column("p90", "tenth highest", "number"),
             Column("mean_dead_at_g", "dead groups", "share")),
        ),
    ]  # fmt: skip
    if data.rows("dimension_share"):
        figures.append(
            Figure(
                "dimension-share", "Which dimension makes the rewards differ?", "dimension_share",
                (FAMILY, POLICY, DIMENSION, Column("declared_weight", "declared weight", "share"),
                 Column("variance_share", "share of variance", "share"), GROUPS,
                 Column("is_dead", "dead", "bool"), Column("is_dominant", "dominant", "bool")),
                "dimensions", _by_policy(data, "dimension_share"), size="small",
                caption="Shares add up to 1; the mark is the declared weight. A dimension far above its weight is "
                "what is really being taught.",
            )
        )  # fmt: skip
    return Section("spread", "Spread", findings.spread(data), tuple(figures))


def _difficulty(data: ReportData) -> Section:
    if not data.rows("difficulty_distribution"):
        return Section("difficulty", "Difficulty", "No policy attempted anything in groups.")
    return Section(
        "difficulty", "Difficulty", findings.difficulty(data),
        (
            Figure(
                "difficulty-distribution", "How hard are the instances, for whom?", "difficulty_distribution",
                (FAMILY, POLICY, Column("bin_low", "from", "number"), Column("bin_high", "to", "number"),
                 INSTANCES, Column("share_instances", "share", "share")),
                "difficulty", _by_policy(data, "difficulty_distribution"), size="small",
                sets={"anchors": "anchor_means"},
                caption="Dashed: what the weak and the strong anchor earn on average.",
            ),
            Figure(
                "anchors", "Do the anchors stand apart?", "span_separation",
                (FAMILY, Column("lower_policy", "weaker"), Column("higher_policy", "stronger"),
                 INSTANCES, Column("lower_mean", "weaker mean", "number"),
                 Column("higher_mean", "stronger mean", "number"),
                 Column("gap", "gap", "signed", ("ci_low", "ci_high")), Column("separation", "separation")),
            ),
        ),
    )  # fmt: skip


def _reward(data: ReportData) -> Section:
    if not data.rows("reward_by_difficulty"):
        return Section("reward", "Reward against difficulty", "No instance has a difficulty, declared or measured.")
    figures = [
        Figure(
            "reward-difficulty", "Is what was meant to be harder also harder?", "reward_by_difficulty",
            (FAMILY, POLICY, INSTANCE, Column("difficulty", "difficulty", "number"),
             Column("mean_reward", "mean reward", "number"), Column("std_reward", "standard deviation", "number"),
             VERDICT),
            "reward", _by_family(data, "reward_by_difficulty"), legend="policies",
            caption="One point a group. Difficulty as the task declares it; else 1 minus what the anchors earn.",
        ),
        Figure(
            "slope", "How closely does reward follow the declared difficulty?", "difficulty_slope",
            (FAMILY, POLICY, INSTANCES, Column("correlation", "correlation", "signed")),
        ),
    ]  # fmt: skip
    if data.rows("knob_effect"):
        figures.append(Figure(
            "knob-effect", "Which knobs make a task hard?", "knob_effect",
            (FAMILY, Column("knob", "knob"), INSTANCES,
             Column("coefficient_per_sd", "log odds per standard deviation", "signed", ("ci_low", "ci_high")),
             Column("p_holm", "p, corrected", "number"), Column("reason", "why not known")),
            caption="Below 0: the more of it, the harder. Policies and the other knobs are held fixed.",
        ))  # fmt: skip
    return Section("reward", "Reward against difficulty", findings.reward(data), tuple(figures))


def _caps(data: ReportData) -> Section:
    if not data.rows("cap_impact"):
        return Section("caps", "Caps", "No group has a graded rollout: nothing to say about caps.")
    figures = [
        Figure(
            "cap-impact", "Do caps destroy the order that rollouts had before them?", "cap_impact",
            (FAMILY, POLICY, Column("n_rollouts", "rollouts", "count"), Column("share_capped", "capped", "share"),
             Column("std_uncapped", "deviation before", "number"), Column("std_capped", "after", "number"),
             Column("n_pairs", "ordered pairs", "count"), Column("destroyed_pair_rate", "tied by caps", "share"),
             Column("reversed_pair_rate", "turned round", "share")),
            "caps", _by_family(data, "cap_impact"),
            caption="Spread can survive, or even grow, while order is lost; the share of tied pairs says what is.",
        )
    ]  # fmt: skip
    if data.rows("cap_attribution"):
        figures.append(
            Figure(
                "cap-attribution", "Which cap is it?", "cap_attribution",
                (FAMILY, POLICY, Column("flag", "flag"), Column("ceiling", "ceiling", "number"),
                 Column("n_triggered", "rollouts", "count"), Column("share_triggered", "share", "share"),
                 Column("destroyed_pair_rate", "tied by all caps", "share"),
                 Column("destroyed_without", "without this one", "share"),
                 Column("destroyed_by_cap", "due to it", "share"), Column("std_capped", "deviation", "number"),
                 Column("std_without", "without it", "number")),
            )
        )  # fmt: skip
    return Section("caps", "Caps", findings.caps(data), tuple(figures))


def _probes(data: ReportData) -> Section:
    if not data.rows("probe_floor"):
        return Section("probes", "Probes", "No probe was graded: run the audit to learn what is paid without work.")
    figures = [
        Figure(
            "probe-ladder", "What is earned without the work?", "probe_floor",
            (FAMILY, Column("probe", "probe"), Column("kind", "kind"), Column("max_reward", "best reward", "number"),
             Column("mean_reward", "mean", "number"), Column("max_lift", "trick gains at most", "signed"),
             Column("floor", "floor", "number"), Column("weak_mean", "weak policy", "number"),
             Column("strong_mean", "strong policy", "number"), INSTANCES,
             Column("holds", "holds", "bool")),
            "probes", _by_family(data, "probe_floor"), size="wide",
            caption="The best first. Ring: mean; dot: best instance. Lines: the floor, the weak and the strong policy, "
            "named at the foot. A probe without work holds at or below the floor; a trick when it gains nothing "
            "over the same output without it, whatever both earn.",
        )
    ]  # fmt: skip
    if data.rows("hackability"):
        figures.insert(0, Figure(
            "hackability", "How much of honest weak pay can be had without work?", "hackability",
            (FAMILY, Column("best_probe", "best probe"), Column("best_mean", "its mean", "number"),
             Column("best_max", "its best", "number"), Column("floor", "floor", "number"),
             Column("weak_mean", "weak policy", "number"), Column("strong_mean", "strong policy", "number"),
             Column("hack_ratio", "ratio", "number", ("ci_low", "ci_high")),
             Column("share_beating_weak_median", "beats weak median", "share"),
             INSTANCES),
        ))  # fmt: skip
    if data.rows("judge_lift"):
        figures.append(Figure(
            "judge-lift", "What do attacks gain with a judge?", "judge_lift",
            (FAMILY, Column("judge", "judge"), DIMENSION, Column("probe", "probe"),
             INSTANCES, Column("lift", "lift", "signed", ("ci_low", "ci_high")),
             Column("is_lifted", "sways it", "bool")),
        ))  # fmt: skip
    return Section("probes", "Probes", findings.probes(data), tuple(figures))


def _confusion(data: ReportData) -> Section:
    if not data.rows("grader_confusion"):
        return Section("confusion", "Grader confusion", "No damage was graded: run the audit to see what graders see.")
    return Section(
        "confusion", "Grader confusion", findings.confusion(data),
        (
            Figure(
                "confusion-map", "Which damage does each dimension see, miss, or wrongly react to?", "grader_confusion",
                (FAMILY, OPERATOR, DIMENSION, Column("kind", "kind"),
                 Column("expected", "expected"), Column("moved_share", "moved", "share"),
                 Column("mean_drop", "mean drop", "signed"), Column("n_pairs", "pairs", "count"),
                 Column("agrees", "agrees", "bool")),
                "confusion", _by_family(data, "grader_confusion"), size="wide",
                caption="Share of instances in which the damage moved the dimension. v should fall, . should stay, "
                "< must not rise, ~ may do either. Outlined: not as expected.",
            ),
            Figure(
                "detection", "From which severity on is damage seen?", "detection",
                (FAMILY, OPERATOR, DIMENSION,
                 Column("severity", "severity", "count"), Column("detected_share", "seen in", "share"),
                 Column("wilson_low", "at least", "share"), Column("mean_drop", "mean drop", "signed"),
                 INSTANCES),
                where={"expected": "moves"},
            ),
        ),
    )  # fmt: skip


def _order(data: ReportData) -> Section:
    if not data.rows("severity_curve"):
        return Section("order", "Order", "No ladder was graded: run with the audit to see whether worse scores lower.")
    panels = tuple(
        Panel(dimension.replace("_", " "), {"family": family, "dimension": dimension}, family)
        for family in data.values("severity_curve", "family")
        for dimension in data.values("severity_curve", "dimension", family=family)
    )
    return Section(
        "order", "Order", findings.order(data),
        (
            Figure(
                "curves", "Does worse work always score lower?", "severity_curve",
                (FAMILY, DIMENSION, OPERATOR,
                 Column("severity", "severity", "count"), Column("mean_low", "mean of what is proven", "number"),
                 INSTANCES),
                "curves", panels, size="tiny",
                caption="Mean of what is proven, 0 to 1, by severity of the damage; one line an operator. Strong: the "
                "dimension should see it. Faint: it need not. "
                "Red: somewhere the more damaged output scored higher.",
            ),
            Figure(
                "monotonicity", "In how many pairs did the worse output score higher?", "monotonicity",
                (FAMILY, OPERATOR, Column("kind", "kind"), Column("n_pairs", "pairs", "count"),
                 Column("n_violations", "wrong", "count"), Column("violation_rate", "share", "share"),
                 Column("max_violation", "largest", "number"), Column("somers_d", "Somers' D", "signed")),
                where={"dimension": "composite"},
            ),
        ),
    )  # fmt: skip


def _calibration(data: ReportData) -> Section:
    curve = data.rows("reliability_curve")
    if not curve and not data.rows("judge_calibration") and not data.rows("rater_agreement"):
        return Section(
            "calibration", "Calibration",
            "No person has rated any rollout, so no judge is calibrated here. `assay calibrate sample` draws rollouts "
            "to rate; once ratings are imported, the reliability diagram stands here.",
        )  # fmt: skip
    figures = []
    if curve:
        panels = tuple(
            Panel(
                row["dimension"].replace("_", " "),
                {"dimension": row["dimension"], "grader_version": row["grader_version"]},
                ""
                if len(data.values("reliability_curve", "grader_version", dimension=row["dimension"])) == 1
                else f"version {row['grader_version']}",
            )
            for row in _distinct(data, "reliability_curve", "dimension", "grader_version")
        )
        figures.append(Figure(
            "reliability", "When a judge says 0.8, what do people say?", "reliability_curve",
            (DIMENSION, Column("judge", "judge"), Column("grader_version", "version"),
             Column("bin_low", "from", "number"),
             Column("bin_high", "to", "number"), Column("judge_mean", "judge", "number"),
             Column("human_mean", "people", "number"), Column("n", "rollouts", "count")),
            "reliability", panels, size="small", caption="On the dashed line judge and people agree.",
        ))  # fmt: skip
    if data.rows("judge_calibration"):
        figures.append(Figure(
            "judge-calibration", "Can each judge be trusted on each dimension?", "judge_calibration",
            (DIMENSION, Column("judge", "judge"), Column("grader_version", "version"), Column("status", "status"),
             Column("n", "rollouts", "count"), Column("n_instances", "tasks", "count"),
             Column("weighting", "weighted by"), Column("bias", "bias", "signed", ("bias_low", "bias_high")),
             Column("mae", "mean error", "number"), Column("mae_human", "among people", "number"),
             Column("spearman", "rank correlation", "number"), Column("kendall", "tau-b", "number"),
             Column("weighted_kappa", "weighted kappa", "number"),
             Column("agreement", "agreement", "share", ("agreement_low", "agreement_high")),
             Column("ece", "calibration error", "number"), Column("null_ece", "by chance", "number"),
             Column("n_to_decide", "more to rate", "count"), Column("reason", "why")),
            caption="Weighted by design: the figures are of all rollouts that a calibration set was drawn from; by "
            "sample: of the rated ones only. A version is a rubric and the way it is asked; versions are never pooled.",
        ))  # fmt: skip
    if data.rows("mean_quality"):
        figures.append(Figure(
            "mean-quality", "How good is what a judge judged, by people?", "mean_quality",
            (DIMENSION, Column("set_id", "set"), Column("judge", "judge"), Column("domain", "rollouts of"),
             Column("n_frame", "rollouts", "count"), Column("n_rated", "rated", "count"),
             Column("judge_mean", "judge alone", "number"),
             Column("rated_mean", "ratings alone", "number", ("rated_low", "rated_high")),
             Column("mean", "both", "number", ("low", "high")), Column("reason", "note")),
            caption="Both: the judge's mean over all rollouts that a calibration set was drawn from, corrected by what "
            "people say of the rated ones; its errors do not enter.",
        ))  # fmt: skip
    if data.rows("judge_drift"):
        figures.append(Figure(
            "judge-drift", "Has a judge changed since it was rated?", "judge_drift",
            (DIMENSION, Column("judge", "judge"), Column("kind", "what changed"), Column("earlier", "before"),
             Column("later", "now"), Column("n_common", "outputs judged by both", "count"),
             Column("shift", "shift", "signed", ("shift_low", "shift_high")),
             Column("share_unrated", "by policies never rated", "share"), Column("verdict", "verdict"),
             Column("reason", "why")),
        ))  # fmt: skip
    if data.rows("rater_reliability"):
        figures.append(Figure(
            "rater-reliability", "Do people agree with each other?", "rater_reliability",
            (DIMENSION, Column("quality_band", "quality"), Column("n_items", "rollouts", "count"),
             Column("n_raters", "raters", "count"), Column("weighting", "weighted by"),
             Column("alpha_ordinal", "Krippendorff's alpha", "number", ("alpha_ordinal_low", "alpha_ordinal_high")),
             Column("ac2", "AC2", "number", ("ac2_low", "ac2_high")),
             Column("icc", "ICC", "number", ("icc_low", "icc_high")),
             Column("within_item_sd", "spread on one rollout", "number", ("within_item_sd_low", "within_item_sd_high")),
             Column("mean_abs_difference", "mean difference", "number"),
             Column("alpha_ordinal_reason", "why not known")),
            caption="Compare bands by the spread on one rollout: alpha, AC2 and ICC fall with the range of what is "
            "rated, whatever people do.",
        ))  # fmt: skip
    elif data.rows("rater_agreement"):
        figures.append(Figure(
            "rater-agreement", "Do people agree with each other?", "rater_agreement",
            (DIMENSION, Column("quality_band", "quality"), Column("n_items", "rollouts", "count"),
             Column("n_raters", "raters", "count"), Column("krippendorff_alpha", "Krippendorff's alpha", "number"),
             Column("within_item_sd", "spread on one rollout", "number"),
             Column("mean_abs_difference", "mean difference", "number"), Column("reason", "why not known")),
        ))  # fmt: skip
    return Section(
        "calibration", "Calibration", findings.calibration(data), tuple(figures),
        note="Ratings belong to rollouts of all runs of the warehouse.",
    )  # fmt: skip


def _trajectory(data: ReportData) -> Section:
    if not data.rows("trajectory"):
        return Section(
            "trajectory", "Trajectory",
            "No policy of this warehouse names a parent, so there is no training run to follow. A checkpoint with a "
            "parent and a step makes one.",
        )  # fmt: skip
    panels = tuple(
        Panel(row["dimension"].replace("_", " "), dict(row), f"{row['family']}, {row['split']}")
        for row in _distinct(data, "trajectory", "family", "split", "dimension")
    )
    return Section(
        "trajectory", "Trajectory", findings.trajectory(data),
        (
            Figure(
                "trajectory-lines", "Did the last checkpoint move it?", "trajectory",
                (FAMILY, Column("split", "split"), Column("policy", "checkpoint"), DIMENSION,
                 Column("intervention", "what was done"), Column("mean", "mean", "number", ("ci_low", "ci_high")),
                 Column("delta_from_parent", "since parent", "signed", ("delta_parent_low", "delta_parent_high")),
                 Column("status", "so"),
                 Column("delta_from_base", "since base", "signed", ("delta_base_low", "delta_base_high")),
                 Column("status_from_base", "so"), INSTANCES,
                 Column("n_to_decide", "would decide", "count"), Column("reason", "why")),
                "trajectory", panels, size="small",
                caption="Bars: 95 % intervals; the word: what became of it since the parent. Flat only where a test "
                "says so; unclear where instances are too few.",
            ),
            Figure(
                "trajectory-changes", "What became of each dimension, and what would decide?", "trajectory",
                (Column("policy", "checkpoint"), FAMILY, Column("split", "split"), DIMENSION,
                 Column("delta_from_base", "since base", "signed", ("delta_base_low", "delta_base_high")),
                 Column("status_from_base", "so"), Column("status", "since parent"), INSTANCES,
                 Column("n_to_decide", "would decide", "count")),
            ),
        ),
        note="Checkpoints are compared over all runs of the warehouse.",
    )  # fmt: skip


def _training(data: ReportData) -> Section:
    figures = []
    if data.rows("useful_groups"):
        figures.append(Figure(
            "useful-groups", "How many groups would teach at another group size?", "useful_groups",
            (FAMILY, POLICY, Column("group_size", "group size", "count"), GROUPS,
             Column("n_measured", "measured", "count"), Column("expected_useful_share", "expected useful", "share"),
             Column("method", "method")),
            "useful", _by_family(data, "useful_groups"), legend="policies",
            caption="Filled: from groups at least so large. Open: a projection from smaller ones, and less certain.",
        ))  # fmt: skip
    if data.rows("train_on"):
        figures.append(Figure(
            "train-on", "Train on these", "train_on",
            (FAMILY, POLICY, INSTANCE, VERDICT,
             Column("train", "train", "bool"), Column("sampling_weight", "weight", "number"),
             Column("reasons", "why", "list")),
        ))  # fmt: skip
    if not figures:
        return Section("training", "Training signal", "No groups to train on were collected in this run.")
    return Section("training", "Training signal", findings.training(data), tuple(figures))


def _limits(data: ReportData) -> Section:
    if not data.rows("known_limit"):
        return Section("limits", "Declared blind spots", "The graders of these families declare no blind spot.")
    count = len(data.rows("known_limit"))
    return Section(
        "limits", "Declared blind spots",
        f"The graders declare {count} thing{'' if count == 1 else 's'} that they do not see. Each has a probe or an "
        "operator that shows it, so that a limit that is gone is noticed.",
        (
            Figure(
                "limits-table", "What are the graders known to miss, and what shows it?", "known_limit",
                (FAMILY, Column("text", "what is not seen"), Column("shown_by", "shown by"),
                 Column("summary", "which does this"), Column("max_reward", "earns", "number")),
                first=100,
            ),
        ),
    )  # fmt: skip


def _by_family(data: ReportData, source: str) -> tuple[Panel, ...]:
    return tuple(Panel(family, {"family": family}) for family in data.values(source, "family"))


def _by_policy(data: ReportData, source: str) -> tuple[Panel, ...]:
    """Return a panel for each policy of each family, the policy that earns least first, as everywhere in the page."""
    rank = {row["policy_id"]: place for place, row in enumerate(data.rows("policy_verdicts"))}
    found = _distinct(data, source, "family", "policy_id")
    found.sort(key=lambda row: (row["family"], rank.get(row["policy_id"], 0)))
    return tuple(Panel(data.label(row["policy_id"]), dict(row), row["family"]) for row in found)


def _distinct(data: ReportData, source: str, *keys: str) -> list[dict[str, Any]]:
    found = dict.fromkeys(tuple(row[key] for key in keys) for row in data.rows(source))
    return [dict(zip(keys, values, strict=True)) for values in found]
