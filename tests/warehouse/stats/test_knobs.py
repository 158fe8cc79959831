"""Effects of knobs: a simulation with known slopes, an independent sandwich, and everything that cannot be told."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.stats.multitest import multipletests

from warehouse.stats.difficulty import knob_effects


@dataclass(frozen=True)
class Taskset:
    """Rows of a simulated taskset."""

    rewards: npt.NDArray[np.float64]
    instances: list[str]
    policies: list[str]
    knobs: dict[str, npt.NDArray[np.float64]]


def simulated(slopes: dict[str, float], n_instances: int, seed: int, own: float = 0.5, n_policies: int = 4) -> Taskset:
    """Return eight binary rollouts of each policy on each instance; `own` is what instances differ by beyond knobs."""
    rng = np.random.default_rng(seed)
    knobs = {name: rng.normal(3, 2, n_instances) for name in slopes}
    hardness = sum((slopes[name] * (knobs[name] - 3) / 2 for name in slopes), rng.normal(0, own, n_instances))
    rows = [(i, p) for i in range(n_instances) for p in range(n_policies) for _ in range(8)]
    chance = [1 / (1 + np.exp(-(p - n_policies / 2 + 0.5 + hardness[i]))) for i, p in rows]
    return Taskset(
        rewards=(rng.uniform(size=len(rows)) < chance).astype(float),
        instances=[f"i{i}" for i, _ in rows],
        policies=[f"sim/{p}" for _, p in rows],
        knobs={name: column[[i for i, _ in rows]] for name, column in knobs.items()},
    )


def test_known_slopes_are_found() -> None:
    """80 instances, 4 policies, 8 rollouts, slopes .6, -.9 and none: within 3 clustered errors.

    A normal estimate is beyond 3 errors once in 370, drawn towards 0 a little by what is averaged over.
    """
    made = simulated({"rows": 0.6, "defects": -0.9, "idle": 0.0}, 80, seed=1)
    found = {each.knob: each for each in knob_effects(made.rewards, made.instances, made.policies, made.knobs).effects}

    for name, true in (("rows", 0.6), ("defects", -0.9), ("idle", 0.0)):
        each = found[name]
        assert each.per_sd is not None
        assert each.se is not None
        assert each.n_instances == 80
        assert abs(each.per_sd - true) < 3 * each.se
        assert 0.03 < each.se < 0.15
    assert found["rows"].p_holm is not None
    assert found["rows"].p_holm < 0.001


def test_numbers_agree_with_each_other_and_with_an_independent_sandwich() -> None:
    """Of statsmodels: the clustered GLM and its t; per unit is per deviation over the deviation; Holm."""
    made = simulated({"rows": 0.6, "defects": -0.9}, 40, seed=2)
    found = knob_effects(made.rewards, made.instances, made.policies, made.knobs).effects

    of_instance = np.unique(made.instances, return_index=True)[1]
    deviations = {name: np.std(column[of_instance], ddof=1) for name, column in made.knobs.items()}
    means = {name: np.mean(column[of_instance]) for name, column in made.knobs.items()}
    dummies = np.array([[policy == f"sim/{p}" for p in range(4)] for policy in made.policies], dtype=float)
    x = np.column_stack([*((made.knobs[n] - means[n]) / deviations[n] for n in made.knobs), dummies])
    groups = np.unique(made.instances, return_inverse=True)[1]
    known = GLM(made.rewards, x, family=Binomial()).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    beta = known.params[:2]

    assert [each.per_sd for each in found] == pytest.approx(beta)
    assert [each.se for each in found] == pytest.approx(known.bse[:2], rel=1e-6)
    assert [each.per_unit for each in found] == pytest.approx(beta / list(deviations.values()))
    assert [each.p for each in found] == pytest.approx(known.pvalues[:2], rel=1e-4)
    assert [each.p_holm for each in found] == pytest.approx(
        multipletests(known.pvalues[:2], method="holm")[1], rel=1e-4
    )
    # 97.5 % point of t with 39 degrees of freedom: 2.0227.
    for each in found:
        assert each.per_sd is not None
        assert each.se is not None
        assert each.ci_low == pytest.approx(each.per_sd - 2.0227 * each.se, abs=1e-4)
        assert each.ci_high == pytest.approx(each.per_sd + 2.0227 * each.se, abs=1e-4)


def test_a_knob_is_scaled_by_its_instances_alone() -> None:
    """In other units the slope per deviation stays, that per unit does not; rewards in between are welcome."""
    made = simulated({"rows": 0.6}, 30, seed=3)
    rewards = 0.1 + 0.8 * made.rewards
    (one,) = knob_effects(rewards, made.instances, made.policies, made.knobs).effects
    (other,) = knob_effects(rewards, made.instances, made.policies, {"rows": made.knobs["rows"] * 1000 - 5}).effects

    assert one.reason is None
    assert other.per_sd == pytest.approx(one.per_sd)
    assert one.per_unit is not None
    assert other.per_unit == pytest.approx(one.per_unit / 1000)


def test_knobs_that_cannot_be_told_apart_say_so_and_leave_the_others() -> None:
    """One never changes, one is the sum of the two before it; the rest is estimated as without them."""
    made = simulated({"rows": 0.6, "defects": -0.9}, 60, seed=4)
    total = 2 * made.knobs["rows"] + made.knobs["defects"] + 7
    knobs = made.knobs | {"total": total, "fixed": np.full(len(total), 0.1)}
    found = knob_effects(made.rewards, made.instances, made.policies, knobs).effects

    assert [each.knob for each in found] == ["rows", "defects", "total", "fixed"]
    assert found[2].reason == "follows from the policies, rows, defects: nothing is its own"
    assert found[3].reason == "the knob never changes"
    assert found[2].per_sd is None
    assert found[:2] == knob_effects(made.rewards, made.instances, made.policies, made.knobs).effects


def test_ten_instances_for_each_knob() -> None:
    """19 are too few for two, enough for one."""
    made = simulated({"rows": 0.6, "defects": -0.9}, 19, seed=5)
    two = knob_effects(made.rewards, made.instances, made.policies, made.knobs).effects
    one = knob_effects(made.rewards, made.instances, made.policies, {"rows": made.knobs["rows"]}).effects

    assert [each.reason for each in two] == ["19 instances for 2 knobs; each needs 10"] * 2
    assert one[0].reason is None


def test_policies_that_always_succeed_say_nothing_about_knobs() -> None:
    """The oracle's intercept would run to infinity: it is left out, and named; the others stay as they were."""
    made = simulated({"rows": 0.6}, 30, seed=6)
    n = len(made.rewards)
    with_oracle = knob_effects(
        np.concatenate([made.rewards, np.ones(n)]),
        made.instances * 2,
        [*made.policies, *["oracle"] * n],
        {"rows": np.concatenate([made.knobs["rows"]] * 2)},
    )

    assert with_oracle.left_out_policies == ("oracle",)
    assert with_oracle.n_rows == n
    assert with_oracle.effects == knob_effects(made.rewards, made.instances, made.policies, made.knobs).effects


