"""Instances from a person's own table: real tables that ship in packages, and tables that cannot be used."""

import csv
import io
from pathlib import Path

import pytest
import statsmodels
import vega_datasets

from tasks_lib.spreadsheet_clean.from_table import BadTableError, instances_from_table
from tasks_lib.spreadsheet_clean.table import table_truth
from tests.support_spreadsheet import FAMILY, grade_text, probe_text

VEGA = Path(vega_datasets.__file__).parent / "_data"
MODELS = Path(statsmodels.__file__).parent / "datasets"
TABLES = [
    VEGA / "seattle-weather.csv",
    VEGA / "stocks.csv",
    VEGA / "airports.csv",
    VEGA / "iowa-electricity.csv",
    MODELS / "grunfeld" / "grunfeld.csv",
    MODELS / "longley" / "longley.csv",
    MODELS / "statecrime" / "statecrime.csv",
]
ZERO = [name for name, probe in FAMILY.probes.items() if probe.kind == "zero"]


def _own_rows(path: Path) -> set[tuple[str, ...]]:
    lines = [line for line in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))) if line]
    return {tuple(" ".join(cell.split()) for cell in line) for line in lines[1:]}


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_real_table_becomes_instances_with_the_persons_own_values(path: Path) -> None:
    """Every gold record is a record of the person's file, unchanged; the oracle earns 1.0, zero work the floor."""
    own = _own_rows(path)
    instances = list(instances_from_table(path, 8, seed=5))

    assert len({instance.instance_id for instance in instances}) == 8
    for instance in instances:
        truth = table_truth(instance)
        assert set(truth.rows) <= own
        assert truth.real_defects
        assert grade_text(instance, FAMILY.oracle(instance)).reward == 1.0
        for probe in ZERO:
            reward = grade_text(instance, probe_text(instance, probe)).reward
            assert reward <= FAMILY.floor, (probe, reward, instance.instance_id)


@pytest.mark.parametrize("path", TABLES[:3], ids=lambda path: path.stem)
def test_real_table_gives_the_same_instances_again(path: Path) -> None:
    """The same file and seed give the same instances; another seed gives others."""
    one, again, other = (list(instances_from_table(path, 4, seed)) for seed in (1, 1, 2))

    assert one == again
    assert not {i.instance_id for i in one} & {i.instance_id for i in other}


def test_real_table_difficulty_sets_the_rows() -> None:
    """Hard instances of a long table are longer than easy ones."""
    easy = next(instances_from_table(VEGA / "seattle-weather.csv", 1, 1, (0.0, 0.0)))
    hard = next(instances_from_table(VEGA / "seattle-weather.csv", 1, 1, (1.0, 1.0)))

    # round(8 * 20**d) records: 8 and 160.
    assert (len(table_truth(easy).rows), len(table_truth(hard).rows)) == (8, 160)


def test_real_table_stress_split_drops_nothing() -> None:
    """The stress split of an own table holds no line that has to go, as that of the archetypes."""
    for instance in instances_from_table(VEGA / "seattle-weather.csv", 6, 1, split="stress"):
        kinds = {defect.kind for defect in table_truth(instance).real_defects}
        assert not kinds & {"blank_row", "annotation_row", "subtotal_row", "repeated_header", "duplicate"}


def test_real_table_works_through_the_policies() -> None:
    """A simulated policy, the ladders and the world work on a person's table as on ours."""
    from tasks_lib import policy
    from tasks_lib.policies.base import NotApplicableError

    instance = next(instances_from_table(VEGA / "seattle-weather.csv", 1, 3))
    strong = grade_text(instance, policy("sim/strong").attempt(FAMILY, instance, 0).output).reward
    assert FAMILY.floor < strong < 1
    for name in FAMILY.operators:
        try:
            output = policy(f"ladder/{name}@2").attempt(FAMILY, instance, 0).output
        except NotApplicableError:
            continue
        assert grade_text(instance, output).reward <= 1.0


GOOD = "name,amount\n" + "".join(f"n{n},{n * 10 + 5}\n" for n in range(8))


@pytest.mark.parametrize(
    ("content", "place", "complaint"),
    [
        (b"PK\x03\x04\0\0xlsx", ":", "is a binary file, not a CSV"),
        (b"name,amount\n\xff\xfe,1\n", ":", "is not UTF-8 text (byte 12)"),
        (b"", ":", "is empty"),
        (b"\n\n", ":", "is empty"),
        (GOOD.replace("n3,35", "n3,35,9").encode(), ", line 5:", "has 3 fields, the heading line has 2"),
        (GOOD.replace("n3,35", "n3").encode(), ", line 5:", "has 1 fields, the heading line has 2"),
        (GOOD.replace("name,amount", "amount,amount").encode(), ", line 1:", "heading 'amount' stands there twice"),
        (GOOD.replace("name,amount", "name,").encode(), ", line 1:", "column 2 has no heading"),
        (b"name\na\nb\nc\nd\ne\nf\n", ":", "has 1 columns"),
        (GOOD[: GOOD.index("n5")].encode(), ":", "holds 5 records; at least 6 are needed"),
        ("a,b\n" + "x,y\n" * 7, ":", "has no column of plain numbers"),
        (GOOD.replace("n3,", '"n\n3",').encode(), ", line 5:", "a cell holds a line break"),
        (GOOD.replace("n3,", '"n3"x,').encode(), ":", "is not a CSV file"),
    ],
)
def test_table_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, content: bytes | str, place: str, complaint: str
) -> None:
    """A bad table is refused in one line that names the file, the place and what is wrong."""
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(BadTableError) as caught:
        list(instances_from_table(path, 1, 0))

    assert str(caught.value).startswith(f"{path}{place}")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_line_number_counts_empty_lines(tmp_path: Path) -> None:
    """A ragged line is named by its line in the file, blank lines before it counted."""
    path = tmp_path / "bad.csv"
    path.write_text(GOOD.replace("n3,35", "\n\nn3,35,9"), encoding="utf-8")

    # Heading on line 1, n0..n2 on 2..4, two empty lines on 5 and 6.
    with pytest.raises(BadTableError, match=r"bad\.csv, line 7: has 3 fields"):
        list(instances_from_table(path, 1, 0))


def test_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    """A file that is not there is refused with its name and the reason."""
    with pytest.raises(BadTableError, match=r"none\.csv: cannot be read \(No such file or directory\)"):
        list(instances_from_table(tmp_path / "none.csv", 1, 0))


def test_own_table_with_repeats_keeps_them(tmp_path: Path) -> None:
    """A table that repeats a record means it: the request keeps repeats and none is a defect."""
    path = tmp_path / "own.csv"
    path.write_text(GOOD + "n3,35\n", encoding="utf-8")

    for instance in instances_from_table(path, 5, 0):
        assert instance.knobs["remove_duplicates"] is False
        assert not [d for d in table_truth(instance).defects if d.kind == "duplicate"]
