"""Replay: outputs recorded elsewhere, read from JSON lines and handed in as they are."""

import json
from functools import cache
from pathlib import Path

from pydantic import Field, ValidationError

from tasks_lib.family import Family
from tasks_lib.policies.base import NotApplicableError, Policy
from tasks_lib.records import Attempt, Record, Step, TaskInstance, policy_spec


class RecordedOutput(Record):
    """One line of a recorded-outputs file."""

    instance_id: str
    policy: str
    sample: int = Field(default=0, ge=0)
    output: str
    transcript: tuple[Step, ...] = ()


class BadOutputsFileError(ValueError):
    """A recorded-outputs file that cannot be used; the text says file, line, field and what to do."""


@cache
def read_outputs(path: Path) -> tuple[RecordedOutput, ...]:
    """Read a recorded-outputs file.

    Raises:
        BadOutputsFileError: not text, not JSON lines, a missing or unknown field, or one key twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # splitlines() also breaks at U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise BadOutputsFileError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    outputs: dict[tuple[str, str, int], RecordedOutput] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        record = _parse(path, number, line)
        key = (record.instance_id, record.policy, record.sample)
        if key in outputs:
            raise BadOutputsFileError(
                f"{path}, line {number}: sample {record.sample} of {record.policy} on {record.instance_id} "
                "stands there twice; number the samples of a group 0, 1, 2, ..."
            )
        outputs[key] = record
    if not outputs:
        raise BadOutputsFileError(f"{path}: holds no outputs; expected one JSON object a line")
    return tuple(outputs.values())


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
        raise BadOutputsFileError(f"{path}: no outputs of policy {wanted!r}; it holds {', '.join(names)}")
    if not wanted and len(names) > 1:
        raise BadOutputsFileError(f"{path}: holds {len(names)} policies; name one: replay:{path}:{names[0]}")
    return ReplayPolicy(path, wanted or names[0])


def _parse(path: Path, number: int, line: str) -> RecordedOutput:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise BadOutputsFileError(f"{path}, line {number}: not JSON ({error}); expected one object a line") from None
    try:
        return RecordedOutput.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "line"
        wanted = "instance_id, policy, sample, output, optional transcript"
        raise BadOutputsFileError(
            f"{path}, line {number}, field {place!r}: {first['msg'].lower()}; fields are {wanted}"
        ) from None
