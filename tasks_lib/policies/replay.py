"""Replay: outputs recorded elsewhere, read from JSON lines and handed in as they are."""

from functools import cache
from pathlib import Path

from pydantic import Field

from tasks_lib.family import Family
from tasks_lib.jsonl import BadLinesError, read_lines, refuse_repeats
from tasks_lib.policies.base import NotApplicableError, Policy
from tasks_lib.records import Attempt, Record, Step, TaskInstance, policy_spec


class RecordedOutput(Record):
    """One line of a recorded-outputs file."""

    instance_id: str
    policy: str
    sample: int = Field(default=0, ge=0)
    output: str
    transcript: tuple[Step, ...] = ()


_HINT = (
    "expected one JSON object a line with instance_id, policy, sample (0, 1, 2, ... within a group), output, "
    "optional transcript"
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

    def __init__(self, path: Path, recorded_policy: str) -> None:
        self.outputs = {
            (record.instance_id, record.sample): record
            for record in read_outputs(path)
            if record.policy == recorded_policy
        }
        self.spec = policy_spec(recorded_policy, "replay")

    def attempt(self, family: Family, instance: TaskInstance, sample: int) -> Attempt:
        record = self.outputs.get((instance.instance_id, sample))
        if record is None:
            raise NotApplicableError(
                f"no recorded output of {self.spec.name} for {instance.instance_id}, sample {sample}"
            )
        return Attempt(status="completed", output=record.output, transcript=record.transcript)


def build(rest: str) -> Policy:
    """Build `replay:<file.jsonl>`, or `replay:<file.jsonl>:<policy>` where the file holds several."""
    path_text, _, wanted = rest.partition(".jsonl:")
    path = Path(f"{path_text}.jsonl" if wanted else rest)
    names = sorted({record.policy for record in read_outputs(path)})
    if wanted and wanted not in names:
        raise BadLinesError(f"{path}: no outputs of policy {wanted!r}; it holds {', '.join(names)}")
    if not wanted and len(names) > 1:
        raise BadLinesError(f"{path}: holds {len(names)} policies; name one: replay:{path}:{names[0]}")
    return ReplayPolicy(path, wanted or names[0])
