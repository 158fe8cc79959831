"""The documents that lie beside the draft: metrics, approved names, style guide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tasks_lib.doc_revision.knobs import DocumentKnobs
from tasks_lib.doc_revision.ledger import Ledger
from tasks_lib.doc_revision.style import StyleRule
from tasks_lib.templates import slots_in

CURRENT, OLDER, METRICS = "metrics_2025-12.csv", "metrics_2025-09.csv", "metrics.csv"
NAMES, STYLE, PAPERS, BACKGROUND = "names.md", "style_guide.md", "names_and_style.md", "background.md"


_OTHER_TIMES = ("year before", "plan for next year", "five-year mean")


@dataclass(frozen=True)
class Metric:
    """One line of a metrics sheet."""

    label: str
    figure: str
    older: str
    """What the sheet before had."""
    unit: str


def draw_metrics(ledger: Ledger, wrong: Mapping[str, str], knobs: DocumentKnobs, rng: Random) -> dict[str, Metric]:
    """Return slot -> line of the metrics sheet: every figure that the document needs, and some that it does not.

    `wrong` holds the figures that the draft has wrong; the older sheet agrees with those. Beside each line that the
    draft has wrong stands a like one of another time, with the draft's figure or a third: which figure of the sheet is
    missing from the draft does not tell which is right, its label does.
    """
    needed = {slot for entry in ledger.entries for slot in slots_in(entry.form)}
    known = dict(ledger.figure_slots())
    spare = [slot for slot in known if slot not in needed]
    shown = [slot for slot in known if slot in needed] + rng.sample(spare, min(len(spare), knobs.spare_metrics))
    metrics = {}
    for slot in shown:
        value = known[slot]
        far = rng.random() < knobs.paraphrase
        older = wrong.get(slot) or (ledger.other_value(slot, rng).figure if rng.random() < 0.4 else value.figure)
        metrics[slot] = Metric(value.label[-1 if far else 0], value.figure, older, value.unit)
    for slot, figure in wrong.items():
        like = figure if rng.random() < 0.5 else ledger.other_value(slot, rng).figure
        label = f"{metrics[slot].label} ({rng.choice(_OTHER_TIMES)})"
        metrics[f"{slot} at another time"] = Metric(label, like, like, metrics[slot].unit)
    return {slot: metrics[slot] for slot in rng.sample(list(metrics), len(metrics))}


def write_materials(
    metrics: Sequence[Metric],
    names: Sequence[tuple[str, str]],
    terms: Sequence[tuple[str, str]],
    rules: Sequence[StyleRule],
    documents: int,
) -> dict[str, str]:
    """Return the documents beside the draft, in as many files as the knob says, the draft not counted."""
    sheet, guide = _sheet(metrics), _guide(rules)
    approved = _names(names, terms)
    if documents == 2:
        return {BACKGROUND: f"# Metrics\n\n{_table(metrics)}\n\n{approved}\n\n{guide}\n"}
    if documents == 3:
        return {METRICS: sheet, PAPERS: f"{approved}\n\n{guide}\n"}
    papers = {NAMES: f"{approved}\n", STYLE: f"{guide}\n"}
    if documents == 4:
        return {METRICS: sheet, **papers}
    return {CURRENT: sheet, OLDER: _sheet([_as_it_was(metric) for metric in metrics]), **papers}


def sheet_name(documents: int) -> str:
    """Return the file that holds the figures which count."""
    return {2: BACKGROUND, 3: METRICS, 4: METRICS, 5: CURRENT}[documents]


def names_name(documents: int) -> str:
    """Return the file that holds the approved names."""
    return {2: BACKGROUND, 3: PAPERS, 4: NAMES, 5: NAMES}[documents]


def style_name(documents: int) -> str:
    """Return the file that holds the style guide."""
    return {2: BACKGROUND, 3: PAPERS, 4: STYLE, 5: STYLE}[documents]


def _as_it_was(metric: Metric) -> Metric:
    return Metric(metric.label, metric.older, metric.older, metric.unit)


def _sheet(metrics: Sequence[Metric]) -> str:
    lines = [f"{metric.label},{metric.figure},{metric.unit}" for metric in metrics]
    return "\n".join(["Metric,Figure,Unit", *lines]) + "\n"


def _table(metrics: Sequence[Metric]) -> str:
    return "\n".join(f"- {metric.label}: {metric.figure} {metric.unit}".rstrip() for metric in metrics)


def _names(names: Sequence[tuple[str, str]], terms: Sequence[tuple[str, str]]) -> str:
    lines = ["# Approved names", ""]
    lines += [f"- {full} (also called {alias}, which we do not write)" for full, alias in names]
    if terms:
        lines += ["", "# Short forms", "", *(f"- {short}: {full}" for full, short in terms)]
    return "\n".join(lines)


def _guide(rules: Sequence[StyleRule]) -> str:
    return "\n".join(["# Style guide", "", *(f"- {rule.text}" for rule in rules)])
