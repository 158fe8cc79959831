"""Everything that raters' work depends on as one file, and back: sets, ratings, and the rollouts they are of.

A zip of Parquet files, one a table, with a manifest that says their rows and checksums. What a warehouse holds already
stays as it is there; a rating that differs is refused and told.
"""

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import polars as pl

from flows.calibration.answers import Refused, TakenIn, ratings_changed
from flows.calibration.formats.reading import UnreadableAnswersError, read_bytes
from flows.calibration.formats.writing import write_new
from warehouse import Warehouse, WarehouseError
from warehouse.definitions import tables
from warehouse.estimates import refresh
from warehouse.location import Location
from warehouse.tables import as_frame

KIND = "taskassay ratings"
VERSION = 1
_MANIFEST = "manifest.json"
_ALWAYS = (2000, 1, 1, 0, 0, 0)
"""The time of every part, so that the same ratings make the same file."""
_DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, EOFError, OSError,
    KeyError, TypeError, ValueError, pl.exceptions.PolarsError,
)  # fmt: skip
"""What reading a file that is not whole may raise."""
_ROLLOUTS = """
    select rollout_id from rating
    union select rollout_id from calibration_item
    union select rollout_id from calibration_frame
"""
_POLICIES = f"""
    with recursive needed as (
        select distinct policy_id from rollout where rollout_id in ({_ROLLOUTS})
        union
        select policy.parent from policy join needed using (policy_id) where policy.parent is not null
    )
    select policy_id from needed
"""  # noqa: S608 - our own text
_WHERE = {
    "run": f"run_id in (select run_id from rollout where rollout_id in ({_ROLLOUTS}))",  # noqa: S608
    "instance": f"instance_id in (select instance_id from rollout where rollout_id in ({_ROLLOUTS}))",  # noqa: S608
    "policy": f"policy_id in ({_POLICIES})",
    "rollout": f"rollout_id in ({_ROLLOUTS})",
    "score": f"rollout_id in ({_ROLLOUTS}) and dimension in "  # noqa: S608
    "(select dimension from rating union select dimension from calibration_set)",
    "calibration_set": "true",
    "calibration_stratum": "true",
    "calibration_frame": "true",
    "calibration_item": "true",
    "calibration_assignment": "true",
    "rating": "true",
}
"""Table -> which of its rows ratings depend on."""
_MUST_AGREE = {
    "instance": ("prompt", "materials"),
    "rollout": ("instance_id", "policy_id", "output"),
    **{
        name: tables()[name].columns
        for name in ("calibration_set", "calibration_stratum", "calibration_frame", "calibration_item")
    },
}
"""Table -> columns in which a row that both know must be the same: else the ratings are of something else."""


@dataclass(frozen=True)
class Archived:
    """What an archive holds: table -> rows."""

    path: Path
    n_rows: dict[str, int]


def write_archive(warehouse: Warehouse, path: Path) -> Archived:
    """Write everything that ratings depend on to one file, there whole or not at all.

    Raises:
        InputError: there is another file of that name, or it cannot be written.
    """
    content = io.BytesIO()
    described: dict[str, Any] = {}
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as package:
        for table, where in _WHERE.items():
            key = ", ".join(tables()[table].grain)
            rows = warehouse.sql(f"select * from {table} where {where} order by {key}")  # noqa: S608 - our own text
            part = io.BytesIO()
            rows.write_parquet(part)
            described[table] = {"rows": rows.height, "sha256": hashlib.sha256(part.getvalue()).hexdigest()}
            package.writestr(zipfile.ZipInfo(f"{table}.parquet", _ALWAYS), part.getvalue())
        manifest = {"kind": KIND, "version": VERSION, "tables": described}
        package.writestr(zipfile.ZipInfo(_MANIFEST, _ALWAYS), json.dumps(manifest, indent=1))
    write_new(path, content.getvalue())
    return Archived(path, {table: about["rows"] for table, about in described.items()})


