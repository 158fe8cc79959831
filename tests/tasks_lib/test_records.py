"""The records that travel: frozen, strict, identified by content."""

import hashlib

import pytest
from pydantic import ValidationError

from tasks_lib.records import (
    Rollout,
    Score,
    TaskInstance,
    ToolCall,
    canonical_json,
    content_hash,
    policy_spec,
    rollout_id,
)
from tests.support_spreadsheet import mixed_instances


def test_canonical_json_does_not_depend_on_key_order() -> None:
    """Two dictionaries that are equal have one text: keys sorted, no spaces, letters as they are."""
    assert canonical_json({"b": 1, "a": "é"}) == canonical_json({"a": "é", "b": 1}) == '{"a":"é","b":1}'


def test_canonical_json_refuses_nan() -> None:
    """A number that JSON does not have is an error, not a text other readers choke on."""
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(float("nan"))


def test_content_hash_is_sha256_of_the_canonical_json() -> None:
    """The short hash can be recomputed by hand from the list of its parts."""
    expected = hashlib.sha256(b'["x",1]').hexdigest()[:12]

    assert content_hash("x", 1) == expected


def test_policy_spec_without_regime_is_its_name() -> None:
    """A policy without conditions is called by its name alone."""
    assert policy_spec("oracle", "oracle").policy_id == "oracle"


def test_policy_spec_with_regime_follows_the_regime() -> None:
    """The same name under another regime is another policy, in whatever order its fields stand."""
    one = policy_spec("m", "model", {"effort": "low", "steps": 3})
    same = policy_spec("m", "model", {"steps": 3, "effort": "low"})
    other = policy_spec("m", "model", {"effort": "high", "steps": 3})

    assert one.policy_id == same.policy_id != other.policy_id
    assert one.policy_id.startswith("m#")


def test_rollout_id_names_the_place_in_a_run() -> None:
    """Run, instance, policy and sample decide the key; changing any of them changes it."""
    base = ("run", "instance", "policy", 0)
    keys = {
        rollout_id(*base),
        rollout_id("other", "instance", "policy", 0),
        rollout_id("run", "other", "policy", 0),
        rollout_id("run", "instance", "other", 0),
        rollout_id("run", "instance", "policy", 1),
    }

    assert rollout_id(*base) == rollout_id(*base)
    assert len(keys) == 5
    assert {len(key) for key in keys} == {20}


def test_record_is_frozen() -> None:
    """A record that travels cannot be changed on the way."""
    call = ToolCall(tool="submit")

    with pytest.raises(ValidationError, match="frozen"):
        call.tool = "other"


def test_record_refuses_unknown_fields() -> None:
    """A misspelt field is an error that names it."""
    with pytest.raises(ValidationError, match="argumnets"):
        ToolCall.model_validate({"tool": "submit", "argumnets": {}})


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.5), (0.5, 1.1)])
def test_score_refuses_ends_outside_the_unit_range(low: float, high: float) -> None:
    """A score end below 0 or above 1 never becomes a record."""
    with pytest.raises(ValidationError):
        Score(
            rollout_id="r", dimension="d", grader_id="g", family="f", low=low, high=high, state="partial",
            source="deterministic", reason="", grader_version="1",
        )  # fmt: skip


def test_rollout_refuses_a_negative_sample() -> None:
    """Samples of a group are numbered from 0."""
    with pytest.raises(ValidationError, match="sample"):
        Rollout(
            rollout_id="r", run_id="r", instance_id="i", policy_id="p", sample=-1, status="completed", output="",
            steps=1, latency_s=0.0,
        )  # fmt: skip


def test_instance_survives_a_round_trip_through_json() -> None:
    """An instance written as JSON and read back is equal, truth and knobs included, in both splits."""
    for instance in (*mixed_instances(14, 3), *mixed_instances(7, 3, "stress")):
        assert TaskInstance.model_validate_json(instance.model_dump_json()) == instance
