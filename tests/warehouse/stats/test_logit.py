"""Fractional logit: as an independent library fits it, and what has no fit."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from warehouse.stats.logit import fractional_logit


@given(
    seed=st.integers(0, 10_000),
    n_clusters=st.integers(8, 40),
    in_each=st.integers(1, 6),
    n_slopes=st.integers(1, 4),
    is_binary=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_it_is_the_clustered_glm_of_statsmodels(
    seed: int, n_clusters: int, in_each: int, n_slopes: int, is_binary: bool
) -> None:
    """Coefficients and errors of shares and of counts of 0 and 1, wherever that library comes to an end, too."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(n_clusters), in_each)
    columns = np.column_stack([np.ones(len(clusters)), rng.normal(0, 1, (n_clusters, n_slopes))[clusters]])
    chance = 1 / (1 + np.exp(-columns @ rng.normal(0, 0.7, n_slopes + 1)))
    uniform = rng.uniform(size=len(chance))
    shares = (uniform < chance).astype(float) if is_binary else 0.5 * chance + 0.5 * uniform

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GLM(shares, columns, family=Binomial())
        try:
            known = model.fit(cov_type="cluster", cov_kwds={"groups": clusters}, tol=1e-12)
        except np.linalg.LinAlgError:  # what decides a share by itself has no fit there either
            reject()
    found = fractional_logit(shares, columns, clusters)

    # Where some column decides the share, the end of the fit is a matter of patience.
    assume(np.abs(known.params).max() < 10 and np.isfinite(known.bse).all())
    assert found is not None
    assert found.coefficients == pytest.approx(known.params, rel=1e-5, abs=1e-6)
    assert found.errors == pytest.approx(known.bse, rel=1e-4, abs=1e-7)


def test_a_share_alone_is_its_log_odds() -> None:
    """One column of ones: log(.25 / .75), and the error of a mean of clusters over p (1 - p)."""
    shares = np.array([0.0, 0.5, 0.25, 0.25])
    found = fractional_logit(shares, np.ones((4, 1)), np.arange(4))

    assert found is not None
    assert found.coefficients == pytest.approx([np.log(1 / 3)])
    # Scores -1/4, 1/4, 0, 0; bread 1 / (4 x 3/16); 4/3 x 3/3 for few clusters.
    assert found.errors == pytest.approx([np.sqrt(2 / 16 * 4 / 3) / (4 * 3 / 16)])


def test_numbers_of_clusters_may_have_gaps() -> None:
    """Rows were left out: the errors are those of the clusters that there are."""
    rng = np.random.default_rng(4)
    columns = np.column_stack([np.ones(30), rng.normal(size=30)])
    shares, clusters = rng.uniform(size=30), np.repeat(np.arange(10), 3)
    one, other = fractional_logit(shares, columns, clusters), fractional_logit(shares, columns, clusters * 7 + 3)

    assert one is not None
    assert other is not None
    assert one.errors == pytest.approx(other.errors)


def test_columns_that_follow_from_each_other_have_no_fit() -> None:
    """The same column twice."""
    twice = np.column_stack([np.ones(12), np.ones(12)])
    assert fractional_logit(np.linspace(0.1, 0.9, 12), twice, np.arange(12)) is None
