"""Settings: what a run does unless the command line says otherwise.

Order of precedence: command line, environment (`ASSAY_GROUP=8`), `.env`, the file given with `--config`, the
defaults below. This module and the command line are the only places that read the environment.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableVariableError

from flows.errors import SettingsError
from flows.object_store import object_store
from flows.places import DEFAULT_DB
from tasks_lib.models.limits import BatchLimits, Limits
from tasks_lib.records import Mode
from warehouse.location import Location, parse_location, without_password

PREFIX = "ASSAY_"
Names = Annotated[tuple[str, ...], NoDecode]
"""A list; in the environment and on the command line separated by commas."""
NOT_OF_THE_WORK = frozenset(
    {"db", "data_path", "runs", "reports", "reports_url"}
    | {"workers", "concurrency", "retries", "longest_wait_s", "timeout_s", "outage_s", "batch_poll_s"}
    | {"runner", "dask_address", "shards", "chunk_timeout_s"}
    | {"max_cost_usd", "max_tokens", "prices", "api_key_block"}
)
"""Settings that change how a run is done and not what it does: they may differ when it is taken up again."""
DEFAULT_POLICIES = ("sim/weak", "sim/mid", "sim/strong")


class Checkpoint(BaseModel):
    """What a policy was trained from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parent: str = Field(min_length=1)
    """Name or policy_id of a policy of the run or of the warehouse."""
    intervention: str | None = None
    """What was done to the parent, such as `sft` or `dpo`."""
    step: int | None = Field(default=None, ge=0)
    """Training step."""


