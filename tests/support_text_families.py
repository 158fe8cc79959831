"""The benches of the two families of prose, and how their tests name an instance."""

from graders import grader
from tasks_lib import family
from tests.support_families import Bench

BENCHES = {name: Bench(family(name), grader(name)) for name in ("doc_revision", "citation_grounding")}
EPS = 1e-9


def of_kind(bench: Bench, kind: str) -> list[str]:
    """Return the operators or probes of one kind."""
    catalogue = {**bench.family.operators, **bench.family.probes}
    return [name for name, entry in catalogue.items() if entry.kind == kind]


def pairs(kind: str) -> list[tuple[str, str]]:
    """Return (family, operator or probe) for all of one kind in either family."""
    return [(name, entry) for name, bench in BENCHES.items() for entry in of_kind(bench, kind)]
