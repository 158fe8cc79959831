"""The SQL files: headers say what is true, grains are unique, and views read what they say."""

import re

import polars as pl
import pytest

from tests.warehouse.rows import FAMILY, RUN, Lab, drawn_set, taken
from tests.warehouse.test_calibration_progress import calibration_set
from warehouse import Warehouse
from warehouse.definitions import Definition, parse, tables, views
from warehouse.estimates import refresh
from warehouse.tables import schema_of

ALL = {**tables(), **views()}


def drift(definition: Definition, warehouse: Warehouse) -> list[str]:
    """Return how a header differs from the object it describes; nothing where it does not."""
    real = warehouse.sql(f"describe {definition.name}")["column_name"].to_list()
    found = []
    if list(definition.columns) != real:
        found.append(f"header lists {definition.columns}, the object has {real}")
    if not set(definition.grain) <= set(real):
        found.append(f"grain {definition.grain} is not made of columns")
    if not definition.question.endswith("?"):
        found.append("no question")
    if not definition.grain:
        found.append("no grain")
    return found


@pytest.fixture(scope="module")
def busy() -> Lab:
    """A warehouse in which every view has rows, several groups, ladders and a second run among them."""
    lab = Lab()
    lab.rubric(a=1.0, b=3.0)
    for instance in ("i1", "i2"):
        for policy in ("sim/weak", "sim/strong"):
            lab.group([0.1, 0.5, 0.9, 0.3], [0.1, 0.5, 0.9, 0.9], instance=instance, policy=policy, lost=1, planned=5)
            for sample in range(4):
                for dimension in ("a", "b"):
                    for replicate in range(2):
                        rollout_id = f"{instance}/{policy}/{sample}"
                        lab.score(rollout_id, dimension, 0.0, 1.0, replicate=replicate)
                    for judge in ("judge/one", "judge/two"):
                        lab.judge(rollout_id, dimension, [0.2 * sample, 0.5, None], judge=judge)
                    lab.rating(rollout_id, dimension, [0.2 * sample, 0.3, None, 0.95][: sample + 1])
        lab.probe("echo", "zero", {instance: 0.1})
        for probe in ("praise", "verdict"):
            for name in (probe, f"{probe}@honest"):
                lab.probe(name, "attack", {instance: 0.1})
                for dimension in ("a", "b"):
                    for judge in ("judge/one", "judge/two"):
                        lab.judge(f"{instance}/probe/{name}/0", dimension, [0.5, 0.4], judge=judge)
        for operator in ("drop", "swap"):
            lab.operator(operator, "degrade", a="moves")
            lab.ladder(operator, [1, 0.9, 0.8], {"a": [1, 0.5, 0], "b": [1, 1, 1]}, instance=instance)
            for severity in range(3):
                for facet in ("one", "two"):
                    lab.add(
                        "facet", rollout_id=f"{instance}/ladder/{operator}@{severity}/0", dimension="a", facet=facet,
                        grader_id="code", low=0.5, high=0.5,
                    )  # fmt: skip
                    lab.add(
                        "expectation", family=FAMILY, operator=operator, dimension="a", facet=facet, expected="still"
                    )
    for day, run_id in enumerate(("first-night", "second-night"), start=1):
        lab.night(run_id, day, {"i1": [0.1, 0.5] * 4, "i2": [0.3] * 8})
        lab.night(run_id, day, {"i1": [0.1 * day]}, policy="probe/echo", kind="probe")
    lab.composite(lab.rollout("i1", "sim/strong", 9), 0.1, 0.4, flags=("too_long", "passive"))
    lab.composite(lab.rollout("i1", "probe/echo", 0, run_id="run-2", rollout_id="echo again"), 0.1)
    for parent, name in ((None, "ck-0"), ("ck-0", "ck-1")):
        lab.add("policy", policy_id=name, name=name, kind="replay", regime={}, parent=parent)
        for instance in ("i1", "i2"):
            lab.group([0.2, 0.4], instance=instance, policy=name, kind="replay")
            for dimension in ("a", "b"):
                lab.score(f"{instance}/{name}/0", dimension, 0.5)
    drawn_set(lab, "set-1", "a", {f"i1/sim/weak/{sample}": "s1" for sample in range(4)}, {"s1": 8, "s2": 4})
    for at in range(60):  # a judge that is calibrated
        rated = lab.rollout(f"rated-{at}", "sim/mid", 0)
        lab.judge(rated, "tone", [0.5], judge="judge/three")
        lab.rating(rated, "tone", [0.5])
    for place, rater in enumerate(("ann", "ben")):
        calibration_set(
            lab, f"dealt-{place}", {f"i1/sim/weak/{sample}": 2 for sample in range(3)}, {rater: ["i1/sim/weak/1"]}
        )
    refresh(lab.warehouse)
    lab.rollout("i1", "sim/weak", 0, run_id="run-2", rollout_id="again")
    lab.composite("again", 0.4, rubric="fam-2")
    lab.composite("i1/sim/weak/0", 0.4, rubric="fam-2")
    lab.score("again", "a", 0.4)
    lab.add(
        "judge_call", call_id="c", rollout_id="again", dimension="a", model="judge", rubric_hash="h",
        input_tokens=1, output_tokens=1, cached_tokens=0, cost_usd=None, verdict=None, quotes_verified=None,
    )  # fmt: skip
    return lab


