"""Instances from a person's own document or brief: they grade like generated ones, and bad folders are refused."""

import shutil
from pathlib import Path

import pytest

from tasks_lib.citation_grounding.from_brief import instance_from_brief
from tasks_lib.doc_revision.from_document import instance_from_document
from tasks_lib.own_material import BadMaterialError
from tests.reference.benches import BENCHES

FOLDERS = Path(__file__).parents[1] / "reference"
MAKE = {"doc_revision": instance_from_document, "citation_grounding": instance_from_brief}


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the hand-written task of a family, to be damaged."""
    return Path(shutil.copytree(FOLDERS / request.param, tmp_path / "own"))


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("family", MAKE)
def test_own_material_grades_like_generated(family: str) -> None:
    """The finished text earns 1.0, handing back what was given stays at the floor, every probe and rung can be made."""
    bench = BENCHES[family]
    instance = MAKE[family](FOLDERS / family)

    assert bench.grade(instance, bench.family.oracle(instance)).reward == pytest.approx(1.0)
    for name, probe in bench.family.probes.items():
        if not bench.applies(instance, name):
            continue
        reward = bench.grade(instance, bench.probe(instance, name)).reward
        assert probe.kind != "zero" or reward <= bench.family.floor, name
    for name in bench.family.operators:
        for severity in range(5):
            output = bench.ladder(instance, name, severity)
            assert output is None or bench.grade(instance, output).reward <= 1.0


@pytest.mark.parametrize("family", MAKE)
def test_same_folder_gives_the_same_instance(family: str) -> None:
    """The identifier follows from the content alone."""
    assert MAKE[family](FOLDERS / family) == MAKE[family](FOLDERS / family)


@pytest.mark.parametrize("family", MAKE)
def test_own_material_needs_no_figures_of_its_own(family: str) -> None:
    """The truth never stands in what the policy sees: the truth file is no material."""
    instance = MAKE[family](FOLDERS / family)

    assert "truth.toml" not in instance.materials
    assert all("[[sentence]]" not in text and "[[claim]]" not in text for text in instance.materials.values())


@pytest.mark.parametrize("folder", ["doc_revision"], indirect=True)
@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("draft.md", "Returns cost the company $318 thousand.", "", "is not there word for word"),
        ("draft.md", "## Customers", "## Customers\n\nNobody listed this sentence.", "is in no sentence"),
        ("truth.toml", 'key = "on_time"', 'key = "nothing"', "field 'key'"),
        ("truth.toml", 'lead = "Summary"', 'lead = "Elsewhere"', "field 'lead'"),
        ("truth.toml", "limit = 180", "limit = 20", "field 'limit'"),
        ("truth.toml", 'sheet = "metrics.csv"', 'sheet = "none.csv"', "field 'sheet'"),
        ("truth.toml", 'id = "packing"', 'id = "on_time"', "stands twice"),
        ("truth.toml", 'problem = "passive"', 'problem = "boring"', "problem"),
        ("truth.toml", 'detail = "3.7"', 'detail = "9.9"', "wrong figure"),
        ("truth.toml", 'detail = "HD North"', 'detail = "Halden"', "must be one of"),
        ("truth.toml", 'noun = "operations update"', "", "noun"),
        ("truth.toml", "[[term]]", "[[term", "TOML"),
    ],
)  # fmt: skip
def test_bad_document_folder_is_refused(folder: Path, file: str, old: str, new: str, says: str) -> None:
    """The error names the file and says what is wrong there."""
    _edit(folder / file, old, new)

    with pytest.raises(BadMaterialError, match=says) as error:
        instance_from_document(folder)
    assert file in str(error.value)
    assert "\n" not in str(error.value).strip()


@pytest.mark.parametrize("folder", ["citation_grounding"], indirect=True)
@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("brief.md", "Paris plans ten new lines by 2030.", "", "is not there word for word"),
        ("brief.md", "## Outlook", "## Outlook\n\nNobody listed this claim.", "is in no claim"),
        ("truth.toml", 'support = ["S1:1"]', 'support = ["S9:1"]', "names no sentence"),
        ("truth.toml", 'support = ["S1:1"]', 'support = ["S1:8"]', "names no sentence"),
        ("truth.toml", 'support = ["S1:1"]', "support = []", "support"),
        ("truth.toml", 'duty = "unsupported"', 'duty = "unsupported"\nsupport = ["S1:3"]', "support"),
        ("truth.toml", 'duty = "tone_down"', 'duty = "cite"', "wanted"),
        ("truth.toml", 'id = "fleet"', 'id = "passengers"', "stands twice"),
        ("truth.toml", 'duty = "tone_down"', 'duty = "sing"', "duty"),
        ("S1.md", "2. Day trains", "7. Day trains", "number its sentences"),
    ],
)  # fmt: skip
def test_bad_brief_folder_is_refused(folder: Path, file: str, old: str, new: str, says: str) -> None:
    """The error names the file and says what is wrong there."""
    _edit(folder / file, old, new)

    with pytest.raises(BadMaterialError, match=says) as error:
        instance_from_brief(folder)
    assert file in str(error.value)


@pytest.mark.parametrize("family", MAKE)
@pytest.mark.parametrize("missing", ["truth.toml", "folder"])
def test_missing_files_are_named(family: str, missing: str, tmp_path: Path) -> None:
    """A folder or truth file that is not there is said so."""
    target = tmp_path / "own"
    if missing != "folder":
        shutil.copytree(FOLDERS / family, target)
        (target / missing).unlink()

    with pytest.raises(BadMaterialError, match="no such"):
        MAKE[family](target)
