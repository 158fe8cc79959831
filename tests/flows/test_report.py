"""The report without a browser: its rows are those of the views, and no text of it can become markup."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.cli import main
from flows.report import charts, findings
from flows.report.data import ReportData, Snapshot, read_data, script_json
from flows.report.page import render
from flows.report.queries import COUNTED, OF_ALL_RUNS, OF_GROUPS, VIEWS
from flows.report.sections import Section, sections
from flows.report.texts import Texts, select_texts
from tests.conftest import TINY, Assay
from tests.support_report import ATTACK, TRUTH, hostile, hostile_lab, lab_page
from tests.warehouse.rows import FAMILY, RUN, Lab
from warehouse.definitions import views

NO_TEXTS = Texts({}, 0, 0, 0)
GROUP_KINDS = ("model", "simulated", "replay")


class Scripts(HTMLParser):
    """Collects what stands in script elements, and every other tag."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag == "script"
        if self._open:
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)

    def json(self, name: str) -> Any:
        """Return what the element of this id holds."""
        return json.loads(next(text for attributes, text in self.scripts if attributes.get("id") == name))


@pytest.fixture(scope="module")
def lab() -> Lab:
    """A warehouse whose every text is an attack, with a second run beside."""
    made = hostile_lab()
    made.rollout(f"{hostile('instance')} 1", hostile("weak"), 0, run_id="run-2", rollout_id="again")
    made.composite("again", 0.777)
    made.score("again", "a", 0.4)
    return made


@pytest.fixture(scope="module")
def snapshot(lab: Lab) -> Snapshot:
    """Its first run."""
    return Snapshot(lab.warehouse, RUN)


@pytest.fixture(scope="module")
def data(snapshot: Snapshot) -> ReportData:
    """Its rows."""
    return read_data(snapshot)


def data_of(lab: Lab) -> ReportData:
    """Return the rows of a lab's run."""
    return read_data(Snapshot(lab.warehouse, RUN))


