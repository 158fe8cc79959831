"""probe_floor: what is earned without the work."""

import pytest

from tests.warehouse.rows import Lab


def test_probe_floor_is_decided_by_the_worst_instance() -> None:
    """Mean below the floor, one instance above it: it does not hold, and the view says where."""
    lab = Lab(floor=0.25)
    lab.probe("echo", "zero", {"a": 0.1, "b": 0.4, "c": 0.1}, work=0.2)

    row = lab.one("probe_floor")
    assert (row["n_instances"], row["max_reward"], row["mean_reward"]) == (3, 0.4, pytest.approx(0.2))
    assert (row["floor"], row["holds"], row["worst_instance_id"]) == (0.25, False, "b")
    assert row["work_mean"] == pytest.approx(0.2)
    assert (row["weak_mean"], row["share_beating_weak_median"]) == (None, None)


def test_probe_floor_holds_at_the_floor_itself() -> None:
    """At the floor is not above it, a rounding error included; a hundredth above is."""
    lab = Lab(floor=0.3)
    lab.probe("echo", "zero", {"a": 0.1 + 0.2})
    lab.probe("blank", "zero", {"a": 0.31})

    assert lab.one("probe_floor", probe="echo")["holds"] is True
    assert lab.one("probe_floor", probe="blank")["holds"] is False


def test_probe_floor_compares_with_the_weak_anchor() -> None:
    """Beats the median of the weak rollouts on one of two instances; a draw counts for the probe."""
    lab = Lab(floor=0.25)
    lab.group([0.2, 0.3, 0.7], instance="a", policy="sim/weak")
    lab.group([0.5, 0.5, 0.5], instance="b", policy="sim/weak")
    lab.probe("echo", "zero", {"a": 0.2, "b": 0.5})

    row = lab.one("probe_floor")
    assert row["weak_mean"] == pytest.approx((0.4 + 0.5) / 2)
    assert row["share_beating_weak_median"] == 0.5


@pytest.mark.parametrize("kind", ["shortcut", "attack"])
def test_probe_floor_of_part_of_the_work_is_the_same_output_without_the_trick(kind: str) -> None:
    """A trick may pass the floor, not its honest counterpart, on any instance; without one nobody knows."""
    lab = Lab(floor=0.1)
    lab.probe("half", kind, {"a": 0.3, "b": 0.5})
    assert lab.one("probe_floor")["holds"] is None

    lab.probe("half@honest", kind, {"a": 0.4, "b": 0.5})
    row = lab.one("probe_floor")
    assert (row["holds"], row["max_lift"], row["mean_lift"]) == (True, 0.0, pytest.approx(-0.05))

    lab.probe("bold", kind, {"a": 0.1, "b": 0.6})
    lab.probe("bold@honest", kind, {"a": 0.4, "b": 0.5})
    row = lab.one("probe_floor", probe="bold")
    assert (row["holds"], row["max_lift"], row["mean_lift"]) == (False, pytest.approx(0.1), pytest.approx(-0.1))


def test_probe_floor_of_no_work_has_no_lift() -> None:
    """A zero-work probe is measured against the floor alone."""
    lab = Lab(floor=0.1)
    lab.probe("echo", "zero", {"a": 0.1})

    row = lab.one("probe_floor")
    assert (row["holds"], row["max_lift"], row["mean_lift"]) == (True, None, None)


def test_probe_floor_breaks_ties_by_name_and_skips_lost_ones() -> None:
    """Two worst instances: the first in the alphabet. A probe that was lost everywhere has no row."""
    lab = Lab()
    lab.probe("echo", "zero", {"b": 0.4, "a": 0.4})
    lab.group([], lost=1, policy="probe/empty", kind="probe")

    assert [(row["probe"], row["worst_instance_id"]) for row in lab.view("probe_floor")] == [("echo", "a")]
    assert Lab().view("probe_floor") == []
