"""What can be said to a scheduled flow: the fields of its form in the Prefect UI, each with its range and meaning.

What stands in the form is what is done. Only what belongs to the machine that does the work (which warehouse, how many
processes, how models are called) follows the environment and `.env` of that machine where the form leaves it open.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flows.errors import SettingsError
from flows.settings import DEFAULT_POLICIES, Settings, read_settings
from tasks_lib.records import Mode
from warehouse.location import Lake, Location, parse_location, passwords

SAFE_DB = r"^(?!ducklake:.*([pP][aA][sS][sS][wW][oO][rR][dD]\s*=|://[^:/@\s]*:[^@\s]*@))"
"""What a warehouse in a parameter looks like: the server refuses others, before it keeps them for everybody to read."""
Db = Annotated[
    str | None,
    Field(
        min_length=1,
        title="Warehouse",
        description="The warehouse, without a password; empty: ASSAY_DB of the machine that does the work.",
        json_schema_extra={"pattern": SAFE_DB},
    ),
]


class Group(BaseModel):
    """A part of the form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def as_settings(self) -> dict[str, Any]:
        """Return the settings that the fields stand for; None: not said."""
        return self.model_dump()


class Tasks(Group):
    """What is attempted."""

    families: list[str] = Field(
        default=[],
        title="Families",
        description="Kinds of task, such as doc_revision; none: all that are registered.",
    )
    n: int = Field(default=30, ge=1, le=100_000, title="Instances", description="Instances of every family.")
    seed: int | None = Field(
        default=0,
        ge=0,
        title="Seed",
        description="The same seed makes the same instances, so that runs can be compared; empty: new ones every time.",
    )
    difficulty_from: float = Field(
        default=0.0, ge=0, le=1, title="Difficulty from", description="Difficulty of the easiest instance."
    )
    difficulty_to: float = Field(
        default=1.0, ge=0, le=1, title="Difficulty to", description="Difficulty of the hardest instance."
    )
    mode: Mode = Field(
        default="multi",
        title="Mode",
        description="multi: the evidence is reached through tools; single: all of it is in the prompt.",
    )

    @model_validator(mode="after")
    def _check(self) -> "Tasks":
        if self.difficulty_from > self.difficulty_to:
            raise ValueError("the easiest instance is harder than the hardest; let 'Difficulty from' be the smaller")
        return self

    def as_settings(self) -> dict[str, Any]:
        kept = self.model_dump(exclude={"difficulty_from", "difficulty_to"})
        return {**kept, "difficulty": (self.difficulty_from, self.difficulty_to)}


class Attempts(Group):
    """Who attempts it, and how often."""

    policies: list[str] = Field(
        default=list(DEFAULT_POLICIES),
        title="Policies",
        description="Who attempts, such as anthropic/MODEL, sim/weak or replay:FILE.jsonl.",
    )
    span: list[str] = Field(
        default=[],
        title="Span",
        description="Policies from the weakest to the strongest; they take part, and a difficulty is quoted against "
        "the ends.",
    )
    group: int = Field(default=16, ge=1, le=4096, title="Group", description="Rollouts of one policy on one instance.")
    audit: bool = Field(
        default=True, title="Audit", description="Also grade the oracle, the ladders and the probes of every family."
    )

    @model_validator(mode="after")
    def _check(self) -> "Attempts":
        if not (self.policies or self.span or self.audit):
            raise ValueError("nobody attempts anything: name a policy, or switch the audit on")
        return self


class Audited(Group):
    """Which graders are audited, and on what."""

    families: list[str] = Field(
        default=[],
        title="Families",
        description="Kinds of task whose graders are audited; none: all that are registered.",
    )
    n: int = Field(default=30, ge=1, le=100_000, title="Instances", description="Instances of every family.")
    seed: int = Field(default=0, ge=0, title="Seed", description="The same seed makes the same instances.")


