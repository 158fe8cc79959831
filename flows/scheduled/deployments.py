"""What is deployed: the flows, when they run, and what a file or the command line changes about that.

`assay serve`, `assay deploy` and `prefect.yaml` deploy the same: a test holds the last to what stands here.
"""

import inspect
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from flows.errors import SettingsError
from flows.settings import nearest

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.deployments.runner import RunnerDeployment
    from prefect.schedules import Schedule

Collision = Literal["ENQUEUE", "CANCEL_NEW"]


@dataclass(frozen=True)
class Standing:
    """One deployment."""

    name: str
    file: str
    """Where the flow stands, from the top of the project."""
    function: str
    description: str
    cron: str | None = None
    """None: only when somebody asks for it."""
    every_s: float | None = None
    """Seconds between two runs, in the place of a cron."""
    timezone: str = "UTC"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = 1
    """Runs of it at the same time."""
    collision: Collision = "ENQUEUE"
    """What becomes of a run that is one too many."""
    paused: bool | None = None
    """None: as it is."""

    @property
    def tags(self) -> list[str]:
        return ["taskassay"]

    @property
    def flow(self) -> "Flow[..., Any]":
        found: Flow[..., Any] = getattr(import_module(self.module), self.function)
        return found

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")

    @property
    def schedule(self) -> "Schedule | None":
        """When it runs.

        Raises:
            SettingsError: no such moment or place.
        """
        from prefect.schedules import Cron, Interval

        try:
            ZoneInfo(self.timezone)
            if self.every_s is not None:
                return Interval(self.every_s, timezone=self.timezone)
            return Cron(self.cron, timezone=self.timezone) if self.cron else None
        except (ValueError, ZoneInfoNotFoundError) as error:
            raise SettingsError(
                f"{self.name}: {self.when!r} is no schedule; write five fields such as '0 2 * * *', and a place such "
                f"as Europe/Berlin ({_first(error)})"
            ) from None

    @property
    def when(self) -> str:
        """When it runs, in words."""
        if self.every_s is not None:
            return f"every {self.every_s:g} s"
        return f"{self.cron} {self.timezone}" if self.cron else "when asked for"


DEPLOYMENTS = (
    Standing(
        name="nightly-evaluation",
        file="flows/scheduled/nightly.py",
        function="nightly_evaluation",
        description="Assays every family with the policies given, loads it and writes the report.",
        cron="0 2 * * *",
    ),
    Standing(
        name="grader-audit",
        file="flows/scheduled/audit.py",
        function="grader_audit",
        description="Report card of the graders: oracle, ladders, probes. Breached where something does not hold.",
        cron="0 4 * * 0",
    ),
    Standing(
        name="grader-audit-on-change",
        file="flows/scheduled/audit.py",
        function="grader_audit",
        description="Looks whether a grader, a rubric or a template has changed since its last audit, and audits it.",
        cron="7 * * * *",
        parameters={"only_if_changed": True},
        collision="CANCEL_NEW",
    ),
    Standing(
        name="calibration-sample",
        file="flows/scheduled/sample.py",
        function="calibration_sample",
        description="Draws what people are to rate from what came since the last draw.",
        cron="0 6 * * 1",
        parameters={"sample": {"dimension": "faithfulness"}},
    ),
    Standing(
        name="promotion-gate",
        file="flows/scheduled/gate.py",
        function="promotion_gate",
        description="Decides whether a candidate may take the place of a base: Promote or Hold.",
        limit=None,
    ),
)


