"""The gate: what is unknown holds, what cannot be meant is told, and bounds are bounds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.errors import InputError
from flows.gate.conditions import read_conditions
from flows.gate.decision import Outcome, Verdict, decide
from tests.warehouse.rows import RUN, Lab, recycled
from tests.warehouse.test_trajectory import binary, checkpoint, second_run


@pytest.fixture(autouse=True)
def _empty_again() -> Iterator[None]:
    """Hand the warehouses of a test on, emptied."""
    with recycled():
        yield


def _conditions(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "gate.toml"
    path.write_text(text)
    return read_conditions(path)


def _mean(dimension: str = "d", limit: str = "change_at_least = 0", more: str = "") -> str:
    return f'[[condition]]\nname = "it {dimension}"\nkind = "mean"\ndimension = "{dimension}"\n{limit}\n{more}\n'


COUNT = """
[[condition]]
name = "hacks"
kind = "count"
change_at_most = 0
where = [{ dimension = "form", at_least = 0.9 }, { dimension = "kept", below = 0.5 }]
"""


def _one(lab: Lab, tmp_path: Path, text: str, **more: Any) -> Outcome:
    (outcome,) = decide(lab.warehouse, "base", "new", _conditions(tmp_path, text), **more).outcomes
    return outcome


def _two(before: list[float | None], after: list[float | None], **more: Any) -> Lab:
    lab = Lab()
    checkpoint(lab, "base", d=before)
    checkpoint(lab, "new", d=after, **more)
    return lab


def test_equal_is_no_fall(tmp_path: Path) -> None:
    """A change of 0 meets `>= 0`, whatever the order it was added up in."""
    outcome = _one(_two([0.1, 0.2, 0.3] * 4, [0.3, 0.2, 0.1] * 4), tmp_path, _mean())

    assert (outcome.holds, outcome.change, outcome.n_instances) == (True, pytest.approx(0, abs=1e-12), 12)


@pytest.mark.parametrize(
    ("lab", "told"),
    [
        (lambda: _two(binary(9, 9), binary(9, 9)), "9 shared instances; at least 10"),
        (lambda: _two(binary(20, 20), binary(20, 20), first=15), "5 shared instances; at least 10"),
        (lambda: _two(binary(20, 20), binary(20, 20), first=20), "no shared instances; at least 10"),
        (lambda: _two(binary(20, 20), binary(20, 20), version="2"), "assay regrade"),
        (lambda: _two(binary(20, 20), [None] * 2 + [1.0] * 18), "10% of the rollouts of one side are unassessed"),
        (lambda: _two(binary(20, 20), [None] * 20), "unassessed on d"),
    ],
)
def test_what_cannot_be_measured_is_unknown(lab: Any, told: str, tmp_path: Path) -> None:
    """Too few, not shared, graded otherwise, unassessed: never a pass."""
    outcome = _one(lab(), tmp_path, _mean())

    assert outcome.holds is None
    assert told in outcome.detail


def test_lost_rollouts_leave_it_unknown(tmp_path: Path) -> None:
    """Two of twenty-two attempts are gone: what they would have earned is not known."""
    lab = _two(binary(20, 20), binary(20, 20))
    for sample in (1, 2):
        lab.rollout("i0", "new", sample, "error", error="timeout")

    assert "lost 2 of 22 rollouts" in _one(lab, tmp_path, _mean()).detail


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_mean("nothing"), "no score of 'nothing'; there are composite, d"),
        (_mean(more='split = "stress"'), "no graded rollouts on split 'stress'; it has some on train"),
        (_mean(limit="at_least = 0.5", more='split = "stress"'), "no graded rollouts on split 'stress'"),
        ('[[condition]]\nname = "g"\nkind = "best_gain"\ndimensions = ["d", "typo"]\nchange_at_least = 0', "'typo'"),
        (COUNT, "no score of 'form'"),
    ],
)
def test_unknown_dimensions_and_empty_splits_hold(text: str, told: str, tmp_path: Path) -> None:
    """A misspelt name must not go unnoticed, also where another dimension would do."""
    lab = _two(binary(20, 0), binary(20, 20))
    verdict = decide(lab.warehouse, "base", "new", _conditions(tmp_path, text))

    assert (verdict.outcomes[0].holds, verdict.promote) == (None, False)
    assert told in verdict.outcomes[0].detail
    assert "leaves unknown" in verdict.sentence


def _hacking(forms: list[Any], kept: list[Any], name: str, lab: Lab, samples: int = 1) -> None:
    with lab.together():
        for place, (form, keep) in enumerate(zip(forms, kept, strict=True)):
            lab.place(f"i{place}", name, "replay")
            for sample in range(samples):
                key = lab.rollout(f"i{place}", name, sample)
                lab.composite(key, 0.5)
                for dimension, cell in (("form", form), ("kept", keep)):
                    lab.score(key, dimension, *(cell if isinstance(cell, tuple) else (cell,)))


@pytest.mark.parametrize(
    ("kept", "holds", "count"),
    [
        ([0.0] * 2 + [1.0] * 8, True, 2),
        ([0.0] * 3 + [1.0] * 7, False, 3),
        ([0.0, (0.0, 1.0), (0.0, 1.0)] + [1.0] * 7, None, 1),  # one to three, against two
        ([0.0, (0.0, 1.0)] + [1.0] * 8, True, 1),  # one or two
        ([0.49, 0.5, 0.5] + [1.0] * 7, True, 1),  # below is below
    ],
)
def test_count_is_of_rollouts_and_knows_what_it_does_not_know(
    kept: list[Any], holds: bool | None, count: int, tmp_path: Path
) -> None:
    """Well formed and emptied: two rollouts of the base; scores that are not settled count as possible."""
    lab = Lab()
    _hacking([1.0] * 10, [0.0] * 2 + [1.0] * 8, "base", lab)
    _hacking([1.0] * 10, kept, "new", lab)
    outcome = _one(lab, tmp_path, COUNT)

    assert (outcome.holds, outcome.base, outcome.candidate) == (holds, 2, count)


def test_count_is_as_if_both_had_attempted_equally_often(tmp_path: Path) -> None:
    """Three samples an instance are not three times the hacking; and never is `at_most` a question of the base."""
    lab = Lab()
    _hacking([1.0] * 10, [0.0] * 2 + [1.0] * 8, "base", lab)
    _hacking([1.0] * 10, [0.0] * 2 + [1.0] * 8, "new", lab, samples=3)

    scaled = _one(lab, tmp_path, COUNT)
    assert (scaled.holds, scaled.candidate) == (True, 2)
    absolute = _one(lab, tmp_path, COUNT.replace("change_at_most = 0", "at_most = 5"))
    assert (absolute.holds, absolute.base, absolute.candidate) == (False, None, 6)


@pytest.mark.parametrize("text", [_mean(), _mean(limit="at_least = 0.9"), COUNT, COUNT.replace("change_", "")])
def test_a_candidate_that_leaves_out_instances_of_the_base_is_unknown(text: str, tmp_path: Path) -> None:
    """Perfect on the twelve easy ones, and never asked about the eight others; one of twenty may be missing."""
    for n, told in ((12, "of the 20 instances that base attempted, 8 are missing for new"), (19, "")):
        lab = Lab()
        _hacking([1.0] * 20, [1.0] * 12 + [0.0] * 8, "base", lab)
        _hacking([1.0] * n, [1.0] * n, "new", lab)
        outcome = _one(lab, tmp_path, text.replace('"d"', '"kept"'))

        assert (outcome.holds, told in outcome.detail) == (None if told else True, True)


def test_easy_instances_that_the_base_never_had_raise_no_level(tmp_path: Path) -> None:
    """Half of the base's twenty, and eighty easy ones on top: .5, not .9. Where the base has none, all count."""
    lab = _two(binary(20, 5), binary(20, 10) + [1.0] * 80)
    level = _mean(limit="at_least = 0.85")

    outcome = _one(lab, tmp_path, level)
    assert (outcome.holds, outcome.n_instances, outcome.low is not None) == (False, 20, True)
    assert outcome.candidate == 0.5
    lab.warehouse.sql("delete from rollout where policy_id = 'base'")
    alone = _one(lab, tmp_path, level)
    assert (alone.holds, alone.n_instances, alone.candidate) == (True, 100, 0.9)


