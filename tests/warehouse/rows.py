"""A warehouse of hand-written rows: one run, one family, as many groups and ladders as a test needs."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from warehouse import Warehouse
from warehouse.definitions import tables

RUN = "run-1"
FAMILY = "fam"
RUBRIC = "fam-1"
JUDGE = "judge/model:effort=low"
RATERS = ("ann", "ben", "cleo", "dan", "eve")


_in_use: list[Warehouse] = []
_emptied: list[Warehouse] = []


def taken() -> Warehouse:
    """Return an empty warehouse in memory: one that an earlier test is done with, since making all views takes long."""
    warehouse = _emptied.pop() if _emptied else Warehouse.in_memory()
    _in_use.append(warehouse)
    return warehouse


@contextmanager
def recycled() -> Iterator[None]:
    """Empty what is taken inside, for the next test; what was taken before stays with whoever has it."""
    before = len(_in_use)
    yield
    for warehouse in _in_use[before:]:
        for table in tables():
            if table != "schema_version":
                warehouse.sql(f"delete from {table}")  # noqa: S608 - the name is one of ours
        _emptied.append(warehouse)
    del _in_use[before:]


@contextmanager
def lent() -> Iterator[Warehouse]:
    """Lend an empty warehouse in memory; it is emptied at the end."""
    with recycled():
        yield taken()


class Lab:
    """An in-memory warehouse and short ways to put rows into it.

    Rows are kept back until somebody asks, and go in a table at a time: a transaction each costs most of a test.
    """

    def __init__(self, *, floor: float = 0.1, weak: str | None = "sim/weak", strong: str | None = "sim/strong") -> None:
        self._warehouse = taken()
        self._waiting: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = defaultdict(dict)
        self.add("family", family=FAMILY, template_version="1", floor=floor)
        self.add(
            "run",
            run_id=RUN,
            config={"weak": weak, "strong": strong},
            config_hash="c",
            taskset_hash="t",
            code_version="1",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            ended_at=None,
            status="completed",
            n_planned=0,
        )

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse with all rows that were added."""
        waiting, self._waiting = self._waiting, defaultdict(dict)
        for table, rows in waiting.items():
            self._warehouse.merge(table, rows.values())
        return self._warehouse

    def add(self, table: str, **row: Any) -> None:
        """Add one row."""
        rows = self._waiting[table]
        key = tuple(row.get(name) for name in tables()[table].grain)
        if key in rows and rows[key] == row:
            return
        # What is merged together has one set of columns and each key once; else it is merged one after the other.
        if key in rows or (rows and next(iter(rows.values())).keys() != row.keys()):
            self.warehouse  # noqa: B018 - what waits goes in
            rows = self._waiting[table]
        rows[key] = row

    def view(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a view in the order of its grain."""
        frame = self.warehouse.view(name)
        return frame.sort(pl.all().exclude(pl.List)).to_dicts()

    def one(self, name: str, **where: Any) -> dict[str, Any]:
        """Return the only row of a view that has these values."""
        found = [row for row in self.view(name) if all(row[key] == value for key, value in where.items())]
        assert len(found) == 1, found
        return found[0]

    def rubric(self, **weights: float) -> None:
        """Declare the dimensions of the rubric."""
        for dimension, weight in weights.items():
            self.add("rubric_dimension", rubric_id=RUBRIC, dimension=dimension, weight=weight)

    def work_factor(self, work_base: float, cap_mode: str = "scaled") -> None:
        """Declare what is left of a composite without work, and how a cap lowers it; without this: all of it."""
        self.add("rubric", rubric_id=RUBRIC, family=FAMILY, content={"work_base": work_base, "cap_mode": cap_mode})

    def cap(self, flag: str, ceiling: float) -> None:
        """Declare what a flag leaves of the composite."""
        self.add("rubric_cap", rubric_id=RUBRIC, flag=flag, ceiling=ceiling)

    def place(
        self, instance: str, policy: str, kind: str = "simulated", regime: Mapping[str, Any] | None = None
    ) -> None:
        """Make sure that an instance and a policy exist."""
        self.add(
            "instance",
            instance_id=instance,
            family=FAMILY,
            template_version="1",
            archetype="plain",
            seed=2**64 - 1,
            difficulty=0.5,
            knobs={},
            mode="multi",
            split="train",
            prompt="p",
            materials={},
            truth={},
        )
        self.add("policy", policy_id=policy, name=policy, kind=kind, regime=dict(regime or {}))

    def rollout(self, instance: str, policy: str, sample: int, status: str = "completed", **more: Any) -> str:
        """Add one rollout and return its key."""
        rollout_id = f"{instance}/{policy}/{sample}"
        row = {
            "rollout_id": rollout_id,
            "run_id": RUN,
            "instance_id": instance,
            "policy_id": policy,
            "sample": sample,
            "status": status,
            "output": "o",
            "transcript": (),
            "steps": 1,
            "input_tokens": 10,
            "output_tokens": 5,
            "cached_tokens": 1,
            "cost_usd": 0.5,
            "latency_s": 2.0,
            "error": None,
        }
        self.add("rollout", **{**row, **more})
        return rollout_id

    @contextmanager
    def together(self) -> Iterator[None]:
        """Mark rows that are one thing; like all others they wait until somebody asks."""
        yield

    def composite(
        self,
        rollout_id: str,
        reward: float,
        uncapped: float | None = None,
        *,
        weight: float = 1.0,
        work: float = 1.0,
        flags: Sequence[str] = (),
        rubric: str = RUBRIC,
        cap: float | None = None,
        high: float | None = None,
    ) -> None:
        """Say what a rollout is worth; without a word about the cap it is .3 where it lowered the reward."""
        before = reward if uncapped is None else uncapped
        self.add(
            "composite",
            rollout_id=rollout_id,
            rubric_id=rubric,
            uncapped_low=before,
            uncapped_high=before,
            low=reward,
            high=reward if high is None else high,
            mid=reward,
            additive_mid=reward,
            work_low=work,
            work_high=work,
            cap=(1.0 if before == reward else 0.3) if cap is None else cap,
            flags=tuple(flags),
            assessed_weight=weight,
            ready=weight >= 0.8,
            reward=reward,
        )

    def score(self, rollout_id: str, dimension: str, low: float, high: float | None = None, **more: Any) -> None:
        """Say what a grader proved about one dimension."""
        high = low if high is None else high
        state = "assessed" if low == high else "unassessed" if (low, high) == (0, 1) else "partial"
        row = {
            "rollout_id": rollout_id,
            "dimension": dimension,
            "grader_id": "code",
            "replicate": 0,
            "family": FAMILY,
            "low": low,
            "high": high,
            "state": state,
            "source": "deterministic",
            "reason": "r",
            "evidence": {},
            "grader_version": "1",
        }
        self.add("score", **{**row, **more})

    def judge(
        self,
        rollout_id: str,
        dimension: str,
        values: Sequence[float | None],
        *,
        judge: str = JUDGE,
        reason: str = "timeout",
        variants: Sequence[str | None] = (),
        family: str = FAMILY,
        version: str = "1",
        is_trusted: bool | None = None,
    ) -> None:
        """Add the repeats of one judge, each a score and a call; None: no verdict, for `reason`."""
        for replicate, value in enumerate(values):
            low, high = (0.0, 1.0) if value is None else (value, value)
            self.score(
                rollout_id, dimension, low, high, grader_id=judge, replicate=replicate, source="judge", family=family,
                reason=reason if value is None else "level", grader_version=version, is_trusted=is_trusted,
            )  # fmt: skip
            variant = variants[replicate] if replicate < len(variants) else "plain"
            self.call(rollout_id, dimension, value, replicate=replicate, judge=judge, variant=variant)

    def call(
        self,
        rollout_id: str,
        dimension: str,
        value: float | None,
        *,
        replicate: int = 0,
        judge: str | None = JUDGE,
        variant: str | None = "plain",
        **more: Any,
    ) -> None:
        """Add one call of a judge without a score; `value` is what it said, used or not."""
        row = {
            "call_id": f"{rollout_id}|{dimension}|{judge}|{replicate}",
            "rollout_id": rollout_id,
            "dimension": dimension,
            "model": "judge-model",
            "rubric_hash": "h",
            "input_tokens": 100,
            "output_tokens": 20,
            "cached_tokens": 0,
            "cost_usd": 0.25,
            "verdict": None,
            "quotes_verified": None,
            "grader_id": judge,
            "replicate": replicate,
            "variant": variant,
            "outcome": "malformed" if value is None else "level",
            "value": value,
            "latency_s": 1.5,
        }
        self.add("judge_call", **{**row, **more})

    def rating(
        self, rollout_id: str, dimension: str, scores: Sequence[float | None], raters: Sequence[str] = RATERS
    ) -> None:
        """Add what people say of one rollout, each rater one score; None: cannot be assessed."""
        for rater, score in zip(raters, scores, strict=False):
            self.add("rating", rollout_id=rollout_id, dimension=dimension, rater=rater, score=score)

    def group(
        self,
        rewards: Sequence[float],
        uncapped: Sequence[float] | None = None,
        *,
        instance: str = "i1",
        policy: str = "sim/mid",
        kind: str = "simulated",
        weight: float = 1.0,
        work: float = 1.0,
        planned: int | None = None,
        lost: int = 0,
    ) -> None:
        """Add the rollouts of one policy on one instance; `lost` more failed for reasons of infrastructure."""
        before = rewards if uncapped is None else uncapped
        self.place(instance, policy, kind)
        for sample, (reward, whole) in enumerate(zip(rewards, before, strict=True)):
            flags = ("too_long",) if reward < whole else ()
            rollout_id = self.rollout(instance, policy, sample)
            self.composite(rollout_id, reward, whole, weight=weight, work=work, flags=flags)
        for sample in range(len(rewards), len(rewards) + lost):
            self.rollout(instance, policy, sample, "error", error="timeout")
        if planned is not None:
            self.add(
                "planned", run_id=RUN, instance_id=instance, policy_id=policy, n_samples=planned, n_not_applicable=0
            )

    def repeat_run(self, run_id: str, days_later: int = 0) -> None:
        """Add a second run with the same plan, rollouts and scores as the only one so far."""
        renamed = {name: pl.lit("again/") + pl.col(name) for name in ("rollout_id", "call_id")}
        renamed["run_id"] = pl.lit(run_id)
        renamed["started_at"] = pl.col("started_at") + timedelta(days=days_later)
        for table in ("run", "planned", "threshold", "rollout", "score", "facet", "composite", "judge_call"):
            rows = self.warehouse.view(table)
            columns = {name: column for name, column in renamed.items() if name in rows.columns}
            self.warehouse.merge(table, rows.with_columns(**columns))

    def night(
        self,
        run_id: str,
        day: int,
        rewards: Mapping[str, Sequence[float]],
        *,
        policy: str = "sim/mid",
        kind: str = "simulated",
        regime: Mapping[str, Any] | None = None,
        version: str | None = "1",
        **run: Any,
    ) -> None:
        """Add what one policy earns in a run of its own, on a day of February: instance -> rewards.

        A grader of this version said so; None: nobody is noted.
        """
        row = {
            "run_id": run_id, "config": {}, "config_hash": "c", "taskset_hash": "t", "code_version": "1",
            "started_at": datetime(2026, 2, day, tzinfo=UTC), "ended_at": None, "status": "completed", "n_planned": 0,
            "deployment": "nightly",
        }  # fmt: skip
        self.add("run", **{**row, **run})
        for instance, earned in rewards.items():
            self.place(instance, policy, kind, regime)
            for sample, reward in enumerate(earned):
                rollout_id = f"{run_id}/{instance}/{policy}/{sample}"
                self.rollout(instance, policy, sample, run_id=run_id, rollout_id=rollout_id)
                self.composite(rollout_id, reward)
                if version is not None:
                    self.score(rollout_id, "a", reward, grader_version=version)

    def operator(self, name: str, kind: str, **expected: str) -> None:
        """Declare an operator and what it must do to each dimension."""
        self.add("operator", family=FAMILY, operator=name, kind=kind, summary="s")
        for dimension, expectation in expected.items():
            self.add("expectation", family=FAMILY, operator=name, dimension=dimension, facet="", expected=expectation)

    def ladder(
        self,
        operator: str,
        rewards: Sequence[float | None],
        dimensions: Mapping[str, Sequence[Any]] | None = None,
        instance: str = "i1",
    ) -> None:
        """Add the rungs 0, 1, 2, ... of one ladder; None: not applicable. A dimension's cell is low or (low, high)."""
        for severity, reward in enumerate(rewards):
            policy = f"ladder/{operator}@{severity}"
            self.place(instance, policy, "ladder", {"operator": operator, "severity": severity})
            self.add(
                "planned",
                run_id=RUN,
                instance_id=instance,
                policy_id=policy,
                n_samples=1,
                n_not_applicable=int(reward is None),
            )
            if reward is None:
                continue
            rollout_id = self.rollout(instance, policy, 0)
            self.composite(rollout_id, reward)
            for dimension, cells in (dimensions or {}).items():
                cell = cells[severity]
                low, high = cell if isinstance(cell, tuple) else (cell, cell)
                self.score(rollout_id, dimension, low, high)

    def probe(self, name: str, kind: str, rewards: Mapping[str, float], work: float = 0.0) -> None:
        """Declare a probe and say what it earned on each instance."""
        if not name.endswith("@honest"):
            self.add("probe", family=FAMILY, probe=name, kind=kind, summary="s")
        for instance, reward in rewards.items():
            self.group([reward], instance=instance, policy=f"probe/{name}", kind="probe", work=work)


def drawn_set(
    lab: Lab,
    set_id: str,
    dimension: str,
    items: Mapping[str, str],
    strata: Mapping[str, int],
    *,
    frame: Mapping[str, str] | None = None,
    day: int = 1,
    **more: Any,
) -> None:
    """Add a calibration set.

    Args:
        lab: where.
        set_id: its name.
        dimension: what is rated.
        items: rollout -> stratum, of those that were drawn.
        strata: name -> rollouts of the frame; a band's name stands for a stratum of that band.
        frame: rollout -> stratum, of all that could be drawn; None: the items.
        day: of January 2026 on which it was drawn.
        more: other values of the set.
    """
    counted = Counter(items.values())
    lab.warehouse.merge_all(
        {
            "calibration_set": [
                {
                    "set_id": set_id, "dimension": dimension, "family": FAMILY, "judge": None, "grader_version": None,
                    "rubric": {}, "rubric_hash": "h", "top": 4, "seed": 0, "n_wanted": len(items),
                    "n_frame": sum(strata.values()), "n_already_rated": 0, "frame_hash": "f", "allocation": "power",
                    "tail_from": 0.9, "tail_factor": 1.0, "raters": list(RATERS), "raters_per_item": 1,
                    "share_by_all": 0.0, "config": {}, "created_at": datetime(2026, 1, day, tzinfo=UTC), **more,
                }
            ],
            "calibration_stratum": [
                {
                    "set_id": set_id, "stratum": name, "policy": None,
                    "quality_band": name if name in ("low", "mid", "good", "top") else "unknown", "width": None,
                    "n_frame": n_frame, "n_sampled": counted[name], "sigma": 0.2, "sigma_source": "assumed",
                    "inclusion_probability": counted[name] / n_frame,
                }
                for name, n_frame in strata.items()
            ],
            "calibration_item": [
                {
                    "set_id": set_id, "rollout_id": rollout_id, "dimension": dimension, "stratum": stratum,
                    "inclusion_probability": counted[stratum] / strata[stratum],
                    "weight": strata[stratum] / counted[stratum], "raters_wanted": 1,
                }
                for rollout_id, stratum in items.items()
            ],
            "calibration_frame": [
                {"set_id": set_id, "rollout_id": rollout_id, "stratum": stratum}
                for rollout_id, stratum in (items if frame is None else frame).items()
            ],
        }
    )  # fmt: skip