class AuditJudging(Group):
    """Judges whose resistance to attacks is audited as well."""

    judges: list[str] = Field(default=[], title="Judges", description="Judges, anthropic/MODEL; none: code alone.")
    judge_replicates: int = Field(
        default=1, ge=1, le=16, title="Replicates", description="Independent calls of each judge about one dimension."
    )
    trust: Literal["calibrated", "any"] = Field(
        default="calibrated",
        title="Trust",
        description="Whose verdicts narrow rewards: judges calibrated on people's ratings, or any, which is marked.",
    )

    def as_settings(self) -> dict[str, Any]:
        return {**self.model_dump(), "judge_scope": "attacks"}


class Judging(Group):
    """Who judges what code leaves open."""

    judges: list[str] = Field(
        default=[], title="Judges", description="Judges, anthropic/MODEL; several are a panel; none: code alone."
    )
    judge_replicates: int = Field(
        default=1, ge=1, le=16, title="Replicates", description="Independent calls of each judge about one dimension."
    )
    judge_scope: Literal["open", "attacks", "all"] = Field(
        default="open",
        title="Scope",
        description="open: what code left open; attacks: also all about outputs that test a judge; all: also what code "
        "has settled.",
    )
    trust: Literal["calibrated", "any"] = Field(
        default="calibrated",
        title="Trust",
        description="Whose verdicts narrow rewards: judges calibrated on people's ratings, or any, which is marked.",
    )


class Limits(Group):
    """How models are called, and what that may cost."""

    max_cost_usd: float | None = Field(
        default=None, gt=0, title="US dollars", description="Stop before the call that might pass so many US dollars."
    )
    max_tokens: int | None = Field(
        default=None, ge=1, title="Tokens", description="Stop before the call that might pass so many tokens."
    )
    concurrency: int | None = Field(
        default=None, ge=1, le=1024, title="Calls at once", description="Calls to one model at the same time."
    )
    batch: bool = Field(
        default=False, title="Batches", description="Models answer in batches: half the price, within a day."
    )
    api_key_block: str | None = Field(
        default=None,
        min_length=1,
        title="Key",
        description="Name of the Prefect Secret block that holds the API key; empty: ANTHROPIC_API_KEY of the machine.",
    )
    tries: int = Field(
        default=3,
        ge=1,
        le=10,
        title="Tries",
        description="How often a run is taken up that breaks off for a reason that may pass, after 1, 2, 4 ... "
        "minutes.",
    )

    def as_settings(self) -> dict[str, Any]:
        return self.model_dump(exclude={"tries"})


class Threshold(BaseModel):
    """A number of the verdict rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, title="Name", description="As `assay sql 'from default_threshold'` lists them.")
    value: float = Field(title="Value", description="What holds for this run.")


class Place(Group):
    """Where it is kept, and in what portions it is worked on."""

    db: Db = None
    plugins: list[str] = Field(
        default=[],
        title="Plugins",
        description="Modules that register families, graders or policies of your own.",
    )
    chunk_size: int = Field(
        default=500, ge=1, le=100_000, title="Chunk", description="Rollouts of one chunk, which is one task run."
    )
    thresholds: list[Threshold] = Field(
        default=[], title="Thresholds", description="Numbers of the verdict rules that differ from the defaults."
    )

    @model_validator(mode="after")
    def _check(self) -> "Place":
        names = [threshold.name for threshold in self.thresholds]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"threshold {twice[0]!r} stands there twice")
        return self

    def as_settings(self) -> dict[str, Any]:
        numbers = {threshold.name: threshold.value for threshold in self.thresholds}
        return {
            **self.model_dump(exclude={"thresholds"}),
            "plugins": self.plugins or None,
            "thresholds": numbers,
        }


class Machines(Group):
    """Which processes and machines do the work; what is left empty is as the machine of the flow run has it."""

    runner: Literal["local", "dask"] | None = Field(
        default=None,
        title="Runner",
        description="local: processes of this machine; dask: a Dask cluster; empty: ASSAY_RUNNER, else local.",
    )
    dask_address: str | None = Field(
        default=None,
        pattern=r"^[a-z]+://[^@\s]+$",
        title="Cluster",
        description="Scheduler of the cluster, tcp://HOST:8786; empty: ASSAY_DASK_ADDRESS, else with dask a cluster of "
        "the flow run's own on its machine.",
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        le=256,
        title="Workers",
        description="Worker processes where they are the flow run's own; empty: one for every core.",
    )
    shards: str | None = Field(
        default=None,
        pattern=r"^[^@\s]+$",
        title="Shards",
        description="Folder or s3://BUCKET/PREFIX that all machines reach, where finished chunks wait to be loaded; "
        "empty: ASSAY_SHARDS, else beside the warehouse.",
    )
    chunk_timeout_s: float | None = Field(
        default=None,
        gt=0,
        title="Seconds for a chunk",
        description="A chunk that takes a worker longer is tried once more, then the run breaks off and can be taken "
        "up; empty: 3600.",
    )


class Candidate(BaseModel):
    """Who would take whose place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str = Field(min_length=1, title="Base", description="The policy in place: a name or policy_id.")
    candidate: str = Field(min_length=1, title="Candidate", description="The policy that would take its place.")
    family: str | None = Field(default=None, title="Family", description="Kind of task, where both attempted several.")
    split: str | None = Field(
        default=None, title="Split", description="Where conditions are measured that name no split of their own."
    )
    runs: list[str] = Field(default=[], title="Runs", description="Only these runs; none: all completed ones.")
    conditions: str | None = Field(
        default=None,
        min_length=1,
        title="Conditions",
        description="A TOML file of conditions on the machine that does the work; empty: the published five.",
    )