def usable_cores() -> int:
    """Return how many cores this process may use; in a container that is often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    data_path: str | None = None
    """Folder or `s3://bucket/prefix` of the Parquet files of a lake; needed when it is made, kept in its catalogue."""
    db: Annotated[Location, NoDecode] = Path(DEFAULT_DB)
    """The warehouse: a DuckDB file, or `ducklake:` and a catalogue."""
    runs: Path | None = None
    """Folder of the runs that are not finished; unset: `<db>.runs` beside a file, `assay.runs` for a lake."""
    reports: Path | None = None
    """Folder where flows leave reports; unset: `reports` beside the warehouse, for runs of a deployment only."""
    reports_url: str | None = None
    """Where that folder is served, such as `http://127.0.0.1:8091`; the Prefect UI then links each report."""
    families: Names = ()
    """Families to assay; empty: all that are registered."""
    n: int = Field(default=30, ge=1, le=100_000)
    """Instances per family."""
    seed: int = Field(default=0, ge=0)
    difficulty: Annotated[tuple[float, float], NoDecode] = (0.0, 1.0)
    """Range of difficulty that the instances are spread over, `0.2:0.8` or `0.5`."""
    mode: Mode = "multi"
    """`multi`: the evidence is reached through tools; `single`: all of it is in the prompt."""
    policies: Names = DEFAULT_POLICIES
    """Who attempts the instances, beside the oracle, the ladders and the probes."""
    group: int = Field(default=16, ge=1, le=4096)
    """Rollouts of one policy on one instance."""
    audit: bool = True
    """Also grade the oracle, the ladders and the probes of every family."""
    weak: str | None = None
    """Anchor of the difficulty; unset: `sim/weak` where it takes part, else the first policy."""
    strong: str | None = None
    """Anchor of the difficulty; unset: `sim/strong` where it takes part, else the last policy."""
    span: Names = ()
    """Policies from the weakest to the strongest; they take part, and the ends are the anchors."""
    chunk_size: int = Field(default=500, ge=1, le=100_000)
    """Rollouts per chunk; one chunk is one Prefect task and one shard."""
    workers: int = Field(default_factory=usable_cores, ge=1, le=256)
    """Worker processes."""
    runner: Literal["local", "dask"] = "local"
    """Where chunks are worked on: in worker processes of this run, or on a Dask cluster."""
    dask_address: str | None = None
    """The scheduler of a Dask cluster, `tcp://host:8786`; unset: one of this run's own, with as many workers."""
    shards: str | None = None
    """Folder or URL (`s3://bucket/runs`) where chunks leave what they found until it is loaded; unset: beside the
    warehouse."""
    chunk_timeout_s: float = Field(default=3600.0, gt=0)
    """Seconds that a worker may take for a chunk; the wait for models does not count."""
    thresholds: dict[str, float] = {}
    """Numbers of the verdict rules that differ from the warehouse's defaults; recorded with the run."""
    checkpoints: dict[str, Checkpoint] = {}
    """Policies that were trained from others, `[checkpoints."NAME"]` with parent, intervention and step."""
    concurrency: int = Field(default=8, ge=1, le=1024)
    """Calls to one model at the same time."""
    retries: int = Field(default=5, ge=0, le=20)
    """Further tries of a call whose failure may pass."""
    longest_wait_s: float = Field(default=60.0, ge=0)
    """Seconds between two tries at most, also where the server asks for more."""
    timeout_s: float = Field(default=600.0, gt=0)
    """Seconds that an answer may take."""
    outage_s: float = Field(default=900.0, ge=0)
    """A model that does not answer for so many seconds stops the run."""
    max_cost_usd: float | None = Field(default=None, gt=0)
    """US dollars that a run may spend on models; it stops before the call that might pass them."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens, read and written, that a run may spend on models."""
    prices: Path | None = None
    """A TOML file of prices of your own, which come before the list prices."""
    api_key_block: str | None = Field(default=None, min_length=1)
    """Name of the Prefect Secret block that holds the API key; unset: ANTHROPIC_API_KEY."""
    batch: bool = False
    """Have models answer in batches: half the price, within a day, single mode only."""
    batch_poll_s: float = Field(default=30.0, gt=0)
    """Seconds between two looks at a batch."""
    judges: Names = ()
    """Judges of what code leaves open, `anthropic/<model>`; several are a panel."""
    judge_replicates: int = Field(default=1, ge=1, le=16)
    """Independent calls of each judge about one dimension of one rollout."""
    judge_scope: Literal["open", "attacks", "all"] = "open"
    """What judges are asked about: `open` what code left open, `attacks` also all about outputs that test a judge,
    `all` also what code has settled."""
    trust: Literal["calibrated", "any"] = "calibrated"
    """Whose verdicts narrow rewards: judges calibrated on people's ratings, or `any`, which is marked everywhere."""
    plugins: Names = ()
    """Modules to import in every process; they register families, graders and policies of your own."""

    @field_validator("db", mode="before")
    @classmethod
    def _parse_db(cls, value: Any, already: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return value
        return parse_location(value, already.data.get("data_path"), object_store())

    @field_serializer("db")
    def _show_db(self, value: Location) -> str:
        return str(value)

    @field_validator("families", "policies", "span", "judges", "plugins", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @field_validator("reports_url")
    @classmethod
    def _check_reports_url(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s<>@?#]+", value):
            raise ValueError("write where the folder is served, http://host:port, without a user name or parameters")
        return value

    @field_validator("difficulty", mode="before")
    @classmethod
    def _parse_difficulty(cls, value: Any) -> Any:
        return parse_difficulty(value) if isinstance(value, (str, int, float)) else value

    @field_validator("difficulty")
    @classmethod
    def _check_difficulty(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] <= value[1] <= 1:
            raise ValueError("write LOW:HIGH with 0 <= LOW <= HIGH <= 1, for example 0.2:0.8")
        return value

    @field_validator("span")
    @classmethod
    def _check_span(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) == 1 or len(set(value)) < len(value):
            raise ValueError("name two different policies at least, the weakest first")
        return value

    @field_validator("families", "policies", "judges")
    @classmethod
    def _check_unique(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))

    @model_validator(mode="after")
    def _check_anchors(self) -> "Settings":
        for anchor in ("weak", "strong"):
            name = getattr(self, anchor)
            if name is not None and self.span:
                raise ValueError(f"give a span or the {anchor} anchor, not both: the ends of a span are the anchors")
            if name is not None and name not in self.policies:
                raise ValueError(f"the {anchor} anchor {name!r} is none of the policies {', '.join(self.policies)}")
        return self

    @property
    def anchors(self) -> tuple[str | None, str | None]:
        """Names of the weak and the strong policy that a difficulty is quoted against; None where there is none."""
        if self.span:
            return self.span[0], self.span[-1]
        first, last = (self.policies[0], self.policies[-1]) if self.policies else (None, None)
        weak = self.weak or ("sim/weak" if "sim/weak" in self.policies else first)
        strong = self.strong or ("sim/strong" if "sim/strong" in self.policies else last)
        # One policy is no span: whatever it is measured against must be another.
        return weak, strong if strong != weak else None

    @property
    def call_limits(self) -> Limits:
        """How hard calls are tried, and how many at a time."""
        return Limits(
            concurrency=self.concurrency,
            retries=self.retries,
            longest_wait_s=self.longest_wait_s,
            outage_s=self.outage_s,
        )

    @property
    def batch_limits(self) -> BatchLimits:
        """How batches are watched."""
        return BatchLimits(poll_s=self.batch_poll_s, outage_s=self.outage_s)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave out secret files: nothing here is secret."""
        return init_settings, env_settings, dotenv_settings


def parse_difficulty(value: str | float) -> tuple[float, float]:
    """Parse `LOW:HIGH`, or one number for both ends."""
    low, _, high = str(value).partition(":")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise ValueError("write LOW:HIGH with 0 <= LOW <= HIGH <= 1, for example 0.2:0.8") from None


def read_settings(config: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Put the settings together.

    Args:
        config: a TOML file; the environment and `.env` overrule it.
        overrides: what the command line said; None means not said.

    Raises:
        SettingsError: a name that does not exist or a value out of range.
    """
    said = {name: value for name, value in (overrides or {}).items() if value is not None}
    from_file = _read_config(config) if config else {}
    _refuse_unknown_variables()
    below = {name: value for name, value in from_file.items() if name not in said and not _in_environment(name)}
    try:
        return _with_span(Settings(**{**below, **said}))
    except ValidationError as error:
        raise SettingsError(_first_error(error, config, from_file, said)) from None
    except UnreadableVariableError as error:
        raise SettingsError(f"environment or .env: {error}; write it as JSON") from None


def _with_span(settings: Settings) -> Settings:
    """Let the policies of a span take part; they alone where no others were named."""
    named = settings.policies if "policies" in settings.model_fields_set else ()
    if not settings.span:
        return settings
    return settings.model_copy(update={"policies": tuple(dict.fromkeys((*named, *settings.span)))})


def _read_config(path: Path) -> dict[str, Any]:
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file; --config wants a TOML file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML ({error})") from None
    for name in fields:
        if name not in Settings.model_fields:
            raise SettingsError(f"{path}: unknown field {name!r}; {nearest(name, Settings.model_fields)}")
    return fields


def nearest(name: str, known: Mapping[str, Any] | list[str]) -> str:
    """Return a clause that names the nearest valid name, or all of them."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known names: {', '.join(known)}"


def _set_variables() -> dict[str, str]:
    """Return the name of every ASSAY_ variable and where it stands."""
    found = {}
    dotenv = Path(".env")
    if dotenv.is_file():
        for line in dotenv.read_text(encoding="utf-8", errors="replace").splitlines():
            name = line.strip().removeprefix("export ").partition("=")[0].strip()
            if name.upper().startswith(PREFIX):
                found[name.upper()] = ".env"
    found.update({name.upper(): "environment" for name in os.environ if name.upper().startswith(PREFIX)})
    return found


def _refuse_unknown_variables() -> None:
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    for name, place in _set_variables().items():
        if name not in known:
            raise SettingsError(f"{place}: unknown variable {name!r}; {nearest(name, known)}")


def _in_environment(name: str) -> bool:
    return f"{PREFIX}{name.upper()}" in _set_variables()


def _first_error(
    error: ValidationError, config: Path | None, from_file: Mapping[str, Any], said: Mapping[str, Any]
) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if not name:
        return message
    variables = _set_variables()
    variable = f"{PREFIX}{name.upper()}"
    if name in said:
        place = f"--{name.replace('_', '-')}"
    elif variable in variables:
        place = f"{variables[variable]}: variable {variable}"
    elif name in from_file:
        field = ".".join(part for part in first["loc"] if isinstance(part, str))
        place = f"{config}: field {field!r}"
    else:
        place = f"setting {name!r}"
    return f"{place}: {message}, got {_shown(first['input'])!r}"


def _shown(value: Any) -> Any:
    return without_password(value) if isinstance(value, str) else value