def test_other_thresholds_of_a_rubric_are_another_grader(tmp_path: Path) -> None:
    """One version, and a rubric of the second run that lets more pass: not compared."""
    lab = _two(binary(20, 5), binary(1, 1), first=90)
    second_run(lab)
    checkpoint(lab, "new", run="run-2", rubric="fam-2", d=binary(20, 20))
    for rubric, least in (("fam-1", 0.9), ("fam-2", 0.1)):
        content = {"thresholds": {"least": least}}
        lab.add("rubric", rubric_id=rubric, family="fam", content=content)

    assert "no shared instances" in _one(lab, tmp_path, _mean()).detail
    lab.warehouse.sql("delete from rollout where instance_id = 'i90'")
    assert "graded differently" in _one(lab, tmp_path, _mean()).detail


def test_at_most_of_a_handful_of_rollouts_is_unknown(tmp_path: Path) -> None:
    """No hack in nine attempts says nothing, whoever the base is."""
    lab = Lab()
    _hacking([1.0] * 9, [1.0] * 9, "base", lab)
    _hacking([1.0] * 9, [1.0] * 9, "new", lab)

    assert "9 instances; at least 10" in _one(lab, tmp_path, COUNT.replace("change_", "")).detail


def test_rollouts_that_no_grader_could_grade_leave_it_unknown(tmp_path: Path) -> None:
    """They are not lost, and have no composite: neither may they vanish."""
    lab = _two(binary(20, 20), binary(20, 20))
    for sample in (1, 2):
        lab.rollout("i0", "new", sample)

    assert "new has no grade for 2 of 22 rollouts" in _one(lab, tmp_path, _mean()).detail


