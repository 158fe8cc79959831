"""policy_difficulty: shrunken means and logits of one policy on one instance."""

from math import log, sqrt

import pytest

from tests.warehouse.rows import Lab


@pytest.mark.parametrize(("k", "logit"), [(0, -2.83), (4, 0.0), (8, 2.83)])
def test_policy_difficulty_logit_of_the_worked_example(k: int, logit: float) -> None:
    """STATISTICS 6.2: half a success added at either end, 0 of 8 is -2.83 and 4 of 8 is 0."""
    lab = Lab()
    lab.group([1.0] * k + [0.0] * (8 - k))

    row = lab.one("policy_difficulty")
    assert row["logit"] == pytest.approx(logit, abs=5e-3)
    assert row["logit_se"] == pytest.approx(sqrt(1 / (k + 0.5) + 1 / (8 - k + 0.5)))


def test_policy_difficulty_takes_graded_rewards_for_parts_of_successes() -> None:
    """Means of .25 from two rollouts: s = .5, logit ln(1 / 2)."""
    lab = Lab()
    lab.group([0.2, 0.3])

    row = lab.one("policy_difficulty")
    assert (row["n"], row["mean_reward"]) == (2, pytest.approx(0.25))
    assert row["logit"] == pytest.approx(log(1.0 / 2.0))


def test_policy_difficulty_shrinks_by_moments() -> None:
    """Four instances of two rollouts; means .1, .3, .5, .7 around mu = .4, each pair .1 apart to either side.

    Within: sum of squares 4 x .02 over 4 degrees = .02. Between: 2 x (.09 + .01 + .01 + .09) / 3 = .4 / 3; minus .02,
    over 2 per instance = .17 / 3. kappa = .02 / (.17 / 3) = 6 / 17.
    """
    lab = Lab()
    for index, middle in enumerate((0.1, 0.3, 0.5, 0.7)):
        lab.group([middle - 0.1, middle + 0.1], instance=f"i{index}")

    rows = lab.view("policy_difficulty")
    kappa = 6 / 17
    assert [row["kappa"] for row in rows] == pytest.approx([kappa] * 4)
    assert [row["mu"] for row in rows] == pytest.approx([0.4] * 4)
    assert rows[0]["shrunken_mean"] == pytest.approx((2 * 0.1 + kappa * 0.4) / (2 + kappa))
    assert rows[3]["shrunken_mean"] == pytest.approx((2 * 0.7 + kappa * 0.4) / (2 + kappa))


def test_policy_difficulty_finds_the_prior_of_a_beta_binomial() -> None:
    """Groups drawn as the expected counts of Beta(2, 2) with eight each: kappa comes out near a + b = 4.

    Beta-binomial(8; 2, 2): P(k) = (k + 1)(9 - k) / 165 for k = 0..8, since C(8, k) B(k + 2, 10 - k) / B(2, 2) is that.
    """
    lab = Lab()
    with_k = [(k + 1) * (9 - k) for k in range(9)]
    assert sum(with_k) == 165
    with lab.together():
        for k, count in enumerate(with_k):
            for index in range(count):
                instance = f"i{k}-{index:02}"
                lab.place(instance, "sim/mid")
                for sample in range(8):
                    lab.composite(lab.rollout(instance, "sim/mid", sample), float(sample < k))

    row = lab.view("policy_difficulty")[0]
    assert row["mu"] == pytest.approx(0.5)
    # 165 instances instead of infinitely many: the degree of freedom of the mean costs less than 2 %.
    assert row["kappa"] == pytest.approx(4, rel=0.02)


def test_policy_difficulty_of_exact_rewards_is_not_shrunk() -> None:
    """Nothing varies within instances: kappa is 0, the mean stands."""
    lab = Lab()
    for index, reward in enumerate((0.1, 0.3, 0.5, 0.7)):
        lab.group([reward] * 3, instance=f"i{index}")

    for row in lab.view("policy_difficulty"):
        assert row["kappa"] == pytest.approx(0)
        assert row["shrunken_mean"] == pytest.approx(row["mean_reward"])


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param([[0.2, 0.4], [0.5, 0.7], [0.8, 0.9]], id="three instances"),
        pytest.param([[0.1], [0.3], [0.5], [0.7], [0.9]], id="one rollout each"),
        pytest.param([[0.5, 0.5]] * 6, id="all equal"),
        pytest.param([[0.0, 1.0]] * 6, id="less variance between instances than chance gives"),
    ],
)
def test_policy_difficulty_claims_no_shrinkage_where_moments_say_nothing(groups: list[list[float]]) -> None:
    """No kappa, no shrunken mean; the logit stands."""
    lab = Lab()
    for index, rewards in enumerate(groups):
        lab.group(rewards, instance=f"i{index}")

    for row in lab.view("policy_difficulty"):
        assert (row["kappa"], row["shrunken_mean"]) == (None, None)
        assert row["logit"] is not None


def test_policy_difficulty_fits_every_policy_apart_and_passes_over_the_lost() -> None:
    """A second policy has its own mu; lost rollouts are no zeros; probes have no difficulty; nothing gives nothing."""
    lab = Lab()
    for index in range(4):
        lab.group([0.2 * index, 0.2 * index + 0.1], instance=f"i{index}", policy="sim/a", lost=2)
        lab.group([0.9, 1.0], instance=f"i{index}", policy="sim/b")
    lab.probe("echo", "zero", {"i0": 0.1})

    rows = {(row["instance_id"], row["policy_id"]): row for row in lab.view("policy_difficulty")}
    assert len(rows) == 8
    assert rows["i0", "sim/a"]["mu"] == pytest.approx(0.35)
    assert rows["i0", "sim/b"]["mu"] == pytest.approx(0.95)
    assert rows["i0", "sim/a"]["n"] == 2
    assert Lab().view("policy_difficulty") == []
