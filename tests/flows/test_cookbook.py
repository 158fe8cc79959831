"""Every query that the documentation prints runs on a real warehouse, as it is printed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import evaluate
from flows.cli import main
from tasks_lib import family
from tests.conftest import ROOT
from warehouse import Warehouse
from warehouse.estimates import refresh_calibration

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
COOKBOOK = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
MAY_BE_EMPTY = "No rows: "
"""What the sentence before a query says where no rows are an answer, too."""

# Judge and people are not there offline; these rows are as they would be, on rollouts that are.
JUDGED = (
    """
    insert into score
    select
        rollout_id, 'quality_delta', 'judge/one', replicate, 'doc_revision', value, value, 'assessed', 'judge', 'level',
        '{}', '1', null
    from (
        select rollout_id, replicate, hash(rollout_id, replicate) % 5 / 4 as value
        from rollout, unnest(range(2)) as repeats (replicate)
        where instance_id like 'doc_revision%' and policy_id like 'sim/%'
    )
    """,
    """
    insert into judge_call
    select
        rollout_id || '-' || replicate, rollout_id, 'quality_delta', 'one', 'h', 1000, 50, 0, 0.002, null, true,
        'judge/one', replicate, if(replicate = 0, 'plain', 'reversed'), 'level', low, 1.5
    from score where source = 'judge'
    """,
    """
    insert into judge_call
    select
        rollout_id, rollout_id, 'quality_delta', 'one', 'h', 1000, 50, 0, 0.002, null, true, 'judge/one', 0, 'plain',
        'level', if(policy_id like '%@honest', 0.25, 0.5), 1.5
    from rollout where instance_id like 'doc_revision%' and policy_id like 'probe/plea%'
    """,
    """
    insert into rating
    select rollout_id, 'quality_delta', rater, hash(rollout_id, rater) % 5 / 4, null, null, null, null, null, null, null
    from (select distinct rollout_id from score where source = 'judge'),
        unnest(['ann', 'ben', 'cleo']) as people (rater)
    """,
)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of two runs on the same instances, the latest with oracle, ladders and probes."""
    path = tmp_path_factory.mktemp("cookbook") / "assay.duckdb"
    instances = [
        *family("spreadsheet_clean").instances(n=3, seed=0),
        *family("doc_revision").instances(n=3, seed=0),
    ]
    for policies, audit in (["sim/weak", "sim/mid"], False), (["sim/weak", "sim/mid", "sim/strong"], True):
        evaluate(instances, policies=policies, group=8, db=path, audit=audit, prefect=False)
    with Warehouse.open(path) as warehouse:
        for statement in JUDGED:
            warehouse.sql(statement)
        refresh_calibration(warehouse)
    return path


def recipes() -> Iterator[tuple[str, str, str]]:
    """Yield section, sentence and query of the cookbook."""
    section, sentence = "", ""
    for part in COOKBOOK.split("\n\n"):
        if part.startswith("## "):
            section = part.removeprefix("## ")
        elif part.startswith("```sql\n"):
            yield section, sentence, part.strip().removeprefix("```sql\n").removesuffix("```")
        else:
            sentence = part


RECIPES = tuple(recipes())


@pytest.mark.parametrize(("section", "sentence", "query"), RECIPES, ids=[recipe[1][:50] for recipe in RECIPES])
def test_recipe_runs_and_is_printed(
    section: str,
    sentence: str,
    query: str,
    db: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It has rows, unless the sentence says that there may be none; `assay sql` prints it, whatever it is."""
    monkeypatch.chdir(tmp_path)
    with Warehouse.open(db, read_only=True) as warehouse:
        answer = warehouse.sql(query)

    assert main(["sql", "--db", str(db), query]) == 0
    printed = capsys.readouterr().out
    if query.startswith("copy "):
        assert "Done; it has no rows to show." in printed
        assert [path.stat().st_size > 0 for path in tmp_path.iterdir()] == [True]
        return
    assert answer.height or MAY_BE_EMPTY in sentence
    assert answer.height or "judges" not in section  # what was made up above is found
    assert f"{answer.height:,} row" in printed
    for name in answer.columns:
        assert name in printed


def test_every_part_of_the_cookbook_is_tested() -> None:
    """No fence is passed over, and every section has a query."""
    assert len(RECIPES) == COOKBOOK.count("```sql") >= 25
    assert {section for section, _, _ in RECIPES} == set(re.findall(r"^## (.*)$", COOKBOOK, re.MULTILINE))


def test_exports_are_read_back(db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Parquet file has a row for every graded rollout of a policy: 3 + 3 instances, groups of 8, 2 + 3 policies."""
    monkeypatch.chdir(tmp_path)
    for _, _, query in RECIPES:
        if query.startswith("copy "):
            assert main(["sql", "--db", str(db), query]) == 0

    with Warehouse.in_memory() as warehouse:
        assert warehouse.sql("select count(*) as n from 'rewards.parquet'")["n"][0] == 6 * 8 * 5
        assert warehouse.sql("select count(*) as n from 'verdicts.csv'")["n"][0] == 6 * 5


@pytest.mark.parametrize(
    "query",
    [
        query
        for page in PAGES
        for _, query in re.findall(r"""(?:assay |run\.)sql\(? ?(["'])(.+?)\1""", page.read_text(encoding="utf-8"))
        if query != "..."
    ],
)
def test_queries_in_passing_run(query: str, db: Path) -> None:
    """What README and the other pages show in a line of shell or Python runs, too."""
    with Warehouse.open(db, read_only=True) as warehouse:
        assert warehouse.sql(query).width
