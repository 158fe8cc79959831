"""How many to draw from each stratum: the table of the statistics notes, and laws for every frame."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.stats.allocation import Method, allocate

SIZES = {"low": 500, "mid": 350, "high": 150}
SIGMAS = {"low": 0.10, "mid": 0.20, "high": 0.30}
METHODS: tuple[Method, ...] = ("proportional", "neyman", "power")

SIGMA = st.one_of(st.just(0.0), st.floats(1e-6, 10))
FRAMES = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=3), st.tuples(st.integers(0, 300), SIGMA), min_size=1, max_size=8
)


@pytest.mark.parametrize(
    ("method", "drawn"),
    [
        ("proportional", (75, 53, 22)),  # 75 / 52.5 / 22.5: of equal remainders the larger stratum's
        ("neyman", (45, 64, 41)),  # 50 / 70 / 45 of 165: 45.45 / 63.64 / 40.91
        ("power", (35, 58, 57)),  # sqrt(N) s = 2.236 / 3.742 / 3.674: 34.75 / 58.15 / 57.10
    ],
)
def test_table_of_the_notes(method: Method, drawn: tuple[int, ...]) -> None:
    """150 of 1000 in three bands, the statistics notes, 7.2."""
    assert tuple(allocate(SIZES, SIGMAS, 150, method).values()) == drawn


def test_standard_errors_of_that_table() -> None:
    """The mean .0136 / .0122 / .0126, the high band .058 / .040 / .031; whole units change the last digit."""

    def errors(drawn: dict[str, int]) -> tuple[float, float]:
        each = {name: (1 - n / SIZES[name]) * SIGMAS[name] ** 2 / n for name, n in drawn.items()}
        return sum((SIZES[name] / 1000) ** 2 * of for name, of in each.items()) ** 0.5, each["high"] ** 0.5

    for method, of_mean, of_high in (
        ("proportional", 0.0136, 0.058),
        ("neyman", 0.0122, 0.040),
        ("power", 0.0126, 0.031),
    ):
        found = errors(allocate(SIZES, SIGMAS, 150, method))  # type: ignore[arg-type]
        assert found == (pytest.approx(of_mean, abs=2e-4), pytest.approx(of_high, abs=1.2e-3)), method


@settings(max_examples=50)
@given(
    FRAMES,
    st.integers(0, 1500),
    st.sampled_from(METHODS),
    st.sampled_from([0.2, 1.0, 3.0, 50.0]),
    st.integers(0, 40),
)
def test_laws(frame: dict[str, tuple[int, float]], n: int, method: Method, factor: float, floor: int) -> None:
    """Never more than there is, the sum to the unit, two of each where affordable, the order of names no matter."""
    sizes, sigmas = ({name: of[at] for name, of in frame.items()} for at in (0, 1))
    tail = sorted(frame)[:2]
    drawn = allocate(sizes, sigmas, n, method, tail=tail, tail_factor=factor, floor=floor)  # type: ignore[arg-type]

    assert list(drawn) == list(sizes)
    assert all(0 <= drawn[name] <= sizes[name] for name in sizes)
    assert sum(drawn.values()) == min(n, sum(sizes.values()))
    least = max(2, floor)
    if sum(min(size, least) for size in sizes.values()) <= n:
        assert all(drawn[name] >= min(sizes[name], least) for name in sizes)
    turned = {name: sizes[name] for name in reversed(list(sizes))}
    assert allocate(turned, sigmas, n, method, tail=tail, tail_factor=factor, floor=floor) == drawn  # type: ignore[arg-type]


@settings(max_examples=50)
@given(FRAMES, st.integers(0, 500), st.sampled_from(METHODS))
def test_a_larger_factor_never_takes_from_the_tail(frame: dict[str, tuple[int, float]], n: int, method: Method) -> None:
    """Rounding moves one unit at most."""
    sizes, sigmas = ({name: of[at] for name, of in frame.items()} for at in (0, 1))
    tail = sorted(frame)[-1]
    plain, more = (
        allocate(sizes, sigmas, n, method, tail=[tail], tail_factor=factor)[tail]  # type: ignore[arg-type]
        for factor in (1.0, 4.0)
    )
    assert more >= plain - 1


def test_a_stated_factor_is_kept_where_nothing_binds() -> None:
    """Of 10 000 in two halves, 400 drawn with factor 3: 100 and 300."""
    assert allocate({"a": 5000, "b": 5000}, {}, 400, "proportional", tail=["b", "none"], tail_factor=3) == {
        "a": 100,
        "b": 300,
    }


def test_what_a_full_stratum_cannot_take_goes_to_the_others() -> None:
    """Neyman wants 990 of the ten: all ten, and the others 1 to 2."""
    drawn = allocate({"a": 100, "b": 200, "tiny": 10}, {"a": 1, "b": 1, "tiny": 3000}, 100, "neyman")
    assert drawn == {"a": 30, "b": 60, "tiny": 10}


def test_unknown_scatter_is_that_of_the_others() -> None:
    """.1 over 100 and .3 over 100: a third stratum counts as .2; where none is known all count alike."""
    sizes = {"a": 100, "b": 100, "c": 100}
    assert allocate(sizes, {"a": 0.1, "b": 0.3}, 60, "neyman") == {"a": 10, "b": 30, "c": 20}
    assert allocate(sizes, {}, 60, "neyman") == {"a": 20, "b": 20, "c": 20}
    assert allocate(sizes, {"a": 0.0, "b": 0.0}, 60, "power") == {"a": 20, "b": 20, "c": 20}


def test_a_floor_beyond_the_number_is_lowered_for_all() -> None:
    """Seven for four strata of a floor of 30: one each, the rest by size; three for four: none has a floor."""
    assert sorted(allocate({"a": 90, "b": 90, "c": 90, "d": 90}, {}, 7, "proportional", floor=30).values()) == [
        1,
        2,
        2,
        2,
    ]
    assert sum(allocate({"a": 900, "b": 1, "c": 1, "d": 1}, {}, 3, "proportional").values()) == 3


def test_nothing_to_draw() -> None:
    """No strata, or none wanted."""
    assert allocate({}, {}, 5, "power") == {}
    assert allocate({"a": 4}, {}, 0, "power") == {"a": 0}


def test_wrong_input_is_told() -> None:
    """What is no size, number, factor, sigma or method."""
    for sizes, sigmas, n, method, factor, told in (
        ({"a": -1}, {}, 1, "power", 1, "stratum 'a' has a negative size"),
        ({"a": 1}, {}, -1, "power", 1, "cannot draw -1"),
        ({"a": 1}, {}, 1, "power", 0, "a tail factor of 0"),
        ({"a": 1}, {"a": -0.1}, 1, "power", 1, "negative or infinite"),
        ({"a": 1}, {}, 1, "best", 1, "unknown method 'best'"),
    ):
        with pytest.raises(ValueError, match=told):
            allocate(sizes, sigmas, n, method, tail_factor=factor)  # type: ignore[arg-type]
