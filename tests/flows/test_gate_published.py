"""The published training trajectory: imported as scores, read as a trajectory, and held at the gate as it was then.

Published are means: of the composite, of unit_consistency and of data_preservation on 80 evaluation tables, and of
data_preservation on 40 stress tables. Which tables succeeded is not published. The placement here is ours and the
simplest: scores are 0 or 1, and whoever succeeds on k tables succeeds on the first k, so that training keeps what the
base could do. Two things that follow from it (intervals, instances that would decide) are therefore not published
figures; a placement with more tables won and lost would need more instances. That preference training started from v3
is ours, too.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Assay
from tests.flows.conftest import assay_here

WEIGHTS = {"data_preservation": 0.35, "format_validity": 0.25, "unit_consistency": 0.25, "completeness": 0.15}
# Tables of 80 with their units and rows in order, and of 40 under stress with their rows.
UNITS = {"base": 69, "v1": 80, "v2": 80, "v3": 80, "dpo": 67}
KEPT = {"base": 78, "v1": 79, "v2": 78, "v3": 78, "dpo": 78}
STRESS = {"base": 8, "v1": 10, "v2": 10, "v3": 10, "dpo": 8}
PARENTS = {"base": None, "v1": "base", "v2": "v1", "v3": "v2", "dpo": "v3"}
COMPOSITE = {"base": 0.9569, "v1": 0.9956, "v2": 0.9912, "v3": 0.9912, "dpo": 0.9506}
CONDITIONS = [
    "composite does not fall", "data is kept", "no more reward hacking", "something improves",
    "data is kept under stress",
]  # fmt: skip


def _rows(name: str, parent: str | None, **ones: int) -> list[dict[str, Any]]:
    """Return the rows of one checkpoint; `ones` says how many of a set's first tables a dimension holds on."""
    rows = []
    for split, n in (("eval", 80), ("stress", 40)):
        for table in range(n):
            for dimension in WEIGHTS:
                score = float(table < ones.get(f"{split}_{dimension}", n))
                rows.append(
                    {
                        "instance": f"{split}-{table:02d}", "policy": name, "dimension": dimension, "score": score,
                        "split": split, "parent": parent, "intervention": "dpo" if name == "dpo" else "sft",
                    }
                )  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the published trajectory, and of a sixth checkpoint that meets all five conditions."""
    path = tmp_path_factory.mktemp("published") / "published.jsonl"
    rows = [
        row
        for name, parent in PARENTS.items()
        for row in _rows(
            name, parent, eval_unit_consistency=UNITS[name], eval_data_preservation=KEPT[name],
            stress_data_preservation=STRESS[name],
        )
    ]  # fmt: skip
    rows += _rows("good", "v3", stress_data_preservation=36)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def imported(published: Path) -> Assay:
    """The command in a folder whose assay.duckdb holds the trajectory; it is only read."""
    assay = assay_here(published.parent)
    weights = [option for name, weight in WEIGHTS.items() for option in ("--weight", f"{name}={weight}")]
    done = assay("import", "scores", str(published), *weights)
    assert done.returncode == 0, done.stderr
    return assay


def _trajectory(assay: Assay) -> dict[tuple[str, str, str], dict[str, Any]]:
    done = assay("sql", "select * from trajectory where policy <> 'good'", "--json")
    assert done.returncode == 0, done.stderr
    return {(row["split"], row["policy"], row["dimension"]): row for row in json.loads(done.stdout)}


def _gate(assay: Assay, candidate: str, *more: str) -> tuple[int, dict[str, Any]]:
    done = assay("gate", "--base", "base", "--candidate", candidate, "--json", *more)
    assert done.returncode in (0, 3), done.stderr
    return done.returncode, json.loads(done.stdout)


def test_published_trajectory_is_read_as_it_was_published(imported: Assay) -> None:
    """Means to four decimals; what moved, what fell, and what forty tables do not tell."""
    rows = _trajectory(imported)

    for name in PARENTS:
        assert rows["eval", name, "composite"]["mean"] == pytest.approx(COMPOSITE[name], abs=5.1e-5)
        assert rows["eval", name, "unit_consistency"]["mean"] == UNITS[name] / 80
        assert rows["eval", name, "data_preservation"]["mean"] == KEPT[name] / 80
        assert rows["stress", name, "data_preservation"]["mean"] == STRESS[name] / 40
    units = {name: rows["eval", name, "unit_consistency"] for name in PARENTS}
    assert units["v1"]["status"] == "moved"
    assert [units[name]["status_from_base"] for name in ("v1", "v2", "v3")] == ["moved"] * 3
    assert (units["dpo"]["status"], units["dpo"]["status_from_base"]) == ("regressed", "unclear")
    # Nothing changed from v1 to v2 on 80 tables: at most 1 - .05^(1/80) = .037 of them can.
    assert units["v2"]["status"] == "flat"

    stress = {name: rows["stress", name, "data_preservation"] for name in PARENTS}
    assert {row["status_from_base"] for name, row in stress.items() if name != "base"} == {"unclear"}
    assert stress["v1"]["status"] == "unclear"
    # Two of forty changed, s = .2207: 8.5638 * (.2207 / .05)^2 = 166.9.
    assert (stress["v1"]["delta_from_parent"], stress["v1"]["n_to_decide"]) == (pytest.approx(0.05), 167)
    assert "167 instances would decide" in stress["v1"]["reason"]


@pytest.mark.parametrize(
    ("candidate", "failed"), [("v1", [4]), ("v2", [4]), ("v3", [4]), ("dpo", [0, 3, 4]), ("good", [])]
)
def test_published_decisions_come_out(candidate: str, failed: list[int], imported: Assay) -> None:
    """The three fine-tunings fail the fifth condition only, preference training the first, fourth and fifth."""
    status, told = _gate(imported, candidate)

    assert [one["name"] for one in told["conditions"]] == CONDITIONS
    assert [place for place, one in enumerate(told["conditions"]) if one["holds"] is not True] == failed
    assert all(told["conditions"][place]["holds"] is False for place in failed)
    assert (status, told["verdict"]) == ((3, "hold") if failed else (0, "promote"))
    assert (told["split"], told["conditions"][4]["split"]) == ("eval", "stress")
    if candidate == "v1":
        first, _, count, best, stress = told["conditions"]
        assert (first["base"], first["candidate"]) == pytest.approx((0.956875, 0.995625))
        assert (count["base"], count["candidate"], count["change"]) == (2, 1, -1)
        assert (best["detail"], best["change"]) == ("unit_consistency", pytest.approx(0.1375))
        # .25 of 40 against .85 is no close call.
        assert (stress["candidate"], stress["n_to_decide"]) == (0.25, None)


def test_gate_says_it_in_words(imported: Assay) -> None:
    """A table, the verdict, what to type next; in the colours of a pipe."""
    done = imported("gate", "--base", "base", "--candidate", "dpo")

    assert done.returncode == 3
    assert done.stderr == ""
    last = 'hold: dpo fails "composite does not fall", "something improves", "data is kept under stress"'
    assert last in done.stdout
    # Three could have been the best: the interval is that of all three together.
    assert "its interval is wider than 90 %" in " ".join(done.stdout.split())
    assert "\x1b[" not in done.stdout
    assert "Next: assay sql" in done.stdout


def test_gate_on_the_lower_bound_wants_more_than_an_estimate(imported: Assay, tmp_path: Path) -> None:
    """36 of 40 is .9; its one-sided lower bound is below .85, and 229 tables would settle it."""
    file = tmp_path / "strict.toml"
    file.write_text(
        '[[condition]]\nname = "stress"\nkind = "mean"\ndimension = "data_preservation"\nsplit = "stress"\n'
        'at_least = 0.85\non = "lower"\n'
    )
    status, told = _gate(imported, "good", "--conditions", str(file))

    (one,) = told["conditions"]
    assert (status, one["holds"], one["candidate"]) == (3, False, 0.9)
    assert one["low"] < 0.85 < one["high"]
    # ((1.6449 + .8416) * .3038 / .05)^2
    assert one["n_to_decide"] == pytest.approx(229, abs=1)
