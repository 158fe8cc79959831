"""The source of a regrade: what another run collected and what judges said of it, copied into the spool.

A copy, so that workers need no warehouse, and a regrade that was cut off goes on from exactly what it began with.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows.plan import Chunk
from flows.stored import as_rollouts, as_scores
from tasks_lib.records import Rollout, Score, rollout_id
from warehouse import Warehouse

_FOLDER = "source"

ROLLOUTS = """
    from rollout
    where run_id = $1 and list_contains($2, instance_id) and list_contains($3, policy_id)
    order by rollout_id
"""

VERDICTS = """
    select score.*
    from score
    join rollout using (rollout_id)
    where
        run_id = $1 and list_contains($2, instance_id) and list_contains($3, policy_id) and score.source = 'judge'
    order by score.rollout_id, dimension, grader_id, replicate
"""


@dataclass(frozen=True)
class Source:
    """What a chunk begins with."""

    groups: Sequence[Sequence[Rollout | None]]
    """One list per instance and policy, in the order of the chunk; None where there is no such sample."""
    verdicts: Mapping[str, tuple[Score, ...]]
    """Rollout -> scores of judges."""


def copy_source(warehouse: Warehouse, source_run: str, run_id: str, chunks: Sequence[Chunk], folder: Path) -> None:
    """Copy what a run collected, under the keys of the run that grades it again; nothing was spent a second time."""
    (folder / _FOLDER).mkdir()
    for chunk in chunks:
        ids = [[one.instance_id for one in chunk.instances], [one.policy_id for one in chunk.policies]]
        rollouts = warehouse.sql(ROLLOUTS, [source_run, *ids])
        keys = {
            row["rollout_id"]: rollout_id(run_id, row["instance_id"], row["policy_id"], row["sample"])
            for row in rollouts.select("rollout_id", "instance_id", "policy_id", "sample").iter_rows(named=True)
        }
        nothing = [pl.lit(0).alias(name) for name in ("input_tokens", "output_tokens", "cached_tokens")]
        rollouts = rollouts.with_columns(
            pl.col("rollout_id").replace_strict(keys), pl.lit(run_id).alias("run_id"), pl.lit(0.0).alias("cost_usd"),
            *nothing,
        )  # fmt: skip
        verdicts = warehouse.sql(VERDICTS, [source_run, *ids]).with_columns(pl.col("rollout_id").replace_strict(keys))
        rollouts.write_parquet(_path(folder, chunk, "rollout"))
        verdicts.write_parquet(_path(folder, chunk, "verdict"))


def read_source(spool: Path, chunk: Chunk) -> Source:
    """Read what a chunk begins with."""
    found = {
        (one.instance_id, one.policy_id, one.sample): one
        for one in as_rollouts(pl.read_parquet(_path(spool, chunk, "rollout")))
    }
    verdicts: dict[str, list[Score]] = defaultdict(list)
    for score in as_scores(pl.read_parquet(_path(spool, chunk, "verdict"))):
        verdicts[score.rollout_id].append(score)
    groups = [
        [found.get((place.instance_id, planned.policy_id, sample)) for sample in range(planned.samples)]
        for place, planned in chunk.places()
    ]
    return Source(groups, {name: tuple(scores) for name, scores in verdicts.items()})


def _path(folder: Path, chunk: Chunk, kind: str) -> Path:
    return folder / _FOLDER / f"{chunk.key}-{kind}.parquet"
