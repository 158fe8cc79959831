"""How the success rates of a family's instances differ, as a prior for any one of them."""

from dataclasses import dataclass

from warehouse.stats.values import ROUNDING, FloatArray, Numbers, finite, same_length

MIN_GROUPS = 4
"""With fewer, drawing towards a mean that was itself estimated need not help: James and Stein (1961)."""


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """How success rates differ between instances, as Beta(a, b)."""

    a: float = 0.5
    """Prior successes, above 0."""
    b: float = 0.5
    """Prior failures, above 0."""
    reason: str | None = None
    """Why it is Jeffreys' Beta(1/2, 1/2) and not fitted; None where it is fitted."""

    @property
    def mean(self) -> float:
        """Mean success rate mu, 0..1."""
        return self.a / (self.a + self.b)

    @property
    def concentration(self) -> float:
        """How many rollouts the prior is worth: kappa = a + b."""
        return self.a + self.b

    def shrink(self, successes: float, n: float) -> float:
        """Return the posterior mean (successes + kappa * mu) / (n + kappa), strictly between 0 and 1."""
        return (successes + self.a) / (n + self.concentration)


def fit_beta_binomial(successes: Numbers, trials: Numbers, within: Numbers | None = None) -> BetaPrior:
    """Return the Beta distribution of the success rates of several groups, by the method of moments.

    kappa = a + b = variance within groups / variance between them, mu = sum of s_i / sum of n_i, a = kappa mu, b =
    kappa (1 - mu); the variances by one-way analysis of variance, groups of any size. For a beta-binomial E[p(1 - p)] /
    Var[p] is a + b exactly. No library of the project fits it (scipy has the distribution only). Assumes exchangeable
    instances. Sources: Ridout, Demetrio and Firth (1999), Estimating intraclass correlation for binary data, Biometrics
    55; with `within` it is the credibility of Buhlmann and Straub (1970), right for rewards in between, too.
    `policy_difficulty.kappa` is the same in SQL.

    Where kappa cannot be told the answer is Jeffreys' prior, worth one rollout, and the reason. That groups differ no
    more than chance would let their mean overrule every one of them, that none varies within would trust each wholly,
    and give an impossible 0 of 8 infinite log odds; neither is what a handful of groups can prove.

    Args:
        successes: per group, 0..n_i: the sum of its rewards of 0..1.
        trials: per group n_i, 1 and up.
        within: per group the sum of squares around its mean; None: rewards are 0 or 1, so s_i (1 - s_i / n_i).

    Raises:
        ValueError: no groups, columns of different length, more successes than trials, or negative sums of squares.
    """
    won, n = finite(successes, "successes"), finite(trials, "trials")
    same_length(successes=won, trials=n)
    if (n < 1).any() or (won < -ROUNDING).any() or (won > n + ROUNDING).any():
        raise ValueError("each group needs 1 trial or more, and successes in 0..trials; leave out groups without any")
    squares = won * (1 - won / n) if within is None else finite(within, "within")
    same_length(successes=won, within=squares)
    if (squares < -ROUNDING).any():
        raise ValueError("within: a sum of squares is not below 0; give sum of (reward - mean)^2")
    if len(n) < MIN_GROUPS or n.max() < 2:
        return BetaPrior(reason=f"needs {MIN_GROUPS} groups, and two rollouts in one of them")
    return _fitted(won, n, squares)


def _fitted(won: FloatArray, n: FloatArray, squares: FloatArray) -> BetaPrior:
    k, total = len(n), float(n.sum())
    mean = float(won.sum()) / total
    within = float(squares.sum()) / (total - k)
    usual_size = (total - float((n**2).sum()) / total) / (k - 1)
    between = (float((n * (won / n - mean) ** 2).sum()) / (k - 1) - within) / usual_size
    if between <= ROUNDING:
        return BetaPrior(reason="groups differ no more than chance makes them")
    if within <= ROUNDING:
        return BetaPrior(reason="no group varies within itself")
    kappa = within / between
    return BetaPrior(kappa * mean, kappa * (1 - mean))
