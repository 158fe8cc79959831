"""Comparing two runs: where every change of a mean came from.

Policies are matched by name. Outputs that are the same in both runs tell what the grader has changed; where outputs
differ and graders do too, the outputs of one run are graded again in memory, if the installed grader is that of the
other. Otherwise the change is not put down to either: nothing is guessed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from flows import console
from flows.errors import InputError
from flows.stored import as_rollouts, require_run, stored_instances
from flows.trust import NO_JUDGES, Told, told
from graders.grading import Graded, grade_rollout, grader, graders
from tasks_lib.records import content_hash
from warehouse import Warehouse
from warehouse.location import Location
from warehouse.stats.decomposition import Decomposition, Measured, decompose

COMPOSITE = "composite"
"""What the reward is called among the dimensions."""
SHOWN_FROM = 0.0005
"""Smaller parts are 0 to three decimals."""
_NOTHING_SHARED = "other tasks, and whatever policy and grader did: without a shared instance nobody can tell"

ATTEMPTS = """
    select rollout_id, family, instance_id, policy_id, sample, 'composite' as dimension, composite.low, composite.high
    from stg_attempt
    join composite using (rollout_id, rubric_id)
    where stg_attempt.is_graded and stg_attempt.run_id = $1
    union all
    select
        stg_attempt.rollout_id, stg_attempt.family, stg_attempt.instance_id, stg_attempt.policy_id, stg_attempt.sample,
        stg_score.dimension, stg_score.low, stg_score.high
    from stg_attempt
    join stg_score using (rollout_id)
    where not stg_attempt.is_lost and stg_score.state <> 'error' and stg_attempt.run_id = $1
"""

POLICIES = """
    select family, policy_id, any_value(policy) as policy, bool_or(is_group) as is_group, any_value(policy_kind) as kind
    from stg_attempt
    where run_id = ?
    group by family, policy_id
    order by family, policy_id
"""

VERSIONS = """
    select distinct
        stg_attempt.family, score.dimension, score.grader_id, score.grader_version, score.source,
        coalesce(score.is_trusted, true) as counts
    from score
    join stg_attempt using (rollout_id)
    where stg_attempt.run_id = ?
    order by all
"""

RUBRICS = """
    select distinct
        stg_attempt.family, stg_attempt.rubric_id, json_extract_string(rubric.content, '$.thresholds') as thresholds
    from stg_attempt
    left join rubric on rubric.rubric_id = stg_attempt.rubric_id
    where stg_attempt.run_id = ? and stg_attempt.rubric_id is not null
"""

# The same place and the same text: what differs there, the policy did not change. An import without outputs says
# nothing of what was handed in: two empty texts of it are not the same.
IDENTICAL = """
    select one.rollout_id as first, other.rollout_id as second
    from rollout as one
    join rollout as other
        on other.instance_id = one.instance_id and other.sample = one.sample and other.output = one.output
        and other.status = one.status
    where
        one.run_id = $1 and one.policy_id = $2 and one.status <> 'error'
        and other.run_id = $3 and other.policy_id = $4
        and (
            one.output <> ''
            or not exists (
                from run where run_id in ($1, $3) and json_extract_string(config, '$.imported') is not null
            )
        )
"""

ROLLOUTS = """
    select rollout.* from rollout join instance using (instance_id)
    where run_id = $1 and policy_id = $2 and family = $3 and status <> 'error'
