"""The charts as Vega specifications, compiled ahead from Altair: a grammar of graphics without data or colours.

A chart reads named tables, which the page fills from its own data, and its colours are variables of the page's style
sheet, so that it follows dark mode and print. A policy is named by its policy_id: two regimes of one name stay two.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeAlias

import altair as alt
import vl_convert

Chart: TypeAlias = Any
"""A chart or layers of charts; what Altair's methods return is not typed."""

VERDICTS = (
    "trainable", "weak_signal", "noisy", "flat", "saturated", "no_signal", "clamped", "unassessed", "insufficient_data",
)  # fmt: skip
INK, SOFT, RULE, CARD = "var(--ink)", "var(--soft)", "var(--rule)", "var(--card)"
ACCENT, ALARM = "var(--accent)", "var(--alarm)"
SERIES = [f"var(--s{place})" for place in range(8)]
UNIT = alt.Scale(domain=[0, 1])
SHARE = alt.Axis(format=".0%", tickCount=4)
FIFTHS = alt.Axis(tickCount=5)
ROW = 26
"""Pixels from one name to the next."""
FONT = "system-ui, sans-serif"
"""Named, not inherited: widths of labels are measured on a canvas."""
_AXIS = {
    "labelColor": SOFT, "titleColor": SOFT, "titleFontWeight": "normal", "titleFontSize": 11, "labelFontSize": 11,
    "gridColor": RULE, "domainColor": RULE, "tickColor": RULE, "labelFont": FONT, "titleFont": FONT,
    "labelPadding": 5, "titlePadding": 8, "labelFlush": False, "labelBound": False,
}  # fmt: skip
_LEGEND = {
    "labelColor": INK, "labelFontSize": 11, "labelFont": FONT, "orient": "top", "title": None,
    "labelLimit": 260, "columns": {"expr": "max(1, floor(width / 110))"}, "symbolType": "circle", "offset": 6,
}  # fmt: skip
THEME = {
    "axis": _AXIS, "legend": _LEGEND, "view": {"stroke": None}, "background": None, "padding": 2,
    "text": {"font": FONT, "fontSize": 11, "color": INK}, "bar": {"color": ACCENT}, "rule": {"color": SOFT},
}  # fmt: skip


def chart_specs(names: Iterable[str]) -> dict[str, Any]:
    """Return the compiled Vega specification of each chart."""
    return {name: compiled(name) for name in sorted(set(names))}


