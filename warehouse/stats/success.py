"""Chances of success in several attempts, from attempts counted once."""

from math import comb


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the chance that at least one of k attempts succeeds.

    1 - C(n - c, k) / C(n, k): the share of all subsets of size k with a success, hence unbiased, while 1 - (1 - c/n)^k
    is not. In exact integers; no library the project has offers it. Assumes attempts that are independent and alike.
    Source: Chen et al. (2021), arXiv:2107.03374.

    Args:
        n: attempts, 1 and up.
        c: successes among them, 0..n.
        k: attempts allowed, 1..n.

    Returns:
        0..1.

    Raises:
        ValueError: k above n, which these attempts cannot estimate without bias, or counts that are none.
    """
    _check(n, c, k)
    return 1 - comb(n - c, k) / comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float:
    """Return the chance that all of k attempts succeed, pass^k.

    C(c, k) / C(n, k): the share of all subsets of size k without a failure, hence unbiased. Assumptions and arguments
    as for `pass_at_k`. Source: Yao et al. (2024), tau-bench, arXiv:2406.12045.

    Raises:
        ValueError: as `pass_at_k`.
    """
    _check(n, c, k)
    return comb(c, k) / comb(n, k)


def _check(n: int, c: int, k: int) -> None:
    if not 0 <= c <= n:
        raise ValueError(f"{c} successes in {n} attempts; give 0..n successes")
    if not 1 <= k <= n:
        raise ValueError(f"k = {k} with {n} attempts; k must be in 1..n: make more attempts or ask for fewer")
