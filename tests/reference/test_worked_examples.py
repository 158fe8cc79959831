"""The worked examples of the literature: every one is reproduced by what this project uses for it.

The figures stand in worked_examples.json with their sources; an example without a test fails.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warehouse.stats.advantages import Divisor, group_advantages
from warehouse.stats.brier import brier
from warehouse.stats.calibration_error import expected_calibration_error
from warehouse.stats.concordance import kendall, spearman
from warehouse.stats.discrimination import auc
from warehouse.stats.gwet import gwet_ac
from warehouse.stats.icc import icc
from warehouse.stats.kappa import brennan_prediger, cohen_kappa, conger_kappa, fleiss_kappa
from warehouse.stats.krippendorff import krippendorff_alpha
from warehouse.stats.shares import wilson
from warehouse.stats.success import pass_at_k

Example = dict[str, Any]
EXAMPLES: list[Example] = json.loads((Path(__file__).parent / "worked_examples.json").read_text(encoding="utf-8"))


def alpha(example: Example) -> dict[str, float | None]:
    """Krippendorff's data are observers by units."""
    units = list(zip(*example["inputs"]["data"], strict=True))
    return {metric: krippendorff_alpha(units, metric).value for metric in example["expected"]}


def fleiss(example: Example) -> dict[str, float | None]:
    """Counts of raters by category, as ratings of raters whose order means nothing."""
    units = [[place for place, n in enumerate(row) for _ in range(n)] for row in example["inputs"]["counts"]]
    return {"kappa": fleiss_kappa(units).value}


def table_kappa(example: Example) -> dict[str, float | None]:
    """A table of two raters, as pairs of ratings."""
    scales = {"kappa": "identity", "unweighted": "identity", "linear": "linear", "quadratic": "quadratic"}
    one, other = pairs(example["inputs"]["table"])
    return {name: cohen_kappa(one, other, scales[name]).value for name in example["expected"]}  # type: ignore[arg-type]


def pairs(table: Sequence[Sequence[int]]) -> tuple[list[float], list[float]]:
    """Return the ratings of two raters that a table counts."""
    each = [(row, column) for row, cells in enumerate(table) for column, n in enumerate(cells) for _ in range(n)]
    return [float(row) for row, _ in each], [float(column) for _, column in each]


def intraclass(example: Example) -> dict[str, float | None]:
    """Six targets, four judges; single ratings and the mean of four."""
    data = example["inputs"]["data"]
    models = {"1": "one_way", "2": "two_way_random", "3": "two_way_fixed"}
    return {
        f"ICC({number},{k})": icc(data, model, average=k == 4).value  # type: ignore[arg-type]
        for number, model in models.items()
        for k in (1, 4)
    }


def chance_corrected(example: Example) -> dict[str, float | None]:
    """Five coefficients on one set with gaps."""
    units = list(zip(*example["inputs"]["data"], strict=True))
    return {
        "gwet_ac1": gwet_ac(units).value,
        "fleiss": fleiss_kappa(units).value,
        "krippendorff": krippendorff_alpha(units, "nominal").value,
        "conger_library_only": conger_kappa(units).value,
        "brennan_prediger_library_only": brennan_prediger(units).value,
    }


def advantages(example: Example) -> dict[str, Any]:
    """By three divisors; a group without spread has no advantage, or 0 where nothing divides."""

    def by(divisor: Divisor) -> list[list[float] | None]:
        found = [group_advantages(group, divisor) for group in example["inputs"]["groups"]]
        return [None if None in group else [x for x in group if x is not None] for group in found]

    nothing = by("nothing")
    return {
        "population_std": by("population"),
        "sample_std": by("sample"),
        "dr_grpo": nothing,
        "no_signal": [not any(group or ()) for group in nothing],
    }


def calibration(example: Example) -> dict[str, float | None]:
    """Bins of equal width."""
    stated, correct = example["inputs"]["confidence"], example["inputs"]["correct"]
    found = expected_calibration_error(stated, correct, bins=example["inputs"]["bins"], equal="width")
    return {"ece": found.ece, "brier": brier(stated, correct)}


def area(example: Example) -> dict[str, float | None]:
    """Scores of the negatives against those of the positives."""
    scores, labels = np.array(example["inputs"]["score"]), np.array(example["inputs"]["y"])
    return {"auc": auc(scores[labels == 0], scores[labels == 1])}


def wilson_ends(example: Example) -> dict[str, float | None]:
    """Both ends, without a correction for continuity."""
    given = example["inputs"]
    return dict(zip(("lo", "hi"), wilson(given["k"], given["n"], 1 - given["alpha"]), strict=True))


REPRODUCED: dict[str, Callable[[Example], dict[str, Any]]] = {
    "krippendorff_2011_4x12": alpha,
    "krippendorff_2011_2x10_binary": alpha,
    "krippendorff_2011_2x12_nominal": alpha,
    "krippendorff_no_variation": alpha,
    "fleiss_kappa_14x10": fleiss,
    "fleiss_1971_diagnoses": fleiss,
    "cohen_2x2_grants": table_kappa,
    "cohen_prevalence_1": table_kappa,
    "cohen_prevalence_2": table_kappa,
    "weighted_kappa_sexualfun": table_kappa,
    "shrout_fleiss_1979": intraclass,
    "gwet_cac_raw4raters": chance_corrected,
    "pass_at_k_unbiased": lambda example: {"values": [pass_at_k(**case) for case in example["inputs"]["cases"]]},
    "grpo_group_advantages": advantages,
    "ece_small": calibration,
    "auc_sklearn_doc": area,
    "spearman_iq_tv": lambda example: {"spearman": spearman(example["inputs"]["x"], example["inputs"]["y"]).value},
    "kendall_scipy_doc": lambda example: {"tau_b": kendall(example["inputs"]["x"], example["inputs"]["y"]).value},
    "wilson_81_263": wilson_ends,
    "wilson_15_148": wilson_ends,
    "wilson_0_20": wilson_ends,
    "wilson_1_29": wilson_ends,
}


def test_no_example_goes_without_a_test() -> None:
    """Twenty-two, each with a way to work it out."""
    assert len(EXAMPLES) == 22
    assert [example["id"] for example in EXAMPLES] == list(REPRODUCED)
    assert all(example["citation"] for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
def test_worked_example_is_reproduced(example: Example) -> None:
    """Every figure, within the digits that the source prints."""
    found = REPRODUCED[example["id"]](example)

    assert found.keys() == example["expected"].keys()
    for name, expected in example["expected"].items():
        assert same(found[name], expected, example["tolerance"]), (name, found[name], expected)


def same(found: Any, expected: Any, tolerance: float) -> bool:
    """Return whether numbers, or lists of them, are the same; what is undefined is None in both."""
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(lambda a, b: same(a, b, tolerance), found, expected))
    return found is None if expected is None else bool(found == pytest.approx(expected, abs=tolerance))
