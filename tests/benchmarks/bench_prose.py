"""How long generating and grading tasks of prose takes, and texts made to keep the graders busy.

Run with `make bench`; it prints, and asserts only what would be a fault on any machine.
"""

import time

import pytest

from tests.support_text_families import BENCHES

TOO_SLOW_S = 2.0


@pytest.mark.bench
@pytest.mark.parametrize("family", BENCHES)
def test_generation_and_grading_rates(family: str) -> None:
    """Instances a second on one core, and milliseconds for an output: of a new instance, of one seen before."""
    bench = BENCHES[family]
    start = time.perf_counter()
    instances = list(bench.family.instances(600, seed=1))
    rate = 600 / (time.perf_counter() - start)
    outputs = [bench.family.oracle(instance) for instance in instances[:100]]
    start = time.perf_counter()
    for instance, output in zip(instances, outputs, strict=False):
        bench.grade(instance, output)
    first = (time.perf_counter() - start) / 100
    drafts = [bench.probe(instances[99], name) for name in ("echo", "other_instance", "vocabulary_stuffing")]
    start = time.perf_counter()
    for draft in drafts * 10:
        bench.grade(instances[99], draft)
    again = (time.perf_counter() - start) / 30

    print(
        f"\n{family}: {rate:,.0f} instances/s; first output {1000 * first:.1f} ms, further ones {1000 * again:.1f} ms"
    )
    assert rate > 100


@pytest.mark.bench
@pytest.mark.parametrize("family", BENCHES)
def test_hostile_texts_are_graded_as_fast_as_others(family: str) -> None:
    """Texts as long as the world takes: one endless sentence, clauses without end, brackets, figures, junk."""
    bench = BENCHES[family]
    instance = bench.family.generate(3, difficulty=1.0)
    limit = bench.family.world(instance).output_limit_chars
    oracle = bench.family.oracle(instance)
    sentence = next(line for line in oracle.split("\n") if line.endswith(".")).lstrip("-0123456789. ").rstrip(".")
    hostile = {
        "one endless sentence": "word " * limit,
        "clauses without end": f"{sentence} and " * limit,
        "clauses of one letter": "a, and b; and c, but d " * limit,
        "the text over and over": oracle * 100,
        "brackets": "[S1] " * limit,
        "open brackets": "[(" * limit,
        "figures": "17, 18.5%, $4 million, 3 May 2025, " * limit,
        "digits": "9" * limit,
        "capitals": "Northwind " * limit,
        "sentences of their own": " ".join(f"Thing number {n} rose by {n}%." for n in range(limit)),
        "spaces": " " * limit + "x",
        "headings": "# A heading\n\n" * limit,
        "invisible": "\u200b" * limit,
    }
    slowest = 0.0
    for what, text in hostile.items():
        start = time.perf_counter()
        bench.grade(instance, text[:limit])
        took = time.perf_counter() - start
        slowest = max(slowest, took)
        assert took < TOO_SLOW_S, what
    print(f"\n{family}: {limit:,} characters in {slowest:.2f} s at most")