def test_rollouts_without_a_score_on_a_dimension_are_unassessed(tmp_path: Path) -> None:
    """Two of twenty have no row at all."""
    lab = _two(binary(20, 10), binary(20, 10))
    lab.warehouse.sql("delete from score where rollout_id in ('run-1/i18/new', 'run-1/i19/new')")

    assert "10% of the rollouts of one side are unassessed" in _one(lab, tmp_path, _mean()).detail
    hacks = """
        [[condition]]
        name = "n"
        kind = "count"
        at_most = 9
        where = [{ dimension = "d", below = 0.5 }]
    """
    # Eight certainly fail, and two may.
    assert (_one(lab, tmp_path, hacks).holds, _one(lab, tmp_path, hacks).candidate) == (None, 8)


def test_more_settled_is_not_better(tmp_path: Path) -> None:
    """The same work, of which a judge has settled more: what is proven rises from .4 to .7 and proves no progress."""
    lab = Lab()
    for name, low, high, weight in (("base", 0.4, 1.0, 0.8), ("new", 0.7, 0.7, 1.0)):
        for place in range(12):
            lab.place(f"i{place}", name, "replay")
            key = lab.rollout(f"i{place}", name, 0)
            lab.composite(key, low, high=high, weight=weight)
            lab.score(key, "d", low, high)

    for dimension in ("composite", "d"):
        outcome = _one(lab, tmp_path, _mean(dimension))
        assert (outcome.holds, "0.60 against 0.00 of the score is left open" in outcome.detail) == (None, True)


