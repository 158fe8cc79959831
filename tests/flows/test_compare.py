"""`compare`: every change between two runs, split into where it came from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flows import evaluate
from flows.errors import InputError
from flows.what_if.compare import COMPOSITE, Comparison, Split, compare_runs
from graders import grading
from tasks_lib.records import TaskInstance
from tests.conftest import TINY, Assay
from tests.flows.stricter import stricter_grader
from tests.flows.tiny_family import TinyUpper
from warehouse import Warehouse


def run(db: Path, instances: Sequence[TaskInstance], policies: Sequence[str] = ("sim/weak",), group: int = 3) -> str:
    """Attempt and grade without audit, and return the run."""
    return evaluate(instances, policies, group, db=db, prefect=False, audit=False, plugins=[TINY], workers=1).run_id


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str, str]:
    """A warehouse; a run, one under the later grader with two instances less and two more, one of other policies."""
    db = tmp_path_factory.mktemp("compare") / "a.duckdb"
    instances = list(TinyUpper().instances(14))
    first = run(db, instances[:12], ("sim/weak", "sim/strong"))
    with stricter_grader():
        second = run(db, instances[2:], ("sim/weak", "sim/strong"))
    return db, first, second, run(db, instances[:12], ("sim/weak", "sim/mid"))


def split(found: Comparison, dimension: str, policy: str = "sim/weak") -> Split:
    """Return the split of one dimension."""
    (one,) = [split for split in found.splits if split.dimension == dimension and split.pair.name == policy]
    return one


def _mean_low(db: Path, run_id: str, dimension: str) -> float:
    query = """
        with per_instance as (
            select instance_id, avg(low) as mean from score join rollout using (rollout_id)
            where run_id = ? and dimension = ? and policy_id = 'sim/weak#' || split_part(policy_id, '#', 2)
            group by instance_id
        )
        select avg(mean) as mean from per_instance
    """
    with Warehouse.open(db, read_only=True) as warehouse:
        return float(warehouse.sql(query, [run_id, dimension])["mean"][0])


def test_parts_add_up_and_the_change_is_that_of_the_means(runs: tuple[Path, str, str, str]) -> None:
    """For every policy and dimension; `before` and `after` are what anybody works out in SQL."""
    db, first, second, _ = runs

    found = compare_runs(db, first, second)

    assert {(one.pair.name, one.dimension) for one in found.splits} == {
        (policy, dimension) for policy in ("sim/weak", "sim/strong") for dimension in (COMPOSITE, "words", "case")
    }
    for one in found.splits:
        assert one.found.parts.total == pytest.approx(one.found.change, abs=1e-12)
        assert (one.found.n_before, one.found.n_after, one.found.n_shared) == (12, 12, 10)
    words = split(found, "words").found
    assert (words.before, words.after) == (
        pytest.approx(_mean_low(db, first, "words")),
        pytest.approx(_mean_low(db, second, "words")),
    )


def test_the_same_outputs_under_another_grader_are_the_graders(runs: tuple[Path, str, str, str]) -> None:
    """Simulated policies do the same on the same instance: no part is the policy's, `case` did not change at all."""
    db, first, second, _ = runs

    found = compare_runs(db, first, second)

    words, case = split(found, "words").found, split(found, "case").found
    assert words.parts.grader < -0.05
    assert (words.parts.policy, words.parts.inseparable) == (pytest.approx(0), 0)
    assert (case.parts.grader, case.parts.policy) == (pytest.approx(0), pytest.approx(0))
    assert case.change == pytest.approx(case.parts.task_mix)
    assert "grader version 1 -> 2, other rubric" in split(found, COMPOSITE).sentence()