@pytest.fixture(scope="module")
def page(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its page."""
    path = lab_page(lab, tmp_path_factory.mktemp("report") / "report.html", (f"breach {ATTACK}",))
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in VIEWS if name in views()])
def test_rows_are_those_of_the_view(name: str, lab: Lab, data: ReportData) -> None:
    """Each view stands in the page as the warehouse gives it: all rows of the run, and none of another."""
    frame = lab.warehouse.view(name).filter(run_id=RUN)
    if name in OF_GROUPS:
        policies = lab.warehouse.view("policy").filter(pl.col("kind").is_in(GROUP_KINDS))["policy_id"]
        frame = frame.filter(pl.col("policy_id").is_in(policies.implode()))

    assert_same(data.rows(name), frame.sort(views()[name].grain).select(VIEWS[name]).to_dicts())


def assert_same(rows: Sequence[dict[str, Any]], expected: Sequence[dict[str, Any]]) -> None:
    """Compare rows; numbers to 12 digits, as the engine adds in another order each time."""
    assert len(rows) == len(expected)
    for row, other in zip(rows, expected, strict=True):
        assert row == {
            key: pytest.approx(value, rel=1e-12) if isinstance(value, float) else value for key, value in other.items()
        }


@pytest.mark.parametrize("name", [name for name in OF_ALL_RUNS if name in views()])
def test_views_of_all_runs_are_whole(name: str, lab: Lab, data: ReportData) -> None:
    """Ratings and checkpoints belong to no run: all rows are there."""
    expected = lab.warehouse.view(name).sort(views()[name].grain).select(OF_ALL_RUNS[name])

    assert_same(data.rows(name), expected.to_dicts())


def test_page_holds_the_rows(data: ReportData) -> None:
    """What is embedded is what was asked: nothing rounded, nothing left out."""
    assert Scripts(render(data, NO_TEXTS)).json("report-data") == data.as_json()


def test_counts_over_views_are_counts(data: ReportData) -> None:
    """Groups by verdict, by policy and in the histogram are the same groups: 3 instances, 2 policies."""
    assert sum(row["n_groups"] for row in data.rows("verdict_totals")) == 6
    assert sum(row["n_groups"] for row in data.rows("verdict_counts")) == 6
    assert sum(row["n_groups"] for row in data.rows("spread_histogram")) == 6
    assert [row["n_groups"] for row in data.rows("policy_verdicts")] == [3, 3]
    assert [len(row["rewards"]) for row in data.rows("group_rewards")] == [6] * 6


def test_every_text_is_escaped(page: str) -> None:
    """The page has the six script elements it was given, no image, no handler; the attacks stand in it as text."""
    found = Scripts(page)

    assert ATTACK not in page
    assert len(found.scripts) == 6
    assert [attributes.get("id") for attributes, _ in found.scripts[:4]] == [
        "report-data", "report-layout", "report-charts", "report-texts",
    ]  # fmt: skip
    assert not [tag for tag, _ in found.tags if tag in {"img", "iframe", "object", "embed", "link", "base"}]
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert "breach &lt;/script&gt;&lt;script&gt;" in page
    assert "\u2028" not in page


def test_page_may_load_and_run_nothing_else(page: str) -> None:
    """The policy allows the two scripts and the style sheet by hash; the hashes are those of the elements."""
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in unescape(policy[1]).split(";"))

    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy[1]
    plain = [text for attributes, text in Scripts(page).scripts if not attributes]
    assert rules["script-src"] == " ".join(f"'sha256-{_sha256(text)}'" for text in plain)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert rules["style-src"] == f"'sha256-{_sha256(style[1])}'"
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", page.replace(plain[0], ""))


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_json_in_a_script_ends_nothing() -> None:
    """Every character that HTML or an old parser of scripts reacts to is an escape, and the value comes back."""
    value = {"</script>": "<!-- & \u2028 \u2029 \\"}
    text = script_json(value)

    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_hidden_truth_stays_out(page: str) -> None:
    """What only graders may see of a task is in no block."""
    blocks = Scripts(page).json("report-texts")["blocks"]
    opened = [gzip.decompress(base64.b64decode(block)).decode() for block in blocks.values()]

    assert len(opened) == 3
    assert not [text for text in (*opened, page) if TRUTH in text]


def test_lowest_median_and_highest_are_shown(snapshot: Snapshot) -> None:
    """Of each group these three, and the first flagged one; ties go to the first sample."""
    texts = select_texts(snapshot)
    block = json.loads(gzip.decompress(base64.b64decode(texts.blocks[f"{hostile('instance')} 1"])))
    shown = {each["sample"]: each["why"] for each in block["rollouts"] if each["policy_id"] == hostile("weak")}

    # rewards .15 .5 .9 .3 .3 .7, all capped: in order samples 0 3 4 1 5 2; the third of six is the median.
    assert shown == {0: "lowest reward, flagged", 4: "median reward", 2: "highest reward"}


def test_budget_leaves_out_common_verdicts_first(snapshot: Snapshot, data: ReportData) -> None:
    """The instance that is shown is not one of the two alike, and the page says how many are missing."""
    whole = select_texts(snapshot)
    largest = max(len(block) for block in whole.blocks.values())
    texts = select_texts(snapshot, budget=2 * largest)

    assert len(whole.blocks) == whole.n_instances == 3
    assert len(texts.blocks) == 2
    assert f"{hostile('instance')} 0" in texts.blocks
    assert "2 of 3 instances, those with rare verdicts first" in render(data, texts)


def test_nothing_selected_still_makes_a_page(snapshot: Snapshot, data: ReportData) -> None:
    """A budget of nothing leaves verdicts and rewards."""
    page = render(data, select_texts(snapshot, budget=0))

    assert "the texts of 0 rollouts on 0 of 3 instances" in page


def test_same_rows_make_the_same_page(snapshot: Snapshot, data: ReportData) -> None:
    """Nothing of the page depends on when or where it was written."""
    texts = [select_texts(snapshot) for _ in range(2)]

    assert texts[0].blocks.keys() == texts[1].blocks.keys()
    assert render(data, texts[0]) == render(data, texts[0])


def test_sections_without_rows_say_so() -> None:
    """A run in which nothing was attempted has no chart and a sentence in every part."""
    lab = Lab()
    data = data_of(lab)

    for part in sections(data):
        assert part.figures == (), part.key
        assert part.finding, part.key
    assert "there is nothing to say yet" in render(data, NO_TEXTS)


def test_groups_without_audit_and_audit_without_groups() -> None:
    """Either half of a run alone makes a page; the other half's parts say what is missing."""
    groups, audit = Lab(), Lab()
    groups.group([0.1, 0.5, 0.9, 0.3])
    audit.operator("drop", "degrade", a="moves")
    audit.ladder("drop", [1, 0.5, 0], {"a": [1, 0.5, 0]})

    with_groups = {part.key: part for part in sections(data_of(groups))}
    with_audit = {part.key: part for part in sections(data_of(audit))}

    assert with_groups["spread"].figures
    assert "No damage was graded" in with_groups["confusion"].finding
    assert with_audit["confusion"].figures
    assert "No policy attempted anything" in with_audit["overview"].finding
    assert "no spread" in with_audit["spread"].finding


def test_groups_of_one_and_lost_ones_have_no_spread() -> None:
    """One rollout, or none that arrived: verdicts there are, numbers there are not."""
    lab = Lab()
    lab.group([0.4], instance="i1", planned=4, lost=3)
    lab.group([], instance="i2", planned=4, lost=4)
    data = data_of(lab)

    assert data.rows("spread_histogram") == ()
    assert {row["verdict"] for row in data.rows("task_verdict")} == {"insufficient_data"}
    assert "7 rollouts lost to infrastructure" in render(data, NO_TEXTS)


def test_what_is_not_known_is_not_told_as_zero() -> None:
    """Two rollouts say nothing of a group: it is neither among those that teach nor among those that do not."""
    lab = Lab()
    lab.group([0.2, 0.4], instance="i1", policy="sim/few")

    unknown = data_of(lab)

    text = "What the 1 group can teach is not known"
    assert [line.startswith(text) for line in findings.summary(unknown)] == [True]
    assert findings.training(unknown).startswith(text)

    lab.group([0.1 * sample for sample in range(8)], instance="i2", policy="sim/few")
    half = " ".join(findings.summary(data_of(lab)))
    assert "1 of 1 group can teach sim/few. What 1 of 2 groups can teach is not known" in half


def test_a_run_without_audit_has_breached_nothing(data: ReportData) -> None:
    """What was not measured is said apart from what does not hold."""
    missing = ("oracle: nothing was measured", "probes: nothing was measured")
    page = render(replace(data, breaches=(), unmeasured=missing), NO_TEXTS).partition("<script")[0]

    assert "Nothing is known of the graders here: oracle: nothing was measured; probes" in page
    assert "does not hold" not in page
    assert "Everything that was assayed holds" not in page


def test_policies_in_two_regimes_stay_apart() -> None:
    """A name that stands for two policies is not enough to name one of them."""
    lab = Lab()
    for regime in ("a", "b"):
        lab.add("policy", policy_id=f"sim/mid#{regime}", name="sim/mid", kind="simulated", regime={"r": regime})
        lab.group([0.1, 0.5, 0.9, 0.3], policy=f"sim/mid#{regime}")
    lab.group([0.1, 0.5, 0.9, 0.3], policy="sim/weak")
    data = data_of(lab)

    assert data.values("run_policies", "label") == ("sim/mid#a", "sim/mid#b", "sim/weak")


def test_trajectory_is_drawn_when_there_is_one(data: ReportData) -> None:
    """Rows of a trajectory make a panel a dimension; what regressed and what is undecided is said."""
    base = {"family": FAMILY, "split": "train", "parent": None, "n_instances": 40, "status": None, "reason": None}
    rows = [
        {**dict.fromkeys(OF_ALL_RUNS["trajectory"]), **base, "policy_id": policy, "policy": policy, "mean": mean,
         "dimension": dimension, "step": step, "status_from_base": status}
        for dimension, told in (("a", "regressed"), ("b", "unclear"))
        for step, (policy, mean, status) in enumerate([("v0", 0.5, None), ("v1", 0.4, told)])
    ]  # fmt: skip
    drawn = replace(data, tables={**data.tables, "trajectory": tuple(rows)})
    part = _part(drawn, "trajectory")

    assert [panel.title for panel in part.figures[0].panels] == ["a", "b"]
    assert "regressed: a at v1" in part.finding
    assert "1 comparison cannot be decided" in part.finding
    assert "report-charts" in render(drawn, NO_TEXTS)


def _part(data: ReportData, key: str) -> Section:
    return next(part for part in sections(data) if part.key == key)


def test_figures_show_columns_that_there_are(data: ReportData) -> None:
    """Every column of every table, and every chart, exists."""
    for part in sections(data):
        for figure in part.figures:
            row = data.one(figure.source)
            wanted = {column.key for column in figure.columns}
            wanted |= {key for column in figure.columns for key in column.interval or ()}
            assert wanted <= row.keys(), figure.key
            assert figure.chart is None or figure.chart in charts.CHARTS
            assert figure.source in {*VIEWS, *OF_ALL_RUNS, *COUNTED}


@pytest.mark.parametrize("name", charts.CHARTS)
def test_charts_carry_neither_data_nor_colours(name: str) -> None:
    """Rows come from the page, colours from its style sheet: nothing is written into a chart twice."""
    spec = charts.compiled(name)
    text = json.dumps(spec)

    assert any(source["name"] == "rows" and "values" not in source for source in spec["data"])
    assert not re.search(r'"#[0-9a-fA-F]{3,8}"', text)
    assert all(axis.get("title") or axis["scale"] in {"x", "y"} for axis in spec["axes"])


def test_findings_name_what_does_not_hold(data: ReportData) -> None:
    """A zero-work probe at .4 breaks a floor of .1, and the rung that rose is a pair in the wrong order."""
    page = render(data, NO_TEXTS)

    assert "1 zero-work probe breaks the floor." in page
    assert "Worse work scored higher in 3 of 9 pairs" in _part(data, "order").finding


def test_command_writes_one_file_and_prints_its_data(
    assay: Assay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file appears under the name asked for; --json alone writes none; what is wrong is told in one line."""
    made = assay("audit", "--plugin", TINY, "--family", "tiny_upper", "--n", "4")
    assert made.returncode == 0, made.stderr
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASSAY_DB", raising=False)

    assert main(["report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["probe_floor"]["rows"]
    assert not list(tmp_path.glob("*.html"))

    assert main(["report", "--out", "page.html"]) == 0
    told = capsys.readouterr().out
    assert "page.html" in told
    assert "Next: " in told
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert {path.name for path in tmp_path.iterdir()} == {"assay.duckdb", "page.html"}

    for arguments, text in (
        (("--run", "nobody"), "there is no run 'nobody'"),
        (("--out", "no/such/page.html"), "cannot be written"),
        (("--db", "none.duckdb"), "there is no warehouse"),
    ):
        assert main(["report", *arguments]) == 2
        wrong = capsys.readouterr().err
        assert text in wrong
        assert wrong.count("\n") == 1