@pytest.mark.parametrize("rewards", [[0.0] * 40, [1.0] * 40, [0.4] * 40, [0.4, 0.7] * 20])
def test_rewards_that_do_not_vary_explain_nothing(rewards: list[float]) -> None:
    """All alike, or alike within each policy."""
    instances = [f"i{row // 2}" for row in range(40)]
    found = knob_effects(rewards, instances, ["a", "b"] * 20, {"rows": [float(row // 2) for row in range(40)]})

    assert found.effects[0].reason == "no policy's reward varies"
    assert found.effects[0].n_instances in (0, 20)


def test_a_knob_that_decides_the_reward_has_no_finite_slope() -> None:
    """Nothing below 10 rows fails, nothing above succeeds: the slope runs off, and is not reported."""
    setting = [float(row) for row in range(20)]
    found = knob_effects([float(value > 9) for value in setting], setting, ["a"] * 20, {"rows": setting})

    assert found.effects[0].per_sd is None
    assert found.effects[0].reason == "the fit does not settle: some setting decides the reward by itself"


def test_instances_of_one_policy_each() -> None:
    """Each policy on an instance of its own: a knob cannot be told from the policy."""
    found = knob_effects(
        [0.2, 0.4] * 15, [row // 2 for row in range(30)], [f"p{row // 2}" for row in range(30)],
        {"rows": [float(row // 2) for row in range(30)]},
    )  # fmt: skip

    assert found.effects[0].reason == "follows from the policies: nothing is its own"


def test_without_clusters_errors_would_be_too_small() -> None:
    """Each rollout told as an instance of its own: the error of a slope shrinks although nothing was learned."""
    made = simulated({"rows": 0.6}, 60, seed=7, own=1.0)
    (clustered,) = knob_effects(made.rewards, made.instances, made.policies, made.knobs).effects
    (naive,) = knob_effects(made.rewards, list(range(len(made.rewards))), made.policies, made.knobs).effects

    assert clustered.se is not None
    assert naive.se is not None
    assert clustered.se > 1.5 * naive.se


def test_bad_input_is_told() -> None:
    """A knob with two settings on an instance, percentages, words, lengths; no knobs are no error."""
    with pytest.raises(ValueError, match="knob rows has two settings on instance 'a'"):
        knob_effects([0.1, 0.2], ["a", "a"], ["p", "p"], {"rows": [1, 2]})
    with pytest.raises(ValueError, match="is not in"):
        knob_effects([55], ["a"], ["p"], {})
    with pytest.raises(ValueError, match="knob kind must be numbers"):
        knob_effects([0.5], ["a"], ["p"], {"kind": ["wide"]})  # type: ignore[list-item]
    with pytest.raises(ValueError, match="rewards 1, instances 2"):
        knob_effects([0.5], ["a", "b"], ["p"], {})
    assert knob_effects([0.1, 0.5], ["a", "b"], ["p", "p"], {}).effects == ()