def test_under_one_grader_the_change_is_the_policys(runs: tuple[Path, str, str, str]) -> None:
    """Weak against mid on the same instances: nothing but policy, with an interval around it."""
    db, first, _, third = runs

    found = compare_runs(db, first, third, {"sim/weak": "sim/mid"})

    reward = split(found, COMPOSITE, "sim/weak -> sim/mid").found
    assert reward.parts.policy == pytest.approx(reward.change)
    assert reward.policy_low is not None
    assert reward.policy_high is not None
    assert 0 < reward.policy_low < reward.parts.policy < reward.policy_high
    assert (reward.n_shared, reward.n_separable) == (12, 12)


def test_policy_and_grader_are_told_apart_by_grading_again(runs: tuple[Path, str, str, str]) -> None:
    """Weak under the first grader, strong under the second, whichever of the two is installed; else nobody knows."""
    db, first, second, _ = runs
    mapped = {"sim/weak": "sim/strong"}
    name = "sim/weak -> sim/strong"

    with stricter_grader():
        by_later = split(compare_runs(db, first, second, mapped), COMPOSITE, name).found
    by_earlier = split(compare_runs(db, first, second, mapped), COMPOSITE, name).found
    with stricter_grader():
        grading._graders["tiny_upper"].version = "3"  # type: ignore[misc]
        try:
            unknown = split(compare_runs(db, first, second, mapped), COMPOSITE, name)
        finally:
            grading._graders["tiny_upper"].version = "2"  # type: ignore[misc]

    for known in (by_later, by_earlier):
        assert known.parts.inseparable == 0
        assert known.n_separable == 10
        assert known.parts.policy > 0.3
    # Under the later grader the grader's part is what it made of the weak one, under the earlier, of the strong one.
    alone = compare_runs(db, first, second)
    assert by_later.parts.grader == pytest.approx(split(alone, COMPOSITE, "sim/weak").found.parts.grader)
    assert by_earlier.parts.grader == pytest.approx(split(alone, COMPOSITE, "sim/strong").found.parts.grader)
    assert (unknown.found.parts.grader, unknown.found.parts.policy, unknown.found.n_separable) == (0, 0, 0)
    assert unknown.found.parts.inseparable == pytest.approx(by_later.parts.grader + by_later.parts.policy)
    assert unknown.found.policy_low is None
    assert "not separable" in unknown.sentence()


def test_what_is_open_is_told_apart_from_what_is_better(runs: tuple[Path, str, str, str], tmp_path: Path) -> None:
    """A judge settles half of what was open of one dimension: the grader moves the midpoint, the rest is certainty."""
    db = tmp_path / "copy.duckdb"
    db.write_bytes(runs[0].read_bytes())
    first, third = runs[1], runs[3]
    with Warehouse.open(db) as warehouse:
        # A dimension that code leaves open in both runs; in the later one a judge says 0.4 of everything.
        for run_id, source, ends in ((first, "code", (0, 1)), (third, "code", (0, 1)), (third, "judge", (0.4, 0.4))):
            warehouse.sql(
                "insert into score select rollout_id, 'style', ?, 0, 'tiny_upper', ?, ?, ?, ?, '', '{}', '1', null "
                "from rollout where run_id = ?",
                [source, *ends, "assessed" if ends[0] == ends[1] else "unassessed",
                 "judge" if source == "judge" else "deterministic", run_id],
            )  # fmt: skip

    found = split(compare_runs(db, first, third), "style").found

    # 0 -> 0.4: the midpoint fell from 0.5 to 0.4, and half of a width of 1 is not open any more.
    assert found.change == pytest.approx(0.4)
    assert found.parts.grader == pytest.approx(-0.1)
    assert found.parts.unassessed == pytest.approx(0.5)