class Change(BaseModel):
    """What a file says about one deployment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cron: str | None = None
    every_s: float | None = Field(default=None, ge=1)
    timezone: str | None = None
    paused: bool | None = None
    limit: int | None = Field(default=None, ge=1)
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _check(self) -> "Change":
        if self.cron is not None and self.every_s is not None:
            raise ValueError("say cron or every_s, not both")
        return self

    def applied(self, standing: Standing) -> Standing:
        """Return a deployment with what is said in the place of what it was; parameters group by group."""
        said = {name: value for name, value in self if value is not None and name != "parameters"}
        if "cron" in said or "every_s" in said:
            said = {"cron": None, "every_s": None} | said
        return replace(standing, **said, parameters={**standing.parameters, **self.parameters})


def chosen(
    names: Collection[str],
    *,
    file: Path | None = None,
    crons: Sequence[str] = (),
    timezone: str | None = None,
    paused: bool | None = None,
    place: Mapping[str, Any] | None = None,
) -> list[Standing]:
    """Return the deployments that are meant, with everything about them checked.

    Args:
        names: those that are wanted; empty: all.
        file: a TOML file with a table for each deployment that differs.
        crons: `NAME=CRON`, each; these overrule the file.
        timezone: of all crons that name none in the file.
        paused: whether schedules wait until somebody sets them going.
        place: `db` and `plugins` that all flows are given, as far as they take them.

    Raises:
        SettingsError: an unknown name, or something that cannot be used.
    """
    known = {standing.name: standing for standing in DEPLOYMENTS}
    for name in names:
        _require_known(name, known, "argument")
    if timezone is not None:
        known = {name: replace(standing, timezone=timezone) for name, standing in known.items()}
    for name, change in (_read_changes(file) if file else {}).items():
        _require_known(name, known, str(file))
        known[name] = change.applied(known[name])
    for pair in crons:
        name, _, cron = pair.partition("=")
        _require_known(name, known, f"--cron {pair!r}")
        known[name] = Change(cron=cron).applied(known[name])
    asked = [known[name] for name in known if not names or name in names]
    if paused is not None:
        asked = [replace(standing, paused=paused) for standing in asked]
    asked = [_placed(standing, place or {}) for standing in asked]
    for standing in asked:
        _refuse_passwords(standing)
        check_parameters(standing)
        _ = standing.schedule
    return asked


def as_prefect(standing: Standing, work_pool: str | None = None) -> "RunnerDeployment":
    """Return a deployment as Prefect knows it; its flow is found by the name of its module."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.deployments.runner import RunnerDeployment
    from prefect.types.entrypoint import EntrypointType

    limit = None
    if standing.limit is not None:
        limit = ConcurrencyLimitConfig(
            limit=standing.limit, collision_strategy=ConcurrencyLimitStrategy(standing.collision)
        )
    deployment = standing.flow.to_deployment(
        standing.name,
        schedule=standing.schedule,
        paused=standing.paused,
        concurrency_limit=limit,
        parameters=dict(standing.parameters),
        description=standing.description,
        tags=standing.tags,
        work_pool_name=work_pool,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    assert isinstance(deployment, RunnerDeployment)  # a coroutine only where it is called from one
    return deployment


def check_parameters(standing: Standing) -> None:
    """Refuse parameters that the flow would refuse.

    Raises:
        SettingsError: an unknown parameter, or a value that it cannot take.
    """
    known = {name: parameter.annotation for name, parameter in inspect.signature(standing.flow.fn).parameters.items()}
    for name, value in standing.parameters.items():
        if name not in known:
            raise SettingsError(f"{standing.name}: unknown parameter {name!r}; {nearest(name, known)}")
        try:
            TypeAdapter(known[name]).validate_python(value)
        except ValidationError as error:
            raise SettingsError(f"{standing.name}: parameter {_first(error, name)}") from None


def _refuse_passwords(standing: Standing) -> None:
    from flows.scheduled.parameters import refuse_password

    for group in (standing.parameters, standing.parameters.get("place")):
        db = group.get("db") if isinstance(group, Mapping) else None
        if isinstance(db, str):
            try:
                refuse_password(db)
            except SettingsError as error:
                raise SettingsError(f"{standing.name}: {error}") from None


def _placed(standing: Standing, place: Mapping[str, Any]) -> Standing:
    """Fill in what all flows are given, under what the deployment says for itself."""
    taken = inspect.signature(standing.flow.fn).parameters
    parameters = dict(standing.parameters)
    if "place" in taken and place:
        parameters["place"] = {**place, **parameters.get("place", {})}
    elif "db" in place:
        parameters = {"db": place["db"], **parameters}
    return replace(standing, parameters=parameters)


def _read_changes(path: Path) -> dict[str, Change]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file; --deployments wants a TOML file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML ({error})") from None
    changes = {}
    for name, table in tables.items():
        try:
            changes[name] = Change.model_validate(table)
        except ValidationError as error:
            raise SettingsError(f"{path}: {_first(error, name)}") from None
    return changes


def _require_known(name: str, known: Mapping[str, Any], place: str) -> None:
    if name not in known:
        raise SettingsError(f"{place}: there is no deployment {name!r}; {nearest(name, known)}")


def _first(error: Exception, within: str = "") -> str:
    """Return the first thing that is wrong: the field, what, and what was given."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    field_name = ".".join(str(part) for part in (within, *first["loc"]) if part != "")
    said = first["msg"].removeprefix("Value error, ")
    given = "" if isinstance(first["input"], Mapping) else f", got {first['input']!r}"
    return f"{field_name!r}: {said[0].lower()}{said[1:]}{given}" if field_name else f"{said}{given}"