"""


@dataclass(frozen=True)
class Version:
    """Who scored a dimension: every grader and judge with its version, and the numbers of the rubric they read."""

    graders: frozenset[tuple[str, str]]
    judges: frozenset[tuple[str, str]]
    rubric: str | None
    """The rubric for the composite, which puts dimensions together; for a dimension, the thresholds that it reads."""
    unheard: frozenset[str] = field(default=frozenset(), compare=False)
    """Judges whose verdicts are kept and do not count: they make no difference."""

    @property
    def is_one(self) -> bool:
        """True where no grader took part in two versions."""
        every = self.graders | self.judges
        return len({name for name, _ in every}) == len(every)

    def is_same(self, other: "Version") -> bool:
        """Tell whether the same output scores the same in both, but for the noise of judges."""
        return self.is_one and self == other


@dataclass(frozen=True)
class Pair:
    """A policy of the first run and the one of the second that it is held against."""

    family: str
    name: str
    first: str
    """policy_id in the first run."""
    second: str


@dataclass(frozen=True)
class Split:
    """The change of one mean and its parts."""

    pair: Pair
    dimension: str
    """`composite` for the reward."""
    found: Decomposition
    graders: str
    """What changed about the graders, in words; empty where nothing did."""

    def as_row(self) -> dict[str, Any]:
        """Return the change as one flat row."""
        found, parts = self.found, self.found.parts
        return {
            "family": self.pair.family, "policy": self.pair.name, "policy_before": self.pair.first,
            "policy_after": self.pair.second, "dimension": self.dimension, "before": found.before,
            "after": found.after, "change": found.change, "task_mix": parts.task_mix, "grader": parts.grader,
            "policy_part": parts.policy, "policy_low": found.policy_low, "policy_high": found.policy_high,
            "policy_or_grader": parts.inseparable, "unassessed": parts.unassessed, "n_before": found.n_before,
            "n_after": found.n_after, "n_shared": found.n_shared, "n_separable": found.n_separable,
            "grader_change": self.graders,
        }  # fmt: skip

    def sentence(self) -> str:
        """Say in a sentence what has changed and why."""
        what = f"{'reward' if self.dimension == COMPOSITE else self.dimension} of {self.pair.name}"
        found = self.found
        if abs(found.change) < SHOWN_FROM:
            verb = "stayed"
        else:
            verb = f"{'rose' if found.change > 0 else 'fell'} by {abs(found.change):.3f}"
        told = [
            f"{part:+.3f} {name}"
            for name, part in (
                ("task mix" if found.n_shared else _NOTHING_SHARED, found.parts.task_mix),
                (self.graders or "judge noise", found.parts.grader),
                (f"policy{self._interval()}", found.parts.policy),
                (f"policy or grader, not separable ({self.graders})", found.parts.inseparable),
                ("unassessed share", found.parts.unassessed),
            )
            if abs(part) >= SHOWN_FROM
        ]
        ends = f"({found.before:.3f} -> {found.after:.3f}"
        shared = f"{found.n_shared:,} shared instance{'' if found.n_shared == 1 else 's'})"
        return f"{what} {verb} {ends}, {shared}{': ' + ', '.join(told) if told else ''}."

    def _interval(self) -> str:
        if self.found.policy_low is None or self.found.policy_high is None:
            return ""
        return f" (95 % {self.found.policy_low:+.3f} to {self.found.policy_high:+.3f})"


@dataclass(frozen=True)
class Comparison:
    """What has changed from one run to another."""

    first: str
    second: str
    splits: tuple[Split, ...]
    unmatched: tuple[str, ...]
    """One line each: policies that only one of the runs has."""
    trust: Told = NO_JUDGES
    """What has to be said about the judges of both."""


def compare_runs(
    db: Location, first: str, second: str, mapped: Mapping[str, str] | None = None, dimension: str | None = None
) -> Comparison:
    """Split every change of a mean between two runs of one warehouse.

    Args:
        db: the warehouse; it is only read.
        first, second: the runs.
        mapped: policy of the first run -> the one of the second that it is held against; by name or identifier. Where
            given, no others are compared.
        dimension: this one only; `composite` is the reward.

    Raises:
        InputError: a run, policy or dimension is not there, or nothing can be compared.
        WarehouseError: the warehouse cannot be used.
    """
    if first == second:
        raise InputError(f"run {first} would be compared with itself; name two runs")
    with Warehouse.open(db, read_only=True) as warehouse:
        runs = (_Run(warehouse, db, first), _Run(warehouse, db, second))
        pairs, unmatched = _pairs(*runs, mapped or {})
        splits = [split for pair in pairs for split in _splits(warehouse, *runs, pair, dimension)]
        trust = told(warehouse, [first, second])
    if not splits:
        raise _nothing_in_common(*runs, pairs, unmatched, dimension)
    return Comparison(first, second, tuple(splits), tuple(unmatched), trust)


def _nothing_in_common(
    first: "_Run", second: "_Run", pairs: Sequence[Pair], unmatched: Sequence[str], dimension: str | None
) -> InputError:
    """Say what two runs lack: a policy that both have, or what was asked about it."""
    runs = f"runs {first.run_id} and {second.run_id}"
    if not pairs:
        return InputError(
            f"{runs} have no policy in common; hold two together with --policy A=B: {'; '.join(unmatched)}"
        )
    known = {name for pair in pairs for name in first.of(pair.family, pair.first)["dimension"].unique()}
    what = f"dimension {dimension!r}" if dimension else "rewards"
    return InputError(f"{runs} have no {what} of one policy in common; known: {', '.join(sorted(known))}")


class _Run:
    """What is read of one run."""

    def __init__(self, warehouse: Warehouse, db: Location, run_id: str) -> None:
        require_run(warehouse, db, run_id)
        self.run_id = run_id
        self.attempts = warehouse.sql(ATTEMPTS, [run_id])
        if not self.attempts.height:
            raise InputError(f"{db}: run {run_id} has no graded rollouts to compare")
        self.policies = warehouse.sql(POLICIES, [run_id])
        self._versions = warehouse.sql(VERSIONS, [run_id])
        self._rubrics = {
            family: (rubric, said) for family, rubric, said in warehouse.sql(RUBRICS, [run_id]).iter_rows()
        }

    def of(self, family: str, policy_id: str) -> pl.DataFrame:
        """Return what one policy scored: a row for every rollout and dimension."""
        return self.attempts.filter(pl.col("family").eq_missing(family), pl.col("policy_id") == policy_id)

    def version(self, family: str, dimension: str) -> Version:
        """Return who scored a dimension; the composite, who scored any."""
        rows = self._versions.filter(pl.col("family") == family)
        rubric, thresholds = self._rubrics.get(family, (None, None))
        if dimension != COMPOSITE:
            rows, rubric = rows.filter(dimension=dimension), thresholds
        heard, unheard = rows.filter("counts"), rows.filter(~pl.col("counts"))
        found = [(source, (name, version)) for _, _, name, version, source, _ in heard.iter_rows()]
        return Version(
            frozenset(who for source, who in found if source == "deterministic"),
            frozenset(who for source, who in found if source == "judge"),
            rubric,
            frozenset(unheard["grader_id"]),
        )

    def names(self, family: str) -> dict[str, list[str]]:
        """Return name -> policy_ids of the policies of a family that are compared unasked."""
        own = self.policies.filter(family=family)
        chosen = own.filter("is_group") if own["is_group"].any() else own.filter(pl.col("kind") != "ladder")
        names: dict[str, list[str]] = {}
        for name, policy_id in chosen.select("policy", "policy_id").iter_rows():
            names.setdefault(name, []).append(policy_id)
        return names


def _pairs(first: _Run, second: _Run, mapped: Mapping[str, str]) -> tuple[list[Pair], list[str]]:
    families = sorted(set(first.policies["family"].drop_nulls()) & set(second.policies["family"].drop_nulls()))
    if not families:
        raise InputError(f"runs {first.run_id} and {second.run_id} have no family in common")
    if mapped:
        return [pair for one, other in mapped.items() for pair in _mapped(first, second, one, other, families)], []
    pairs, unmatched = [], []
    for family in families:
        names = (first.names(family), second.names(family))
        for name in sorted(names[0].keys() & names[1].keys()):
            ids = (names[0][name], names[1][name])
            # One name in several regimes: only the same regime is the same policy.
            is_clear = len(ids[0]) == len(ids[1]) == 1
            same = [(ids[0][0], ids[1][0])] if is_clear else [(one, one) for one in ids[0] if one in ids[1]]
            pairs += [Pair(family, name if is_clear else one, one, other) for one, other in same]
        matched = [pair for pair in pairs if pair.family == family]
        for run, own, together in (
            (first, names[0], {pair.first for pair in matched}),
            (second, names[1], {pair.second for pair in matched}),
        ):
            alone = [one for ids in own.values() for one in ids if one not in together]
            unmatched += [f"{family}: {one} is in run {run.run_id} only" for one in alone]
    return pairs, unmatched


def _mapped(first: _Run, second: _Run, one: str, other: str, families: Sequence[str]) -> list[Pair]:
    found = []
    for family in families:
        ids = [_policy_id(run, family, name) for run, name in ((first, one), (second, other))]
        if ids[0] is not None and ids[1] is not None:
            found.append(Pair(family, one if one == other else f"{one} -> {other}", ids[0], ids[1]))
    if not found:
        for run, name in ((first, one), (second, other)):
            if not any(_policy_id(run, family, name) for family in families):
                known = ", ".join(sorted({*run.policies.filter(pl.col("kind") != "ladder")["policy"].drop_nulls()}))
                raise InputError(f"--policy: run {run.run_id} has no policy {name!r}; it has: {known}")
        raise InputError(f"--policy {one}={other}: the two attempted no family in common")
    return found


def _policy_id(run: _Run, family: str, name: str) -> str | None:
    """Return the policy that a name or identifier means.

    Raises:
        InputError: it means several.
    """
    own = run.policies.filter(pl.col("family") == family)
    if name in own["policy_id"]:
        return name
    ids = own.filter(pl.col("policy") == name)["policy_id"].to_list()
    if len(ids) > 1:
        raise InputError(f"--policy: {name!r} took part in run {run.run_id} in several regimes: {', '.join(ids)}")
    return ids[0] if ids else None


def _splits(warehouse: Warehouse, first: _Run, second: _Run, pair: Pair, dimension: str | None) -> Iterable[Split]:
    crossing = _Crossing(warehouse, first, second, pair)
    own = (first.of(pair.family, pair.first), second.of(pair.family, pair.second))
    dimensions = set(own[0]["dimension"]) & set(own[1]["dimension"])
    for name in sorted(dimensions, key=lambda name: (name != COMPOSITE, name)):
        if dimension in (None, name):
            parts = [frame.filter(dimension=name) for frame in own]
            measured = crossing.measured(name, *parts)
            change = _words(first.version(pair.family, name), second.version(pair.family, name))
            yield Split(pair, name, decompose(*measured), change)


class _Crossing:
    """What the outputs of one policy in one run are worth under the grader of the other run."""

    def __init__(self, warehouse: Warehouse, first: _Run, second: _Run, pair: Pair) -> None:
        self._warehouse, self._first, self._second, self._pair = warehouse, first, second, pair
        self._identical = warehouse.sql(IDENTICAL, [first.run_id, pair.first, second.run_id, pair.second])
        self._graded: dict[str, dict[str, Graded]] = {}

    def measured(
        self, dimension: str, before: pl.DataFrame, after: pl.DataFrame
    ) -> tuple[dict[str, Measured], dict[str, Measured]]:
        """Return, for either run, instance -> what was measured."""
        versions = [run.version(self._pair.family, dimension) for run in (self._first, self._second)]
        is_same = versions[0].is_same(versions[1])
        mids = [_mids(before), _mids(after)]
        sides: list[dict[str, Measured]] = []
        for side, frame in enumerate((before, after)):
            own, other = ("first", "second") if side == 0 else ("second", "first")
            crossed = (
                self._identical.select(pl.col(own).alias("rollout_id"), pl.col(other).alias("twin"))
                .join(mids[1 - side].rename({"rollout_id": "twin", "mid": "crossed"}), on="twin")
                .select("rollout_id", "crossed")
            )
            rows = frame.join(mids[side], on="rollout_id").join(crossed, on="rollout_id", how="left")
            if is_same:
                rows = rows.with_columns(pl.col("crossed").fill_null(pl.col("mid")))
            elif rows["crossed"].null_count() and self._is_installed(dimension, versions[side], versions[1 - side]):
                shared = set(before["instance_id"]) & set(after["instance_id"])
                rows = self._graded_again(rows, dimension, side, shared)
            sides.append(_by_instance(rows))
        return sides[0], sides[1]

    def _is_installed(self, dimension: str, own: Version, wanted: Version) -> bool:
        """Tell whether the grader that is installed is the one wanted; a judge is not asked again."""
        family = self._pair.family
        if own.judges or wanted.judges or family not in graders():
            return False
        installed = grader(family)
        rubric = installed.rubric
        if dimension == COMPOSITE:
            is_same_rubric = wanted.rubric == rubric.rubric_id
        else:
            is_same_rubric = _thresholds(wanted.rubric) == content_hash(rubric.thresholds)
        return is_same_rubric and wanted.graders == {(installed.grader_id, installed.version)}

    def _graded_again(self, rows: pl.DataFrame, dimension: str, side: int, shared: set[str]) -> pl.DataFrame:
        """Fill in what the installed grader makes of the outputs that have no twin."""
        graded = self._grades(side, shared, set(rows.filter(pl.col("crossed").is_null())["rollout_id"]))
        known = {name: mid for name, one in graded.items() if (mid := _mid(one, dimension)) is not None}
        again = pl.DataFrame(
            {"rollout_id": list(known), "again": list(known.values())},
            schema={"rollout_id": pl.String, "again": pl.Float64},
        )
        return rows.join(again, on="rollout_id", how="left").with_columns(
            pl.coalesce("crossed", "again").alias("crossed")
        )

    def _grades(self, side: int, shared: set[str], wanted: set[str]) -> dict[str, Graded]:
        run, policy_id = ((self._first, self._pair.first), (self._second, self._pair.second))[side]
        kept = self._graded.setdefault(run.run_id, {})
        rows = self._warehouse.sql(ROLLOUTS, [run.run_id, policy_id, self._pair.family]).filter(
            pl.col("instance_id").is_in(list(shared)), pl.col("rollout_id").is_in(list(wanted - kept.keys()))
        )
        if rows.height:
            console.say(f"grading {rows.height:,} outputs of run {run.run_id} again, to tell policy from grader")
        instances = {one.instance_id: one for one in stored_instances(self._warehouse, rows["instance_id"].unique())}
        kept.update((one.rollout_id, grade_rollout(instances[one.instance_id], one)) for one in as_rollouts(rows))
        return kept


def _mids(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("rollout_id", ((pl.col("low") + pl.col("high")) / 2).alias("mid"))


def _mid(graded: Graded, dimension: str) -> float | None:
    if dimension == COMPOSITE:
        return None if graded.composite is None else graded.composite.mid
    found = [score for score in graded.scores if score.dimension == dimension and score.state != "error"]
    return (found[0].low + found[0].high) / 2 if found else None


def _by_instance(rows: pl.DataFrame) -> dict[str, Measured]:
    """Average over the rollouts of an instance; what one of them is worth under the other grader must be known."""
    means = rows.group_by("instance_id").agg(
        pl.col("low").mean(),
        pl.col("high").mean(),
        pl.when(pl.col("crossed").null_count() == 0).then(pl.col("crossed").mean()).alias("crossed"),
    )
    return {name: Measured(low, high, crossed) for name, low, high, crossed in means.iter_rows()}


def _thresholds(said: str | None) -> str:
    return content_hash(json.loads(said) if said else {})


def _words(before: Version, after: Version) -> str:
    """Say what changed about the graders."""
    if before == after:
        return ""
    found = []
    for kind, old, new in (("grader", before.graders, after.graders), ("judge", before.judges, after.judges)):
        gone, come = dict(sorted(old - new)), dict(sorted(new - old))
        found += [f"{kind} version {gone[name]} -> {come[name]}" for name in gone if name in come]
        for name in gone:
            if name not in come:
                found.append(f"{kind} {name} {'does not count any more' if name in after.unheard else 'left out'}")
        for name in come:
            if name not in gone:
                found.append(f"{kind} {name} {'counts now' if name in before.unheard else 'new'}")
    if before.rubric != after.rubric:
        found.append("other rubric")
    return ", ".join(found)