class Sample(BaseModel):
    """What people are given to rate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: str = Field(min_length=1, title="Dimension", description="The quality that people are to rate.")
    n: int = Field(default=50, ge=1, title="Items", description="Items to draw; where fewer came, all of them.")
    family: str | None = Field(
        default=None, title="Family", description="Kind of task, where several have the dimension."
    )
    judge: str | None = Field(
        default=None, title="Judge", description="Whose verdicts band the rollouts; empty: the only judge, if one."
    )
    policies: list[str] = Field(
        default=[], title="Policies", description="Only these; none: models, replays and simulated policies."
    )
    raters: list[str] = Field(default=[], title="Raters", description="Who rates; none: the items are open to anyone.")
    raters_per_item: int | None = Field(
        default=None, ge=1, title="Raters of an item", description="Ratings of an item that is not rated by all."
    )
    share_by_all: float = Field(
        default=0.1, ge=0, le=1, title="Share rated by all", description="Share of the items that all rate."
    )
    tail_factor: float = Field(
        default=2.0, ge=1, title="Tail", description="How much more of the high-quality tail is drawn."
    )
    label: str | None = Field(
        default=None,
        pattern=r"^[\w.-]{1,40}$",
        title="Label",
        description="What tells this set from the others; empty: when the flow run was to start.",
    )


def settings_of(groups: Iterable[Group], **more: Any) -> Settings:
    """Put the settings of a run together: what the form says, and for the rest the environment of this machine.

    Raises:
        SettingsError: fields that contradict each other, or a password among them.
    """
    said: dict[str, Any] = {}
    for group in groups:
        said |= group.as_settings()
    refuse_password(said.get("db"))
    return read_settings(None, said | more)


def warehouse_of(db: str | None) -> Location:
    """Return the warehouse that a parameter names, else that of this machine.

    Raises:
        SettingsError: a password stands in it.
    """
    refuse_password(db)
    return read_settings(None, {"db": db}).db


def refuse_password(db: str | None) -> None:
    """Refuse a warehouse with a password in it as a parameter: Prefect keeps parameters, and shows them.

    Raises:
        SettingsError: there is one.
    """
    location = parse_location(db or "")
    if isinstance(location, Lake) and passwords(location.connection):
        raise SettingsError(
            "parameter 'db': Prefect shows parameters to everybody who reaches its server, so that they are no place "
            "for a password; leave it out, and set PGPASSWORD or write a .pgpass file where the work is done"
        )