@cache
def compiled(name: str) -> dict[str, Any]:
    """Return one chart as the runtime draws it.

    Raises:
        KeyError: there is no such chart.
    """
    chart = CHARTS[name]().properties(width="container", autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    spec: dict[str, Any] = vl_convert.vegalite_to_vega(chart.to_dict(), config=THEME)
    return spec


@cache
def runtime() -> str:
    """Return the JavaScript that draws compiled charts: Vega, and vegaEmbed for its evaluator of expressions.

    Expressions are walked and not compiled to functions, so that the page can forbid `eval`.
    """
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle


def _counts(n_ticks: int) -> alt.Axis:
    """An axis of whole numbers: ticks between two of them are not labelled."""
    return alt.Axis(tickCount=n_ticks, format=",d", labelExpr="datum.value % 1 ? '' : datum.label")


def _rows(name: str = "rows") -> alt.Chart:
    return alt.Chart(alt.NamedData(name))


def _names(field: str, sort: Any = None) -> alt.Y:
    axis = alt.Axis(grid=False, ticks=False, domain=False, labelLimit=190, labelColor=INK, labelPadding=8)
    return alt.Y(f"{field}:N", title=None, sort=sort, axis=axis)


def _policy() -> alt.Color:
    """The same colour for a policy in every panel: by its place, from the one that earns least."""
    return alt.Color("series:O", scale=alt.Scale(domain=list(range(8)), range=SERIES), legend=None)


def _verdict() -> alt.Color:
    colours = [f"var(--v-{name})" for name in VERDICTS]
    return alt.Color("verdict:N", scale=alt.Scale(domain=list(VERDICTS), range=colours), legend=None)


def _place_of_verdict() -> str:
    return "indexof([" + ", ".join(f"'{name}'" for name in VERDICTS) + "], datum.verdict)"


def _verdicts() -> Chart:
    return (
        _rows()
        .transform_calculate(place=_place_of_verdict())
        .mark_bar(height=16, stroke=CARD, strokeWidth=1)
        .encode(
            x=alt.X("n_groups:Q", title="groups", axis=_counts(5)),
            y=_names("who"),
            color=_verdict(),
            order=alt.Order("place:Q"),
            tooltip=["who:N", "verdict:N", "n_groups:Q", "n_unresolved:Q"],
        )
        .properties(height=alt.Step(ROW))
    )


def _means() -> Chart:
    tooltip = ["who:N", "mean_reward:Q", "ci_low:Q", "ci_high:Q", "n_instances:Q"]
    base = _rows().encode(y=_names("who"), tooltip=tooltip)
    interval = base.mark_rule(strokeWidth=5, color=ACCENT, opacity=0.3, strokeCap="round").encode(
        x=alt.X("ci_low:Q", scale=UNIT, title="mean reward, with its 95 % interval"), x2="ci_high:Q"
    )
    mean = base.mark_point(filled=True, size=60, color=ACCENT, opacity=1).encode(x=alt.X("mean_reward:Q"))
    return alt.layer(interval, mean).properties(height=alt.Step(ROW))


def _spread() -> Chart:
    return (
        _rows()
        .transform_calculate(place=_place_of_verdict())
        .mark_bar(stroke=CARD, strokeWidth=0.5)
        .encode(
            x=alt.X(
                "bin_low:Q",
                bin="binned",
                scale=alt.Scale(domainMin=0),
                title="standard deviation of the rewards of a group",
                axis=alt.Axis(tickCount=5, grid=False),
            ),
            x2="bin_high:Q",
            y=alt.Y("n_groups:Q", title="groups", axis=_counts(4)),
            color=_verdict(),
            order=alt.Order("place:Q"),
            tooltip=["bin_low:Q", "bin_high:Q", "verdict:N", "n_groups:Q"],
        )
        .properties(height=150)
    )


def _anchor(column: str, label: str) -> Chart:
    base = _rows("anchors").encode(x=alt.X(f"{column}:Q", scale=UNIT))
    rule = base.mark_rule(strokeDash=[3, 3], color=SOFT)
    return rule + base.mark_text(text=label, align="left", baseline="top", dx=4, color=SOFT).encode(y=alt.value(-13))


def _difficulty() -> Chart:
    bars = (
        _rows()
        .mark_bar(stroke=CARD, strokeWidth=0.5)
        .encode(
            x=alt.X(
                "bin_low:Q", bin="binned", scale=UNIT, title="mean reward on an instance", axis=alt.Axis(tickCount=5)
            ),
            x2="bin_high:Q",
            y=alt.Y("n_instances:Q", title="instances", axis=_counts(3)),
            tooltip=["bin_low:Q", "bin_high:Q", "n_instances:Q", "share_instances:Q"],
        )
    )
    return alt.layer(bars, _anchor("weak_mean", "weak"), _anchor("strong_mean", "strong")).properties(height=96)


def _reward() -> Chart:
    return (
        _rows()
        .mark_point(filled=True, size=26, opacity=0.7)
        .encode(
            x=alt.X("difficulty:Q", scale=UNIT, title="difficulty", axis=alt.Axis(tickCount=5)),
            y=alt.Y("mean_reward:Q", scale=UNIT, title="mean reward of the group", axis=alt.Axis(tickCount=5)),
            color=_policy(),
            tooltip=["instance_id:N", "who:N", "difficulty:Q", "mean_reward:Q", "verdict:N"],
        )
        .properties(height=220)
    )


def _caps() -> Chart:
    tooltip = ["who:N", "std_uncapped:Q", "std_capped:Q", "share_capped:Q", "destroyed_pair_rate:Q"]
    base = _rows().encode(y=_names("who"), tooltip=tooltip)
    title = "standard deviation within groups: before caps (ring), after (dot)"
    line = base.mark_rule(strokeWidth=2, color=RULE).encode(x=alt.X("std_uncapped:Q", title=title), x2="std_capped:Q")
    before = base.mark_point(filled=False, size=64, color=SOFT, strokeWidth=1.5, opacity=1).encode(x="std_uncapped:Q")
    after = base.mark_point(filled=True, size=48, color=ACCENT, opacity=1).encode(x="std_capped:Q")
    return alt.layer(line, before, after).properties(height=alt.Step(ROW))


def _probes() -> Chart:
    tooltip = ["probe:N", "kind:N", "max_reward:Q", "mean_reward:Q", "max_lift:Q", "floor:Q", "weak_mean:Q", "holds:N"]
    base = _rows().encode(y=_names("probe", sort=alt.EncodingSortField("max_reward", order="descending")))
    colour = alt.when("datum.holds === false").then(alt.value(ALARM)).otherwise(alt.value(INK))

    def tick(column: str, colour: str) -> Chart:
        return base.mark_tick(thickness=1.5, size=ROW - 6, color=colour, opacity=0.9).encode(x=f"{column}:Q")

    line = base.mark_rule(strokeWidth=1.5).encode(
        x=alt.X("mean_reward:Q", scale=UNIT, title="reward", axis=alt.Axis(orient="top", tickCount=5)),
        x2="max_reward:Q",
        color=colour,
    )
    mean = base.mark_point(filled=False, size=34, opacity=1).encode(x="mean_reward:Q", color=colour)
    best = base.mark_point(filled=True, size=44, opacity=1).encode(x="max_reward:Q", color=colour, tooltip=tooltip)
    lines = (
        ("floor", "floor", ALARM, 10),
        ("weak_mean", "weak", "var(--s0)", 23),
        ("strong_mean", "strong", "var(--s2)", 10),
    )
    marks = [tick(column, colour) for column, _, colour, _ in lines]
    # At two heights, as the floor and the weak policy are often neighbours.
    names = [
        _rows()
        .transform_aggregate(at=f"mean({column})")
        .transform_filter("isValid(datum.at)")
        .mark_text(fontSize=10.5, color=colour, dy=dy, text=name)
        .encode(x="at:Q", y=alt.value("height"))
        for column, name, colour, dy in lines
    ]
    return alt.layer(*marks, line, mean, best, *names).properties(height=alt.Step(ROW - 6))


def _confusion() -> Chart:
    marks = {"moves": " v", "still": " .", "no_gain": " <", "may": " ~"}
    mark = " : ".join(f"datum.expected === '{name}' ? '{mark}'" for name, mark in marks.items()) + " : ''"
    narrow = "width < 380"
    last = alt.EncodingSortField("is_composite", op="max")
    tooltip = [
        "operator:N", "dimension:N", "kind:N", "expected:N", "moved_share:Q", "mean_drop:Q", "n_pairs:Q", "agrees:N",
    ]  # fmt: skip
    base = (
        _rows()
        .transform_calculate(
            is_composite="datum.dimension == 'composite' ? 1 : 0",
            label=f"(datum.moved_share === null ? 'n/a' : format(datum.moved_share, '.0%')) + ({mark})",
            heading="replace(datum.dimension, /_/g, ' ')",
        )
        .encode(
            x=alt.X(
                "heading:N",
                title=None,
                sort=last,
                axis=alt.Axis(
                    orient="top",
                    grid=False,
                    ticks=False,
                    domain=False,
                    labelColor=INK,
                    labelOverlap=False,
                    labelLimit=150,
                    labelExpr=f"{narrow} ? datum.label : split(datum.label, ' ')",
                    labelAngle={"expr": f"{narrow} ? -90 : 0"},
                    labelPadding={"expr": f"{narrow} ? 6 : 17"},
                    labelAlign={"expr": f"{narrow} ? 'left' : 'center'"},
                ),
            ),
            y=_names("operator", sort=alt.EncodingSortField("kind", op="min")),
        )
    )
    cells = base.mark_rect(color=ACCENT, stroke=CARD, strokeWidth=2, cornerRadius=3).encode(
        fillOpacity=alt.FillOpacity("moved_share:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 0.55]), legend=None),
        tooltip=tooltip,
    )
    wrong = (
        base.transform_filter("datum.agrees === false")
        .mark_rect(color="transparent", stroke=ALARM, strokeWidth=2, cornerRadius=3)
        .encode(tooltip=tooltip)
    )
    text = base.mark_text(fontSize=10, color=INK).encode(text="label:N", tooltip=tooltip)
    return alt.layer(cells, wrong, text).properties(height=alt.Step(ROW - 5))


def _curves() -> Chart:
    colour = (
        alt.when("datum.is_violated")
        .then(alt.value(ALARM))
        .when("datum.expected == 'moves' || datum.dimension == 'composite'")
        .then(alt.value(ACCENT))
        .otherwise(alt.value(SOFT))
    )
    opacity = (
        alt.when("datum.is_violated")
        .then(alt.value(1))
        .when("datum.expected == 'moves' || datum.dimension == 'composite'")
        .then(alt.value(0.6))
        .otherwise(alt.value(0.25))
    )
    base = _rows().encode(
        x=alt.X("severity:Q", title="severity", axis=alt.Axis(tickMinStep=1, tickCount=5, grid=False)),
        y=alt.Y("mean_low:Q", scale=UNIT, title="proven", axis=alt.Axis(tickCount=3)),
        detail="operator:N",
        color=colour,
        opacity=opacity,
        tooltip=["operator:N", "dimension:N", "severity:Q", "mean_low:Q", "n_instances:Q", "expected:N"],
    )
    return alt.layer(base.mark_line(strokeWidth=1.5), base.mark_point(filled=True, size=16)).properties(height=130)


def _dimensions() -> Chart:
    tooltip = ["dimension:N", "variance_share:Q", "declared_weight:Q", "n_groups:Q"]
    base = _rows().encode(y=_names("dimension"), tooltip=tooltip)
    bars = base.mark_bar(height=12).encode(
        x=alt.X("variance_share:Q", title="share of the variance of rewards", axis=SHARE)
    )
    weight = base.mark_tick(thickness=2, size=18, color=INK).encode(x="declared_weight:Q")
    return alt.layer(bars, weight).properties(height=alt.Step(ROW - 2))


def _useful() -> Chart:
    base = _rows().encode(
        x=alt.X("group_size:O", title="rollouts in a group", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("expected_useful_share:Q", scale=UNIT, title="expected share of useful groups", axis=SHARE),
        color=_policy(),
        tooltip=["who:N", "group_size:O", "expected_useful_share:Q", "n_groups:Q", "n_measured:Q", "method:N"],
    )
    points = base.mark_point(size=40, opacity=1).encode(
        fillOpacity=alt.when("datum.method == 'unbiased'").then(alt.value(1)).otherwise(alt.value(0)),
        fill=alt.Fill("series:O", scale=alt.Scale(domain=list(range(8)), range=SERIES), legend=None),
    )
    return alt.layer(base.mark_line(strokeWidth=2), points).properties(height=180)


def _reliability() -> Chart:
    diagonal = (
        alt.Chart(alt.InlineData(values=[{"a": 0, "b": 0}, {"a": 1, "b": 1}]))
        .mark_line(strokeDash=[3, 3], color=SOFT, strokeWidth=1)
        .encode(x="a:Q", y="b:Q")
    )
    base = (
        _rows()
        .transform_filter("datum.n > 0")
        .encode(
            x=alt.X("judge_mean:Q", scale=UNIT, title="what the judge says, mean of the bin"),
            y=alt.Y("human_mean:Q", scale=UNIT, title="what people say", axis=alt.Axis(tickCount=5)),
            tooltip=["judge:N", "bin_low:Q", "bin_high:Q", "judge_mean:Q", "human_mean:Q", "n:Q"],
            color=alt.Color("judge:N", scale=alt.Scale(range=SERIES)),
        )
    )
    points = base.mark_point(filled=True, opacity=1).encode(size=alt.Size("n:Q", legend=None))
    return alt.layer(diagonal, base.mark_line(strokeWidth=1.5), points).properties(height=220)


def _trajectory() -> Chart:
    tooltip = [
        "policy:N", "step:Q", "mean:Q", "ci_low:Q", "ci_high:Q", "n_instances:Q", "intervention:N", "status:N",
        "status_from_base:N",
    ]  # fmt: skip
    base = _rows().encode(
        x=alt.X(
            "policy:N",
            title="checkpoint",
            sort=None,
            axis=alt.Axis(labelAngle=0, labelLimit=90),
        ),
        tooltip=tooltip,
    )
    interval = base.mark_rule(strokeWidth=5, color=ACCENT, opacity=0.3, strokeCap="round").encode(
        y=alt.Y("ci_low:Q", scale=UNIT, title="mean score", axis=alt.Axis(tickCount=3)), y2="ci_high:Q"
    )
    # From each checkpoint back to its parent: two that were trained from one are two lines.
    line = base.mark_rule(color=ACCENT, strokeWidth=1.5).encode(y="mean:Q", x2="before:N", y2="before_mean:Q")
    points = base.mark_point(filled=True, size=50, opacity=1).encode(
        y="mean:Q",
        color=alt.when("datum.status_from_base == 'regressed'").then(alt.value(ALARM)).otherwise(alt.value(ACCENT)),
    )
    # What became of it, in a word: colour alone tells nobody.
    said = (
        base.transform_filter("isValid(datum.status)")
        .mark_text(fontSize=9, color=SOFT, limit=46)
        .encode(y=alt.value(-12), text="status:N")
    )
    return alt.layer(interval, line, points, said).properties(height=150)


CHARTS: dict[str, Callable[[], Chart]] = {
    "verdicts": _verdicts, "means": _means, "spread": _spread, "difficulty": _difficulty, "reward": _reward,
    "caps": _caps, "probes": _probes, "confusion": _confusion, "curves": _curves, "dimensions": _dimensions,
    "useful": _useful, "reliability": _reliability, "trajectory": _trajectory,
}  # fmt: skip