def test_one_name_in_two_regimes_is_two_policies(runs: tuple[Path, str, str, str], tmp_path: Path) -> None:
    """They are matched by regime; the name alone means neither."""
    db = tmp_path / "copy.duckdb"
    db.write_bytes(runs[0].read_bytes())
    _, first, _, third = runs
    with Warehouse.open(db) as warehouse:
        strong = warehouse.sql("select policy_id from policy where name = 'sim/strong'")["policy_id"][0]
        warehouse.sql("update policy set name = 'sim/weak' where name = 'sim/strong'")

    found = compare_runs(db, first, third)

    assert len({one.pair for one in found.splits}) == 1
    assert found.splits[0].pair.first == found.splits[0].pair.second != strong
    assert any(strong in text for text in found.unmatched)
    with pytest.raises(InputError, match="several regimes"):
        compare_runs(db, first, third, {"sim/weak": "sim/weak"})


def test_runs_with_nothing_in_common(runs: tuple[Path, str, str, str], tmp_path: Path) -> None:
    """Without a shared instance all of the change is the task mix; without a shared policy nothing is compared."""
    db = tmp_path / "copy.duckdb"
    db.write_bytes(runs[0].read_bytes())
    instances = list(TinyUpper().instances(14))[12:]
    other = run(db, instances)
    strong = run(db, instances, ("sim/0.9",))

    whole = split(compare_runs(db, runs[1], other), COMPOSITE)
    reward = whole.found
    assert reward.parts.task_mix == pytest.approx(reward.change)
    assert (reward.n_shared, reward.n_after) == (0, 2)
    assert "without a shared instance nobody can tell" in whole.sentence()
    with pytest.raises(InputError, match=r"no policy in common; .*--policy A=B: tiny_upper: sim/weak.* is in run"):
        compare_runs(db, other, strong)


def test_imports_without_outputs_do_not_hold_the_same_outputs(assay: Assay, tmp_path: Path) -> None:
    """Two files of scores, .25 and .75 on 12 instances: all of the change is the policy's, none the grader's."""
    runs = []
    for name, score in (("first", 0.25), ("second", 0.75)):
        rows = [
            {"family": "f", "instance": f"t{n}", "policy": "m", "dimension": "d", "score": score} for n in range(12)
        ]
        file = tmp_path / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        runs.append(json.loads(assay("import", "scores", str(file), "--json").stdout)[0]["run_id"])

    for row in json.loads(assay("compare", *runs, "--json").stdout)["changes"]:
        assert (row["grader"], row["policy_part"], row["policy_or_grader"]) == (0, 0.5, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("FIRST", "FIRST"), "compared with itself"),
        (("FIRST", "nothing"), "there is no run 'nothing'"),
        (("nothing", "FIRST"), "there is no run 'nothing'"),
        (("FIRST", "SECOND", "--dimension", "colour"), "'colour'"),
        (("FIRST", "SECOND", "--policy", "sim/genius"), "'sim/genius'; it has: sim/strong, sim/weak"),
        (("FIRST", "SECOND", "--policy", "sim/weak="), "A=B"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], said: str, runs: tuple[Path, str, str, str], assay: Assay
) -> None:
    """Exit status 2 and a line that says what is wrong."""
    names = {"FIRST": runs[1], "SECOND": runs[2]}

    done = assay("compare", *(names.get(text, text) for text in arguments), "--db", str(runs[0]))

    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr


def test_the_command_prints_a_table_and_a_sentence(runs: tuple[Path, str, str, str], assay: Assay) -> None:
    """A table within 80 columns, a sentence for each policy, what to type next; JSON holds every part."""
    db, first, second, _ = runs

    done = assay("compare", first, second, "--db", str(db))

    assert (done.returncode, done.stderr) == (0, "")
    for text in ("tiny_upper, sim/weak", "reward", "grader version 1 -> 2", "Reward of sim/weak", "Next: "):
        assert text in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "assay " not in line)
    rows: list[dict[str, Any]] = json.loads(assay("compare", first, second, "--db", str(db), "--json").stdout)[
        "changes"
    ]
    parts = ("task_mix", "grader", "policy_part", "policy_or_grader", "unassessed")
    assert all(sum(row[part] for part in parts) == pytest.approx(row["change"], abs=1e-12) for row in rows)
