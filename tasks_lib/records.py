"""The records that travel between the stages: frozen data, no behaviour.

Every field that is a quantity says its unit. Identifiers are content hashes, so that the same inputs
give the same identifier on any machine and writing a record twice is harmless.
"""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["multi", "single"]
PolicyKind = Literal["model", "simulated", "probe", "ladder", "oracle", "replay"]
RolloutStatus = Literal["completed", "refused", "truncated", "step_limit", "error"]
ScoreState = Literal["assessed", "partial", "unassessed", "error"]
ScoreSource = Literal["deterministic", "judge"]


# Made once: `json.dumps` makes one for every call, which is a third of what a short text takes.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN."""
    return _CANONICAL.encode(value)


def content_hash(*parts: Any, length: int = 12) -> str:
    """Return the first `length` hex digits of the SHA-256 of the canonical JSON of `parts`."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:length]


class Record(BaseModel):
    """Base of every record: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskInstance(Record):
    """One concrete task."""

    instance_id: str
    """Family and short content hash, `spreadsheet_clean-1f0c9a2b7d3e`."""
    family: str
    template_version: str
    archetype: str
    seed: int
    difficulty: float | None = Field(default=None, ge=0, le=1)
    """Position on the family's difficulty scale, 0..1; None where knobs were set by hand."""
    knobs: dict[str, Any]
    mode: Mode = "multi"
    split: str = "train"
    prompt: str
    materials: dict[str, str]
    """What the policy may see: file name -> text."""
    truth: dict[str, Any]
    """What only graders see."""


class PolicySpec(Record):
    """Who attempts, under which exact conditions."""

    policy_id: str
    """The name alone, or `name#hash` of the regime where the regime has fields."""
    name: str
    kind: PolicyKind
    regime: dict[str, Any] = {}
    parent: str | None = None
    """policy_id of the checkpoint this one was trained from."""
    intervention: str | None = None
    """What was done to the parent to obtain this checkpoint."""
    step: int | None = None
    """Training step of the checkpoint."""


def policy_spec(name: str, kind: PolicyKind, regime: dict[str, Any] | None = None) -> PolicySpec:
    """Build a spec whose identifier follows from its name and regime."""
    regime = regime or {}
    policy_id = f"{name}#{content_hash(regime, length=8)}" if regime else name
    return PolicySpec(policy_id=policy_id, name=name, kind=kind, regime=regime)


class ToolCall(Record):
    """One use of a tool by a policy."""

    tool: str
    arguments: dict[str, Any] = {}


class Step(Record):
    """One tool call and what the environment answered."""

    tool: str
    arguments: dict[str, Any]
    observation: str | None
    """None where the policy is deterministic code: the environment can play the call again."""
    observation_chars: int
    is_error: bool = False
    said: str | None = None
    """What a model wrote beside the call; with the first call of an answer that holds several."""
    thinking: str | None = None
    """What it thought before the call, where the API shows it."""


class Attempt(Record):
    """What a policy left behind on one instance, before it is given its place in a run."""

    status: RolloutStatus
    output: str
    transcript: tuple[Step, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = 0.0
    """None where the price of the model is unknown."""
    latency_s: float | None = None
    """Seconds that its calls took; None: whoever watches the attempt takes the time."""
    error: str | None = None


class Rollout(Record):
    """One attempt in its place: run, instance, policy, sample."""

    rollout_id: str
    run_id: str
    instance_id: str
    policy_id: str
    sample: int = Field(ge=0)
    status: RolloutStatus
    output: str
    transcript: tuple[Step, ...] = ()
    steps: int
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = 0.0
    latency_s: float
    error: str | None = None


def rollout_id(run_id: str, instance_id: str, policy_id: str, sample: int) -> str:
    """Return the key of one rollout; the same place in a run always has the same key."""
    return content_hash(run_id, instance_id, policy_id, sample, length=20)


class Score(Record):
    """One dimension of one rollout as one grader saw it: an interval in 0..1 with a state."""

    rollout_id: str
    dimension: str
    grader_id: str
    replicate: int = 0
    family: str
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    state: ScoreState
    source: ScoreSource
    reason: str
    evidence: dict[str, Any] = {}
    grader_version: str
    is_trusted: bool | None = None
    """Verdict of a judge: it may narrow what code left open. None: code, or nobody decided, and it counts."""


class Facet(Record):
    """A part of a dimension, stored so that kinds of damage can be told apart."""

    rollout_id: str
    dimension: str
    facet: str
    grader_id: str
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)


class Composite(Record):
    """The dimensions of one rollout put together under one rubric."""

    rollout_id: str
    rubric_id: str
    uncapped_low: float
    uncapped_high: float
    low: float
    high: float
    mid: float
    additive_mid: float
    """Plain weighted mean of midpoints with hard caps: the reference harness's formula."""
    work_low: float
    work_high: float
    cap: float
    """Product of the ceilings that the flags put on the composite, 1 where none."""
    flags: tuple[str, ...]
    assessed_weight: float
    ready: bool
    """True where enough of the weight is assessed to train on."""
    reward: float
    """The composite's low end: what is proven."""
