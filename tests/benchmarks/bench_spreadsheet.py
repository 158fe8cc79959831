"""How long generating, damaging and grading one table takes, by its size.

Run with `make bench`; it prints, and asserts only what would be a fault on any machine.
"""

import time
from collections.abc import Callable

import pytest

from tests.support_spreadsheet import FAMILY, grade_text, ladder_text, one_instance

SIZES = (20, 160, 500)
TOO_SLOW_S = 2.0


def _seconds(work: Callable[[], object], times: int = 5) -> float:
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


@pytest.mark.bench
@pytest.mark.parametrize("rows", SIZES)
def test_one_table_from_generation_to_grade(rows: int) -> None:
    """Best of five, for the archetype with the most defects."""
    instance = one_instance(3, "shipments", rows=rows)
    oracle = FAMILY.oracle(instance)
    raw = ladder_text(instance, "leave_defects", 4)
    assert raw is not None
    measured = {
        "generate": _seconds(lambda: one_instance(3, "shipments", rows=rows)),
        "damage": _seconds(lambda: ladder_text(instance, "alter_values", 4)),
        "grade the oracle": _seconds(lambda: grade_text(instance, oracle)),
        "grade the raw file": _seconds(lambda: grade_text(instance, raw)),
    }
    print(f"\n{rows} records: " + ", ".join(f"{what} {1000 * took:.1f} ms" for what, took in measured.items()))
    assert max(measured.values()) < TOO_SLOW_S


@pytest.mark.bench
def test_hostile_files_are_graded_as_fast_as_others() -> None:
    """Files made to keep the grader busy, each as long as the world takes: thousands of columns, copies, quotes."""
    instance = one_instance(3, "shipments", rows=500)
    limit = FAMILY.world(instance).output_limit_chars
    oracle = FAMILY.oracle(instance)
    header, first = oracle.split("\n")[:2]
    columns = ",".join(f"c{number}" for number in range(20_000))
    hostile = {
        "thousands of headings": f"{header.partition(',')[2]},{columns}\n" + "x,y\n" * limit,
        "thousands of columns": f"{header}{',' * (limit // 2)}\n" + "x\n" * limit,
        "one record over and over": f"{header}\n" + f"{first}\n" * limit,
        "the file over and over": oracle * 20,
        "digits without end": f"{header}\n" + f"{first}{'9 ' * 5000}\n" * 60,
        "quotes": f'{header}\n"' + '""' * limit,
    }
    for what, text in hostile.items():
        took = _seconds(lambda text=text[:limit]: grade_text(instance, text), times=1)  # type: ignore[misc]
        print(f"\n{what}: {took:.2f} s")
        assert took < TOO_SLOW_S, what
