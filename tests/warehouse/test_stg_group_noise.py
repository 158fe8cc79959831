"""stg_group_noise: what asking the judges anew would do to a rollout's reward."""

import pytest

from graders.composite import compose
from graders.interval import Interval, exactly
from graders.rubric import Rubric
from tests.warehouse.rows import FAMILY, RUN, Lab

HERE = "i1/sim/mid/0"
# Verdicts .4 and .6 have the sample variance .02, their mean .01.
APART = (0.4, 0.6)


def noise(lab: Lab) -> float:
    """Return the noise variance of the only group."""
    found: float = lab.one("stg_group_noise")["noise_variance"]
    return found


def test_stg_group_noise_is_empty_without_repeats() -> None:
    """One verdict per dimension says nothing about noise; two do: variance .02, over 2 repeats, weight 1/2 squared."""
    lab = Lab()
    lab.rubric(tone=1.0, rest=1.0)
    lab.group([0.5])
    lab.judge(HERE, "tone", [0.4])
    assert lab.view("stg_group_noise") == []

    lab.judge(HERE, "tone", APART)
    row = lab.one("stg_group_noise")
    assert (row["run_id"], row["n_repeated"]) == (RUN, 1)
    assert row["noise_variance"] == pytest.approx(0.02 / 2 / 4)


def test_stg_group_noise_is_that_of_judges() -> None:
    """Repeats of code are no noise of a judge. (They were counted before judges had a source of their own.)"""
    lab = Lab()
    lab.rubric(tone=1.0)
    lab.group([0.5])
    for replicate, value in enumerate(APART):
        lab.score(HERE, "tone", value, replicate=replicate)

    assert lab.view("stg_group_noise") == []


def test_stg_group_noise_stays_in_the_frame_of_code() -> None:
    """Code proves .5: verdicts .3 and .7 move the reward like .5 and .7, with variance .02, and .01 for the mean."""
    lab = Lab()
    lab.rubric(tone=1.0)
    lab.group([0.5])
    lab.score(HERE, "tone", 0.5, 1.0)
    lab.judge(HERE, "tone", [0.3, 0.7])

    assert noise(lab) == pytest.approx(0.01)


def test_stg_group_noise_of_a_panel_is_the_mean_of_its_judges() -> None:
    """Judges with .01 and 0 for their means; a third one, asked once, has no part in it."""
    lab = Lab()
    lab.rubric(tone=1.0)
    lab.group([0.5])
    lab.judge(HERE, "tone", APART, judge="judge/one")
    lab.judge(HERE, "tone", [0.5, 0.5], judge="judge/two")
    lab.judge(HERE, "tone", [0.5], judge="judge/three")

    assert noise(lab) == pytest.approx(0.005)
    assert lab.one("stg_group_noise")["n_repeated"] == 2


def test_stg_group_noise_is_the_mean_over_the_graded_rollouts() -> None:
    """Settled by code, with or without a judge's row: 0. Asked once: unknown and left out. Lost: no part of it."""
    lab = Lab()
    lab.rubric(tone=1.0)
    lab.group([0.5] * 4, lost=1)
    lab.judge(HERE, "tone", APART)
    lab.score("i1/sim/mid/1", "tone", 0.5)
    lab.score("i1/sim/mid/2", "tone", 0.5)
    lab.judge("i1/sim/mid/2", "tone", [0.9])
    lab.judge("i1/sim/mid/3", "tone", [0.9])
    # Lost to infrastructure, even where something graded it.
    lab.composite("i1/sim/mid/4", 0.5)

    # (.01 + 0 + 0) / 3
    assert noise(lab) == pytest.approx(0.01 / 3)


def test_stg_group_noise_adds_up_the_dimensions() -> None:
    """Weights 3/4 and 1/4, both .01: .01 * (9 + 1) / 16; what the rubric does not weigh moves no reward."""
    lab = Lab()
    lab.rubric(tone=3.0, rest=1.0)
    lab.group([0.5])
    for dimension in ("tone", "rest", "unknown"):
        lab.judge(HERE, dimension, APART)

    assert noise(lab) == pytest.approx(0.01 * 10 / 16)
    assert lab.one("stg_group_noise")["n_repeated"] == 2


