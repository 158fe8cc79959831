"""Drawing a calibration set: frame, strata, draw, deal, and all of it written at once."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from flows.calibration.deal import Deal, check_raters, deal
from flows.calibration.draw import draw
from flows.calibration.frame import Frame, FrameRequest, read_frame
from flows.calibration.sheet import item_id_of, text_hash
from flows.calibration.strata import (
    BAND_ORDER,
    LEAST_RATED,
    MERGE_BELOW,
    WIDE_FROM,
    Disagreement,
    Shares,
    disagreement,
    stratify,
)
from flows.calibration.upkeep import bring_up_to_date
from flows.clock import now
from flows.errors import InputError
from tasks_lib.records import content_hash
from warehouse import Warehouse
from warehouse.bands import BAND_EDGES
from warehouse.location import Location
from warehouse.stats.allocation import Method

TEXTS = """
    select rollout.rollout_id, instance.prompt, instance.materials, rollout.output
    from rollout
    join instance using (instance_id)
    where list_contains(?::varchar[], rollout.rollout_id)
"""
MANY_RATERS_FROM = 0.7
"""Bands from here on get the raters of --raters-top: there a judge does the most harm."""


class NothingToDrawError(InputError):
    """Everything of interest was rated or drawn before."""


@dataclass(frozen=True)
class SampleRequest:
    """What to draw."""

    frame: FrameRequest
    n: int = 150
    """Items, 1 and up."""
    seed: int = 0
    allocation: Method | None = None
    """None: neyman where earlier ratings say how far people and the judge are apart, else power."""
    tail_from: float = 0.9
    tail_factor: float = 2.0
    raters: tuple[str, ...] = ()
    """Empty: the items are open to anyone."""
    raters_per_item: int | None = None
    """None: 2, or 1 where there is a single rater."""
    raters_top: int | None = None
    """Ratings wanted of an item in the bands good and top; None: as of any other."""
    share_by_all: float = 0.1
    name: str | None = None
    """None: follows from the request and from what there is to draw."""

    @property
    def per_item(self) -> int:
        return self.raters_per_item or (1 if len(self.raters) == 1 else 2)

    def wanted(self, band: str) -> int:
        """Return the ratings wanted of an item of a band."""
        return self.raters_top if self.raters_top and BAND_EDGES.get(band, 0) >= MANY_RATERS_FROM else self.per_item

    def content(self) -> dict[str, Any]:
        """Return everything that the draw follows from but what is in the warehouse."""
        return {**asdict(self), "raters_per_item": self.per_item}


@dataclass(frozen=True)
class DrawnSet:
    """A calibration set as it is in the warehouse."""

    set_id: str
    is_new: bool
    """False: it was there already, and nothing was written."""
    head: Mapping[str, Any]
    """The row of table calibration_set, its JSON read."""
    strata: pl.DataFrame
    """The rows of table calibration_stratum, from the lowest band to the highest, and weight."""
    assigned: Mapping[str, int] = field(default_factory=dict)
    """Rater -> items."""
    judges: Sequence[str] = ()
    """All that judged the dimension."""

    @property
    def n_items(self) -> int:
        return int(self.strata["n_sampled"].sum())


def draw_set(db: Location, asked: SampleRequest) -> DrawnSet:
    """Draw a calibration set and write it in one transaction.

    The same request on the same rollouts and scores is the same set, also after some were rated: then nothing is
    written, and the set that is there is returned.

    Raises:
        NothingToDrawError: all rollouts of interest were rated or drawn before.
        InputError: the request cannot be met as it is written.
        WarehouseError: the warehouse cannot be used; nothing was written.
    """
    _check(asked)
    bring_up_to_date(db)
    with Warehouse.open(db) as warehouse:
        return draw_into(warehouse, asked)


def draw_into(warehouse: Warehouse, asked: SampleRequest) -> DrawnSet:
    """Draw a calibration set into a warehouse that is open for writing; the rest as `draw_set`."""
    _check(asked)
    frame = read_frame(warehouse, asked.frame)
    identity = content_hash(asked.content(), frame.judge, frame.grader_version, frame.population_hash)
    set_id = asked.name or f"{frame.dimension}-{identity[:8]}"
    is_new = not _is_there(warehouse, set_id, identity)
    if is_new:
        warehouse.merge_all(_tables(warehouse, frame, asked, set_id, identity))
    return read_set(warehouse, set_id, is_new=is_new, judges=frame.judges)


def find_set(db: Location, set_id: str) -> DrawnSet | None:
    """Return a set that is in the warehouse; None where there is none of that name."""
    with Warehouse.open(db, read_only=True) as warehouse:
        if warehouse.sql("select set_id from calibration_set where set_id = ?", [set_id]).is_empty():
            return None
        return read_set(warehouse, set_id)


def read_set(warehouse: Warehouse, set_id: str, *, is_new: bool = False, judges: Sequence[str] = ()) -> DrawnSet:
    """Read a set that is in the warehouse."""
    head = warehouse.sql("from calibration_set where set_id = ?", [set_id]).row(0, named=True)
    strata = warehouse.sql("from calibration_stratum where set_id = ?", [set_id])
    assigned = warehouse.sql(
        "select rater, count(*) as n from calibration_assignment where set_id = ? group by rater order by rater",
        [set_id],
    )
    order = pl.col("quality_band").replace_strict(
        {name: at for at, name in enumerate(BAND_ORDER)}, return_dtype=pl.Int64
    )
    probability = pl.col("inclusion_probability")
    return DrawnSet(
        set_id=set_id,
        is_new=is_new,
        head={**head, **{name: json.loads(head[name]) for name in ("rubric", "raters", "config")}},
        strata=strata.sort(order, pl.col("policy").is_null(), "stratum").with_columns(
            pl.when(probability > 0).then(1 / probability).alias("weight")
        ),
        assigned=dict(assigned.iter_rows()),
        judges=judges,
    )


def _check(asked: SampleRequest) -> None:
    if asked.name is not None and not re.fullmatch(r"[\w][\w.-]{0,63}", asked.name):
        raise InputError(f"--name {asked.name!r}: use letters, digits, '.', '-' and '_', 64 at most; it names files")
    if asked.n < 1:
        raise InputError(f"--n {asked.n}: a set needs an item at least")
    if asked.tail_from not in BAND_EDGES.values():
        edges = ", ".join(f"{edge:g}" for edge in BAND_EDGES.values())
        raise InputError(f"--tail-from {asked.tail_from:g}: the tail begins where a band does, at one of {edges}")
    if not 1 <= asked.tail_factor < float("inf"):
        raise InputError(f"--tail-factor {asked.tail_factor:g}: the tail is drawn once as often or more")
    check_raters(asked.raters, asked.per_item, asked.raters_top, asked.share_by_all)


def _is_there(warehouse: Warehouse, set_id: str, identity: str) -> bool:
    found = warehouse.sql("select config from calibration_set where set_id = ?", [set_id])
    if found.is_empty():
        return False
    if json.loads(found["config"][0]).get("identity") != identity:
        raise InputError(
            f"there is a calibration set {set_id!r} already, drawn otherwise or from others; give another --name"
        )
    return True


def _tables(
    warehouse: Warehouse, frame: Frame, asked: SampleRequest, set_id: str, identity: str
) -> dict[str, list[dict[str, Any]] | pl.DataFrame]:
    if frame.rows.is_empty():
        raise NothingToDrawError(
            f"nothing is left to draw: of {frame.population.height:,} rollouts {frame.n_already_rated:,} were rated, "
            "and the others stand in earlier sets; collect more, or take them in with --again"
        )
    known = disagreement(frame.rated)
    shares = Shares(
        n=asked.n,
        method=_method(asked, known),
        tail=frozenset(name for name, edge in BAND_EDGES.items() if edge >= asked.tail_from),
        tail_factor=asked.tail_factor,
        sigma=known.sigma,
    )
    placed, strata = stratify(frame.rows, shares)
    given = shares.of({stratum.name: (stratum.quality_band, stratum.n_frame) for stratum in strata})
    drawn = draw(placed, strata, given, asked.seed)
    items = _items(warehouse, drawn, frame.dimension, set_id, asked)
    dealt = _dealt(items, asked)
    if dealt:
        n_raters = {item_id: len(names) for item_id, names in dealt.raters_of.items()}
        items = items.with_columns(
            pl.col("item_id").replace_strict(n_raters, return_dtype=pl.Int64).alias("raters_wanted")
        )
    return {
        "calibration_set": [_head(frame, asked, set_id, identity, placed, shares, known, dealt)],
        "calibration_stratum": [
            {
                "set_id": set_id, "stratum": stratum.name, "policy": stratum.policy,
                "quality_band": stratum.quality_band, "width": stratum.width, "n_frame": stratum.n_frame,
                "n_sampled": given[stratum.name], "sigma": known.sigma[stratum.quality_band],
                "sigma_source": known.source, "inclusion_probability": given[stratum.name] / stratum.n_frame,
            }
            for stratum in strata
        ],
        "calibration_frame": placed.select(pl.lit(set_id).alias("set_id"), "rollout_id", "stratum"),
        "calibration_item": items,
        "calibration_assignment": [
            {"set_id": set_id, "item_id": item_id, "rater": rater, "place": place}
            for rater, order in (dealt.orders if dealt else {}).items()
            for place, item_id in enumerate(order)
        ],
    }  # fmt: skip


def _method(asked: SampleRequest, known: Disagreement) -> Method:
    if asked.allocation == "neyman" and known.source == "assumed":
        raise InputError(
            f"--allocation neyman needs to know how far people and graders are apart: {known.n_rated} of "
            f"{LEAST_RATED} rollouts are rated; leave it out for a first set"
        )
    return asked.allocation or ("neyman" if known.source == "ratings" else "power")


def _items(
    warehouse: Warehouse, drawn: pl.DataFrame, dimension: str, set_id: str, asked: SampleRequest
) -> pl.DataFrame:
    """Return the rows of table calibration_item."""
    read = {
        row["rollout_id"]: text_hash(row["prompt"], json.loads(row["materials"]), row["output"])
        for row in warehouse.sql(TEXTS, [drawn["rollout_id"].to_list()]).iter_rows(named=True)
    }
    wanted = {name: asked.wanted(name) for name in BAND_ORDER}
    return drawn.select(
        pl.lit(set_id).alias("set_id"),
        "rollout_id",
        pl.lit(dimension).alias("dimension"),
        "stratum",
        "inclusion_probability",
        "weight",
        pl.col("quality_band").replace_strict(wanted, return_dtype=pl.Int64).alias("raters_wanted"),
        pl.Series("item_id", [item_id_of(set_id, rollout_id, dimension) for rollout_id in drawn["rollout_id"]]),
        pl.Series("text_hash", [read[rollout_id] for rollout_id in drawn["rollout_id"]]),
    )


def _dealt(items: pl.DataFrame, asked: SampleRequest) -> Deal | None:
    if not asked.raters:
        return None
    # Within a stratum by their ids, which is in no order.
    ordered = items.sort("stratum", "item_id")
    wanted = dict(ordered.select("item_id", "raters_wanted").iter_rows())
    return deal(ordered["item_id"].to_list(), wanted, asked.raters, asked.share_by_all, asked.seed)


def _head(
    frame: Frame, asked: SampleRequest, set_id: str, identity: str, placed: pl.DataFrame, shares: Shares,
    known: Disagreement, dealt: Deal | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "set_id": set_id,
        "dimension": frame.dimension,
        "family": frame.family,
        "judge": frame.judge,
        "grader_version": frame.grader_version,
        "rubric": frame.rubric.model_dump(mode="json"),
        "rubric_hash": frame.rubric.rubric_hash,
        "top": frame.rubric.top,
        "seed": asked.seed,
        "n_wanted": asked.n,
        "n_frame": placed.height,
        "n_already_rated": frame.n_already_rated,
        "frame_hash": content_hash(placed.select("rollout_id", "stratum").rows()),
        "allocation": shares.method,
        "tail_from": asked.tail_from,
        "tail_factor": asked.tail_factor,
        "raters": list(asked.raters),
        "raters_per_item": asked.per_item,
        "share_by_all": asked.share_by_all if asked.raters else 0.0,
        "config": {
            "request": asked.content(),
            "identity": identity,
            "population_hash": frame.population_hash,
            "n_population": frame.population.height,
            "n_already_drawn": frame.n_already_drawn,
            "n_earlier_ratings": known.n_rated,
            "n_rated_by_all": len(dealt.linking) if dealt else 0,
            "runs": list(frame.runs),
            "wide_from": WIDE_FROM,
            "merge_below": MERGE_BELOW,
            "merge_rule": "the widths of a policy in a band first, then policies of a band, the smallest first",
        },
        "created_at": now(),
    }
