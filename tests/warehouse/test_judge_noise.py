"""judge_noise: how far apart a judge's verdicts on one output are, and what the wording of the rubric does to them."""

import math
from itertools import combinations
from random import Random
from statistics import variance

import pytest

from tests.warehouse.rows import JUDGE, RUN, Lab

VARIANTS = ("plain", "reversed", "paraphrased")


def lab_of(*verdicts: list[float | None], variants: tuple[str | None, ...] = ()) -> Lab:
    """Return a warehouse in which one judge gave these verdicts on rollouts 0, 1, ... of one group."""
    lab = Lab()
    lab.group([0.5] * len(verdicts))
    for sample, values in enumerate(verdicts):
        lab.judge(f"i1/sim/mid/{sample}", "tone", values, variants=variants)
    return lab


def test_judge_noise_pools_within_rollouts() -> None:
    """The difference between rollouts is quality; only what is within one of them is noise."""
    row = lab_of([0.4, 0.6], [0.9, 0.9, 0.9], [0.1]).one("judge_noise")

    assert (row["run_id"], row["dimension"], row["judge"]) == (RUN, "tone", JUDGE)
    assert (row["n_rollouts"], row["n_verdicts"]) == (2, 5)
    # Squares .02 and 0, over 1 + 2 degrees of freedom.
    assert row["noise_sd"] == pytest.approx(math.sqrt(0.02 / 3))
    # Variances of the means: .02 / 2 and 0, so .005 in the mean.
    assert row["noise_sd_of_mean"] == pytest.approx(math.sqrt(0.005))
    # Pairs: 1 that differs, 3 that agree.
    assert row["level_agreement"] == 0.75
    assert row["share_without_verdict"] == 0


def test_judge_noise_counts_calls_without_a_verdict_apart() -> None:
    """A refused call is no verdict of 0 and none of 1; two of five are missing."""
    row = lab_of([0.4, None, 0.6], [0.5, None]).one("judge_noise")

    assert (row["n_rollouts"], row["n_verdicts"]) == (1, 2)
    assert row["noise_sd"] == pytest.approx(math.sqrt(0.02))
    assert row["share_without_verdict"] == 0.4


@pytest.mark.parametrize(("verdicts", "share"), [([0.5], 0), ([None, None], 1), ([0.5, None], 0.5)])
def test_judge_noise_is_unknown_without_repeats(verdicts: list[float | None], share: float) -> None:
    """One verdict, none at all, one and a failure: no spread, not a spread of 0."""
    row = lab_of(verdicts).one("judge_noise")

    assert (row["n_rollouts"], row["n_verdicts"], row["share_without_verdict"]) == (0, 0, share)
    assert [row[name] for name in ("noise_sd", "noise_sd_of_mean", "level_agreement")] == [None] * 3


def test_judge_noise_is_before_the_frame_of_code() -> None:
    """Code has settled it, the judge sways all the same: squares of 0 and 1, variance 1/2."""
    lab = lab_of([0.0, 1.0])
    lab.score("i1/sim/mid/0", "tone", 0.5)

    assert lab.one("judge_noise")["noise_sd"] == pytest.approx(math.sqrt(0.5))


def test_judge_noise_compares_variants_on_the_same_rollouts() -> None:
    """The third rollout was not judged in reverse: that it is poor must not make `plain` look strict."""
    row = lab_of([0.8, 0.6, 0.7], [0.4, 0.4, 0.3], [0.0, None, 0.1], variants=VARIANTS).one("judge_noise")

    assert row["n_compared"] == 2
    assert [row[f"mean_{variant}"] for variant in VARIANTS] == [pytest.approx(mean) for mean in (0.6, 0.5, 0.5)]
    assert row["mean_paraphrased_reversed"] is None


def test_judge_noise_takes_the_mean_of_a_variant_shown_twice() -> None:
    """Plain .2 and .4 on one rollout are .3 there; a rollout counts once, however often it was judged."""
    lab = lab_of([0.2, 0.4, 0.6], [0.9, None, 0.8], variants=("plain", "plain", "paraphrased_reversed"))

    row = lab.one("judge_noise")
    assert (row["mean_plain"], row["mean_paraphrased_reversed"]) == (pytest.approx(0.6), pytest.approx(0.7))
    assert (row["mean_reversed"], row["mean_paraphrased"]) == (None, None)


def test_judge_noise_without_kept_calls_has_no_variants() -> None:
    """Scores that were imported come without calls, calls of an older file without a variant."""
    lab = lab_of([0.4, 0.6], variants=(None, None))
    lab.score("i1/sim/mid/0", "rest", 0.4, source="judge", grader_id="imported")

    for row in lab.view("judge_noise"):
        assert (row["n_compared"], row["mean_plain"]) == (0, None)


def test_judge_noise_keeps_a_repeat_that_was_asked_for_twice() -> None:
    """A call that was malformed and then tried again is one verdict, not two."""
    lab = lab_of([0.4, 0.6])
    lab.call("i1/sim/mid/0", "tone", None, replicate=1, call_id="first try")

    row = lab.one("judge_noise")
    assert (row["n_verdicts"], row["n_compared"], row["mean_plain"]) == (2, 1, pytest.approx(0.5))


def test_judge_noise_of_judges_that_did_not_judge_is_empty() -> None:
    """Code alone: no rows."""
    lab = Lab()
    lab.group([0.5])
    lab.score("i1/sim/mid/0", "tone", 0.5)

    assert lab.view("judge_noise") == []


def test_judge_noise_by_enumeration() -> None:
    """Random levels, repeats and failures of two judges, every pair of verdicts counted out."""
    rng, lab = Random(5), Lab()
    given: dict[str, list[list[float | None]]] = {"judge/one": [], "judge/two": []}
    with lab.together():
        lab.place("i1", "sim/mid")
        for sample in range(30):
            rollout_id = lab.rollout("i1", "sim/mid", sample)
            for judge, lists in given.items():
                values = [None if rng.random() < 0.2 else rng.randint(0, 3) / 3 for _ in range(rng.randint(1, 5))]
                lists.append(values)
                lab.judge(rollout_id, "tone", values, judge=judge)

    for judge, lists in given.items():
        row = lab.one("judge_noise", judge=judge)
        kept = [[value for value in values if value is not None] for values in lists]
        repeated = [values for values in kept if len(values) >= 2]
        degrees = sum(len(values) - 1 for values in repeated)
        pairs = [one == other for values in repeated for one, other in combinations(values, 2)]
        n_calls = sum(map(len, lists))

        assert (row["n_rollouts"], row["n_verdicts"]) == (len(repeated), sum(map(len, repeated)))
        squares = sum(variance(values) * (len(values) - 1) for values in repeated)
        assert row["noise_sd"] == pytest.approx(math.sqrt(squares / degrees))
        of_means = [variance(values) / len(values) for values in repeated]
        assert row["noise_sd_of_mean"] == pytest.approx(math.sqrt(sum(of_means) / len(of_means)))
        assert row["level_agreement"] == pytest.approx(sum(pairs) / len(pairs))
        assert row["share_without_verdict"] == pytest.approx(1 - sum(map(len, kept)) / n_calls)
