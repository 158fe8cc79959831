"""Where a warehouse is: what people write, and that no password comes out again."""

from pathlib import Path

import pytest

from warehouse.location import Lake, parse_location, passwords


def test_a_path_is_a_file() -> None:
    """Anything without `ducklake:` is a file, whatever it is called."""
    assert parse_location("runs/a.duckdb") == Path("runs/a.duckdb")
    assert parse_location(Path("a.duckdb")) == Path("a.duckdb")


def test_a_lake_knows_its_catalogue_and_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder is kept as every process finds it; a URL stays as it is."""
    monkeypatch.chdir(tmp_path)

    lake = parse_location("ducklake:postgres:dbname=assay host=db", "files")
    bucket = parse_location("ducklake:meta.ducklake", "s3://bucket/prefix")

    assert isinstance(lake, Lake)
    assert isinstance(bucket, Lake)
    assert (lake.is_postgres, lake.connection) == (True, "dbname=assay host=db")
    assert lake.data_path == str(tmp_path / "files")
    assert (bucket.is_postgres, bucket.connection, bucket.data_path) == (False, "meta.ducklake", "s3://bucket/prefix")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("postgres:dbname=assay password=s3cr host=db", "postgres:dbname=assay host=db"),
        ("postgres:password=s3cr dbname=assay", "postgres:dbname=assay"),
        ("postgres:dbname=assay password = 's3 cr\\'s' port=1", "postgres:dbname=assay port=1"),
        ("postgres:postgresql://anna:s3cr@db:5432/assay", "postgres:postgresql://anna@db:5432/assay"),
        ("postgresql://anna:s3cr@db/assay", "postgres:postgresql://anna@db/assay"),
        ("postgres:postgresql://db/assay?user=a&password=s3cr&port=1", "postgres:postgresql://db/assay?user=a&port=1"),
    ],
)
def test_no_password_comes_out(written: str, shown: str) -> None:
    """Neither the text nor the representation of a lake holds the password that it connects with."""
    lake = parse_location("ducklake:" + written)

    assert isinstance(lake, Lake)
    assert str(lake) == "ducklake:" + shown
    assert "s3" not in repr(lake)
    assert any(word.startswith("s3") for word in passwords(lake.connection))


@pytest.mark.parametrize("written", ["ducklake:", "ducklake:postgres:", "ducklake: "])
def test_a_lake_needs_a_catalogue(written: str) -> None:
    """A lake without a catalogue is refused, and the text says what to write."""
    with pytest.raises(ValueError, match="dbname=NAME"):
        parse_location(written)