@pytest.mark.parametrize("name", ALL)
def test_header_matches_the_object(name: str, busy: Lab) -> None:
    """Question, grain and columns of every header are those of the table or view."""
    assert drift(ALL[name], busy.warehouse) == []


def test_drift_is_noticed(busy: Lab) -> None:
    """A header that lost a column, has one too many, or asks nothing is caught."""
    sql = views()["coverage"].sql

    for planted in (
        re.sub(r"--   n .*\n", "", sql),
        sql.replace("--   n ", "--   extra  not there\n--   n "),
        sql.replace("settle?", "settle"),
        sql.replace("-- grain: run_id,", "-- grain: run,"),
    ):
        assert planted != sql
        assert drift(parse("coverage", "view", planted), busy.warehouse)


@pytest.mark.parametrize("name", ALL)
def test_every_column_is_explained(name: str) -> None:
    """Each column has a phrase, and the file is named after its object."""
    lines = [line for line in ALL[name].sql.splitlines() if re.match(r"--   \S", line)]

    assert all(len(line[2:].split()) > 1 for line in lines), lines
    kind = "table if not exists" if ALL[name].kind == "table" else "or replace view"
    assert f"create {kind} {name} " in ALL[name].sql


@pytest.mark.parametrize("name", views())
def test_grain_is_unique(name: str, busy: Lab) -> None:
    """No two rows of a view share its grain, and the fixture does reach it."""
    frame = busy.warehouse.view(name)

    assert frame.height
    assert not frame.select(views()[name].grain).is_duplicated().any()


@pytest.mark.parametrize("name", views())
def test_view_reads_what_its_header_says(name: str) -> None:
    """`reads:` is what orders the loading, so it must be complete and without padding."""
    definition = views()[name]
    body = re.sub(r"'[^']*'|--.*", "", definition.sql)
    found = set(re.findall(r"\b(?:from|join)\s+(\w+)", body))

    assert found & ALL.keys() == set(definition.reads)


@pytest.mark.parametrize("name", views())
def test_view_does_not_open_large_columns(name: str) -> None:
    """No view reads outputs or transcripts: they are most of the file."""
    body = re.sub(r"--.*", "", views()[name].sql)

    assert not re.search(r"\b(output|transcript|materials|truth|prompt|evidence)\b", body)


@pytest.mark.parametrize("name", tables())
def test_parquet_schema_is_the_table(name: str) -> None:
    """The Polars types a shard is written with are those the table reads back as."""
    assert dict(taken().view(name).schema) == schema_of(name)


@pytest.mark.parametrize("name", tables())
def test_grain_is_the_primary_key(name: str) -> None:
    """The engine refuses what the header calls a duplicate."""
    definition = tables()[name]

    assert f"primary key ({', '.join(definition.grain)})" in definition.sql


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("score", {"low": 0.6, "high": 0.4}),
        ("score", {"low": -0.1}),
        ("score", {"high": 1.1}),
        ("score", {"state": "assessed", "low": 0.2, "high": 0.4}),
        ("score", {"state": "partial", "low": 0.4, "high": 0.4}),
        ("score", {"state": "error", "low": 0.4, "high": 0.4}),
        ("score", {"state": "fine"}),
        ("rollout", {"status": "lost"}),
        ("rollout", {"sample": -1}),
        ("composite", {"low": 0.9}),
        ("composite", {"reward": 0.123}),
        ("composite", {"high": None}),
    ],
)
def test_tables_refuse_what_cannot_be(table: str, change: dict[str, object], busy: Lab) -> None:
    """Intervals out of order, states that contradict them, unknown words: nothing is added."""
    key = tables()[table].grain[0]
    row = busy.warehouse.view(table).sort(tables()[table].grain).row(0, named=True)

    with pytest.raises(Exception, match="nothing was loaded") as caught:
        busy.warehouse.merge(table, [{**row, key: "new", **change}])

    assert "\n" not in str(caught.value)
    assert "new" not in busy.warehouse.view(table)[key]


def test_views_are_lower_case() -> None:
    """Style of the files: lower-case keywords."""
    for view in views().values():
        body = re.sub(r"'[^']*'|--.*", "", view.sql)
        assert body == body.lower(), view.name


def test_describe_lists_what_is_public(busy: Lab) -> None:
    """Staging views and the schema version are not for users; counts are those of the objects."""
    described = busy.warehouse.describe()

    names = set(described["name"])
    assert {"group_spread", "task_verdict", "rollout", "run"} <= names
    assert not [name for name in names if name.startswith("stg_")]
    assert dict(described.select("name", "n_rows").iter_rows())["run"] == 3
    assert described.filter(pl.col("question") == "").is_empty()
    assert described.filter(name="task_verdict")["grain"].to_list() == ["run_id, instance_id, policy_id"]
    assert RUN in [row["run_id"] for row in busy.view("run")]
