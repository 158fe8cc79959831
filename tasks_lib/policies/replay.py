"""Replay: outputs recorded elsewhere, read from JSON lines and handed in as they are."""

from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

from pydantic import Field, model_validator

from tasks_lib.family import Family
from tasks_lib.jsonl import BadLinesError, read_lines, refuse_repeats
from tasks_lib.policies.base import NotApplicableError, Policy
from tasks_lib.records import Attempt, Record, RolloutStatus, Step, TaskInstance, policy_spec


class RecordedOutput(Record):
    """One line of a recorded-outputs file."""

    instance_id: str
    policy: str
    sample: int = Field(default=0, ge=0)
    output: str
    transcript: tuple[Step, ...] = ()
    status: RolloutStatus = "completed"
    """`error` for an attempt that was lost: it is counted apart and not graded."""
    error: str | None = None
    """Cause of the loss."""
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    cost_usd: float | None = None
    latency_s: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _check_cause(self) -> "RecordedOutput":
        if self.status == "error" and not self.error:
            raise ValueError("an attempt that was lost needs its cause in the field error")
        return self


_OF_THE_PLACE = {"instance_id", "policy", "sample"}
_HINT = (
    "expected one JSON object a line with instance_id, policy, sample (0, 1, 2, ... within a group), output, "
    "optional transcript, status, error, tokens, cost_usd, latency_s"
)


@cache
def read_outputs(path: Path) -> tuple[RecordedOutput, ...]:
    """Read a recorded-outputs file.

    Raises:
        BadLinesError: not text, not JSON lines, a missing or unknown field, or one key twice.
    """
    records = read_lines(path, RecordedOutput, _HINT)
    return tuple(refuse_repeats(path, records, lambda r: f"sample {r.sample} of {r.policy} on {r.instance_id}", _HINT))


class ReplayPolicy:
    """Hands in the recorded output of (instance, sample)."""

    def __init__(self, recorded_policy: str, records: Iterable[RecordedOutput]) -> None:
        self.outputs = {
            (record.instance_id, record.sample): record for record in records if record.policy == recorded_policy
        }
        self.spec = policy_spec(recorded_policy, "replay")

    def only(self, instance_ids: Collection[str]) -> "ReplayPolicy":
        """Return the same policy with its outputs on some instances and no others."""
        kept = [record for (instance_id, _), record in self.outputs.items() if instance_id in instance_ids]
        return ReplayPolicy(self.spec.name, kept)

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        record = self.outputs.get((instance.instance_id, sample))
        if record is None:
            raise NotApplicableError(
                f"no recorded output of {self.spec.name} for {instance.instance_id}, sample {sample}"
            )
        fields = {name: getattr(record, name) for name in RecordedOutput.model_fields if name not in _OF_THE_PLACE}
        return Attempt(**{**fields, "output": "" if record.status == "error" else record.output})


def build(rest: str) -> Policy:
    """Build `replay:<file.jsonl>`, or `replay:<file.jsonl>:<policy>` where the file holds several."""
    path_text, _, wanted = rest.partition(".jsonl:")
    path = Path(f"{path_text}.jsonl" if wanted else rest)
    names = sorted({record.policy for record in read_outputs(path)})
    if wanted and wanted not in names:
        raise BadLinesError(f"{path}: no outputs of policy {wanted!r}; it holds {', '.join(names)}")
    if not wanted and len(names) > 1:
        raise BadLinesError(f"{path}: holds {len(names)} policies; name one: replay:{path}:{names[0]}")
    return ReplayPolicy(wanted or names[0], read_outputs(path))