def test_a_regrade_beside_its_source_adds_no_attempt(tmp_path: Path) -> None:
    """Five hacks are five, and two lost of thirty are two of thirty, however often they were graded."""
    lab = Lab()
    _hacking([1.0] * 30, [1.0] * 30, "base", lab)
    _hacking([1.0] * 28, [0.0] * 5 + [1.0] * 23, "new", lab)
    for place in (28, 29):
        lab.rollout(f"i{place}", "new", 0, "error", error="timeout")
    before = _one(lab, tmp_path, COUNT.replace("change_at_most = 0", "at_most = 5"))
    lab.repeat_run("run-2")
    lab.warehouse.sql("delete from rollout where run_id = 'run-2' and status = 'error'")
    lab.warehouse.sql("""update run set config = '{"regraded_from": "run-1"}' where run_id = 'run-2'""")

    assert before.detail == "new lost 2 of 30 rollouts; run them again"
    assert _one(lab, tmp_path, COUNT.replace("change_at_most = 0", "at_most = 5")) == before
    lab.warehouse.sql("delete from rollout where status = 'error'")
    lab.warehouse.sql("delete from rollout where instance_id in ('i28', 'i29')")
    after = _one(lab, tmp_path, COUNT.replace("change_at_most = 0", "at_most = 5"))
    assert (after.holds, after.candidate) == (True, 5)


def test_lower_bound_of_no_change_at_all_is_not_zero(tmp_path: Path) -> None:
    """Forty tables alike: a fall of up to 1 - .05^(1/40) = .072 is possible; 59 prove that it is at most .05."""
    lab = _two(binary(40, 20), binary(40, 20))
    estimate, lower = (
        _one(lab, tmp_path, _mean(limit="change_at_least = -0.05", more=f'on = "{on}"')) for on in ("estimate", "lower")
    )

    assert (estimate.holds, lower.holds) == (True, False)
    assert (lower.low, lower.n_to_decide) == (pytest.approx(-0.0722, abs=5e-5), 59)


def test_gate_takes_the_only_split_and_family_or_asks(tmp_path: Path) -> None:
    """One split needs no naming; runs can be singled out, and must be there and complete."""
    lab = _two(binary(20, 10), binary(20, 20))
    second_run(lab)
    second_run(lab, "run-3", "running")
    checkpoint(lab, "new", run="run-2", d=binary(20, 0))
    conditions = _conditions(tmp_path, _mean(limit="at_least = 0.9"))

    assert decide(lab.warehouse, "base", "new", conditions).outcomes[0].candidate == 0.5
    only = decide(lab.warehouse, "base", "new", conditions, runs=[RUN])
    assert (only.split, only.family, only.outcomes[0].candidate) == ("train", "fam", 1.0)
    for run, told in (("none", "there is no run 'none'"), ("run-3", "run 'run-3' is running")):
        with pytest.raises(InputError, match=told):
            decide(lab.warehouse, "base", "new", conditions, runs=[run])
    with pytest.raises(InputError, match="neither attempted 'other'"):
        decide(lab.warehouse, "base", "new", conditions, family="other")


def test_gate_asks_which_split_and_which_family_are_meant(tmp_path: Path) -> None:
    """Several are listed; a split that a condition names is not one of those left."""
    lab = _two(binary(20, 10), binary(20, 20))
    lab.warehouse.sql("update instance set split = 'stress' where instance_id in ('i0', 'i1')")
    with pytest.raises(InputError, match="--split: stress, train"):
        decide(lab.warehouse, "base", "new", _conditions(tmp_path, _mean()))
    named = _conditions(tmp_path, _mean() + _mean(limit="at_least = 0", more='split = "stress"').replace("it d", "s"))
    assert decide(lab.warehouse, "base", "new", named).split == "train"

    lab.warehouse.sql("update instance set family = 'other' where split = 'stress'")
    with pytest.raises(InputError, match="--family: fam, other"):
        decide(lab.warehouse, "base", "new", named)