def test_stg_group_noise_leaves_out_a_dimension_never_repeated() -> None:
    """Both weigh half, one was asked once everywhere: .01 / 4 is the least there is."""
    lab = Lab()
    lab.rubric(tone=1.0, rest=1.0)
    lab.group([0.5])
    lab.judge(HERE, "tone", APART)
    lab.judge(HERE, "rest", [0.5])

    assert noise(lab) == pytest.approx(0.01 / 4)


def test_stg_group_noise_counts_verdicts_only() -> None:
    """Two of three calls gave a verdict: their variance .02 over 2. One of two, or none: not known."""
    lab = Lab()
    lab.rubric(tone=1.0)
    lab.group([0.5] * 3)
    lab.judge("i1/sim/mid/1", "tone", [0.4, None])
    lab.judge("i1/sim/mid/2", "tone", [None, None])
    assert lab.view("stg_group_noise") == []

    lab.judge(HERE, "tone", [*APART, None])
    assert noise(lab) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("cap_mode", "reward", "uncapped", "cap", "slope"),
    [
        # Work of .5 over a base of .2 leaves .6 of what the mean does.
        ("scaled", 0.3, 0.3, 1.0, 0.6),
        ("scaled", 0.09, 0.3, 0.3, 0.18),
        # A hard cap: at the lid nothing moves, below it all does.
        ("hard", 0.2, 0.3, 0.2, 0.0),
        ("hard", 0.3, 0.3, 0.4, 0.6),
        ("hard", 0.3, 0.3, 1.0, 0.6),
    ],
)
def test_stg_group_noise_goes_through_work_and_cap(
    cap_mode: str, reward: float, uncapped: float, cap: float, slope: float
) -> None:
    """The variance of the mean times the square of what is left of a step of it in the reward."""
    lab = Lab()
    lab.rubric(tone=1.0)
    lab.work_factor(0.2, cap_mode)
    lab.place("i1", "sim/mid")
    lab.composite(lab.rollout("i1", "sim/mid", 0), reward, uncapped, work=0.5, cap=cap)
    lab.judge(HERE, "tone", APART)

    assert noise(lab) == pytest.approx(0.01 * slope**2)


@pytest.mark.parametrize("cap_mode", ["scaled", "hard"])
@pytest.mark.parametrize("ceiling", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("work", [0.0, 0.7, 1.0])
def test_stg_group_noise_follows_the_composite(cap_mode: str, ceiling: float, work: float) -> None:
    """A small step of one dimension moves the reward of `compose` by the same share as the view says."""
    rubric = Rubric.model_validate(
        {"family": FAMILY, "weights": {"a": 1.0, "b": 3.0}, "caps": {"long": ceiling}, "cap_mode": cap_mode}
    )

    def at(value: float) -> dict[str, float | list[str]]:
        dimensions = {"a": exactly(0.6), "b": exactly(value)}
        return compose(HERE, rubric, dimensions, Interval(work, 1.0), ["long"]).model_dump(mode="json")

    lab = Lab()
    lab.rubric(a=1.0, b=3.0)
    lab.work_factor(rubric.work_base, cap_mode)
    lab.place("i1", "sim/mid")
    lab.rollout("i1", "sim/mid", 0)
    lab.add("composite", **{**at(0.5), "rubric_id": "fam-1"})
    lab.judge(HERE, "b", APART)

    below, above = at(0.499)["reward"], at(0.501)["reward"]
    assert isinstance(below, float)
    assert isinstance(above, float)
    slope = (above - below) / 0.002
    assert noise(lab) == pytest.approx(0.01 * slope**2)


def test_stg_group_noise_of_an_imported_rubric() -> None:
    """It has no work factor: a work of 0 means that nobody said, not that nothing is paid."""
    lab = Lab()
    lab.rubric(tone=1.0)
    lab.add("rubric", rubric_id="fam-1", family=FAMILY, content={"weights": {"tone": 1.0}, "made_by": "import"})
    lab.group([0.5], work=0.0)
    lab.judge(HERE, "tone", APART)

    assert noise(lab) == pytest.approx(0.01)


def test_stg_group_noise_is_of_judges_that_count() -> None:
    """One that is not trusted wavers, and no reward with it."""
    lab = Lab()
    lab.rubric(tone=1.0)
    lab.group([0.5])
    lab.judge(HERE, "tone", APART, judge="judge/one", is_trusted=False)
    assert lab.view("stg_group_noise") == []

    lab.judge(HERE, "tone", APART, judge="judge/two", is_trusted=True)
    assert noise(lab) == pytest.approx(0.01)