def is_archive(path: Path) -> bool:
    """Whether a file is meant to be an archive; a workbook is a zip too."""
    if path.suffix.lower() == ".zip":
        return True
    try:
        with zipfile.ZipFile(path) as package:
            return _MANIFEST in package.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def restore(db: Location, path: Path, *, replace: bool = False) -> TakenIn:
    """Add what an archive holds to a warehouse, in one transaction; again it adds nothing.

    Args:
        db: warehouse; made if missing.
        path: archive.
        replace: let ratings of the archive take the place of different ones.

    Returns:
        What became of its ratings.

    Raises:
        UnreadableAnswersError: it is damaged, of a newer version, or of other rollouts or sets under the same names;
            nothing was added.
        WarehouseError: the warehouse cannot be written; nothing was added.
    """
    frames = _read(path)
    with Warehouse.open(db) as warehouse:
        known = {table: _known(warehouse, table, frame) for table, frame in frames.items()}
        for table, columns in _MUST_AGREE.items():
            _require_agreement(path, table, frames[table], known[table], columns)
        taken, refused = _ratings(path, frames["rating"], known["rating"], replace)
        missing = {
            table: frame.join(known[table], on=list(tables()[table].grain), how="anti")
            for table, frame in frames.items()
            if table != "rating"
        }
        added = warehouse.merge_all({**missing, "rating": taken}, latest=("rating",))
        if any(added.values()) or taken.height:
            refresh(warehouse, missing["run"]["run_id"].to_list())
            ratings_changed(warehouse)
    n_new = added.get("rating", 0)
    n_known = frames["rating"].height - taken.height - len(refused)
    return TakenIn(n_new, n_known, taken.height - n_new, refused)


def _read(path: Path) -> dict[str, pl.DataFrame]:
    """Return the tables of an archive once everything about it has been checked."""
    content = read_bytes(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            manifest = json.loads(package.read(_MANIFEST))
            described = _described(path, manifest)
            parts = {table: package.read(f"{table}.parquet") for table in described}
        frames = {}
        for table, about in described.items():
            if hashlib.sha256(parts[table]).hexdigest() != about["sha256"]:
                raise UnreadableAnswersError(f"{path}: table {table} is damaged; use another copy of the file")
            frames[table] = as_frame(table, pl.read_parquet(io.BytesIO(parts[table])))
        return {table: frames.get(table, as_frame(table, [])) for table in _WHERE}
    except UnreadableAnswersError:
        raise
    except WarehouseError as error:
        raise UnreadableAnswersError(f"{path}: was not written by this version ({error}); update taskassay") from None
    except _DAMAGE as error:
        raise UnreadableAnswersError(f"{path}: is damaged ({error}); use another copy of the file") from None


def _described(path: Path, manifest: Any) -> dict[str, Any]:
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise UnreadableAnswersError(f"{path}: is no archive of ratings; `assay calibrate export --all` writes one")
    if manifest.get("version") != VERSION or not set(manifest["tables"]) <= set(_WHERE):
        raise UnreadableAnswersError(f"{path}: was written by a newer version of this program; update taskassay")
    described = manifest["tables"]
    assert isinstance(described, dict)
    return described


def _known(warehouse: Warehouse, table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the warehouse whose keys an archive has too."""
    key = ", ".join(tables()[table].grain)
    text = f"select * from {table} where ({key}) in (select ({key}) from archived)"  # noqa: S608 - names are ours
    return as_frame(table, warehouse.sql(text, frames={"archived": frame.select(tables()[table].grain)}))


def _require_agreement(
    path: Path, table: str, archived: pl.DataFrame, known: pl.DataFrame, columns: tuple[str, ...]
) -> None:
    differing = _differing(table, archived, known, columns)
    if differing.height:
        key = " ".join(map(str, differing.select(tables()[table].grain).row(0)))
        raise UnreadableAnswersError(
            f"{path}: {table} {key} is another one in this warehouse, so the ratings would be of something else; name "
            "another --db"
        )


def _differing(table: str, archived: pl.DataFrame, known: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return the archived rows that the warehouse knows with another value in some column."""
    key = tables()[table].grain
    compared = [name for name in columns if name not in key]
    if not compared:
        return archived.clear()
    both = archived.join(known, on=list(key), how="inner", suffix=" here")
    different = reduce(
        lambda one, other: one | other, (pl.col(name).ne_missing(pl.col(f"{name} here")) for name in compared)
    )
    return both.filter(different)


def _ratings(
    path: Path, archived: pl.DataFrame, known: pl.DataFrame, replace: bool
) -> tuple[pl.DataFrame, list[Refused]]:
    """Return the ratings to write, and those refused for another that is here."""
    key = list(tables()["rating"].grain)
    new = archived.join(known, on=key, how="anti")
    differing = _differing("rating", archived, known, ("score", "note"))
    if replace:
        return pl.concat([new, differing.select(archived.columns)]), []
    refused = [
        Refused(
            f"{path.name}, rating of {row['rollout_id']} by {row['rater']}",
            f"{row['rater']} said otherwise of its {row['dimension']} here ({_said(row, ' here')}, in the archive "
            f"{_said(row)}); add --replace to take the archive's word",
        )
        for row in differing.iter_rows(named=True)
    ]
    return new, refused


def _said(row: dict[str, Any], where: str = "") -> str:
    return str(row[f"raw_value{where}"] or row[f"score{where}"])