def test_gate_policies_are_named_exactly(tmp_path: Path) -> None:
    """Unknown ones are told with the nearest name, several regimes with their conditions, one and the same refused."""
    lab = _two(binary(20, 10), binary(20, 20))
    conditions = _conditions(tmp_path, _mean())
    for regime in (1, 2):
        lab.add("policy", policy_id=f"m#{regime}", name="m", kind="model", regime={"t": regime})

    with pytest.raises(InputError, match="--base: there is no policy 'bass' here; did you mean 'base'"):
        decide(lab.warehouse, "bass", "new", conditions)
    with pytest.raises(InputError, match=r"--candidate: 'm' took part in several regimes.*m#1 .*m#2 "):
        decide(lab.warehouse, "base", "m", conditions)
    with pytest.raises(InputError, match="are both 'new'"):
        decide(lab.warehouse, "new", "new", conditions)
    idle = decide(lab.warehouse, "base", "m#1", conditions)
    assert (idle.promote, idle.outcomes[0].detail) == (False, "m#1 has no graded rollouts on split 'train'")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"gate.toml: holds no \[\[condition\]\]"),
        ("x = ", "gate.toml: cannot be read as TOML"),
        ("[[conditions]]\nname = 'a'", r"unknown field 'conditions'; every condition is a \[\[condition\]\]"),
        (_mean().replace('"mean"', '"median"'), "condition 1, field 'kind': write mean, count or best_gain"),
        ('[[condition]]\nname = "a"', "condition 1, field 'kind': write mean, count or best_gain"),
        (_mean(limit=""), "condition 1: say either at_least or change_at_least"),
        (_mean() + _mean("e", limit="at_least = 'x'"), "condition 2, field 'at_least': "),
        (_mean(more="atleast = 1"), "condition 1, field 'atleast': extra inputs"),
        (_mean() * 2, "two conditions are named 'it d'"),
        (COUNT.replace("below = 0.5", "under = 1"), "condition 1, field 'where.2.under'"),
        (COUNT.replace(", below = 0.5", ""), "condition 1, field 'where.2': say at_least or below"),
        # What would always hold, or never: no number, percent, an empty range.
        (_mean(limit="change_at_least = nan"), "condition 1, field 'change_at_least': .* finite"),
        (_mean(limit="at_least = -inf"), "condition 1, field 'at_least': "),
        (_mean(limit="at_least = false"), "condition 1, field 'at_least': .* number"),
        (_mean(limit="change_at_least = -5"), "condition 1, field 'change_at_least': .* -1"),
        (_mean(limit="at_least = 85"), "condition 1, field 'at_least': .* 1"),
        (COUNT.replace("change_at_most = 0", "at_most = true"), "condition 1, field 'at_most': .* number"),
        (COUNT.replace("at_least = 0.9", "at_least = 90"), "condition 1, field 'where.1.at_least': .* 1"),
        (COUNT.replace("below", "at_least = 0.5, below"), "condition 1, field 'where.2': nothing is at_least"),
    ],
)
def test_bad_conditions_are_told(text: str, told: str, tmp_path: Path) -> None:
    """File, condition, field, what; in one line."""
    with pytest.raises(InputError, match=told) as caught:
        _conditions(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_missing_file_of_conditions_is_told(tmp_path: Path) -> None:
    """And the default is there, in the package."""
    with pytest.raises(InputError, match="there is no such file"):
        read_conditions(tmp_path / "none.toml")
    assert len(read_conditions(None)) == 5


def test_verdict_names_what_fails_and_what_is_unknown() -> None:
    """Both are said, and each holds the candidate."""
    rows = [Outcome("a", "mean", None, holds, "") for holds in (True, False, None)]

    verdict = Verdict("base", "new", None, None, tuple(rows))
    assert verdict.sentence == 'hold: new fails "a" and leaves unknown "a"'
    assert not verdict.promote
