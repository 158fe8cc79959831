"""A call as it is sent: what is shared is marked, what is asked for is in it, and its hash stays what it was."""

from tasks_lib.models.messages import Request, shared_block

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def _request(**fields: object) -> Request:
    known = {"model": "m", "system": "s", "messages": ({"role": "user", "content": "hi"},), "max_tokens": 5}
    return Request.model_validate({**known, "effort": "low", **fields})


def test_the_hash_of_a_call_without_a_schema_is_what_it_was() -> None:
    """Answers that an older version kept are found again: the value was computed before there were schemas."""
    assert _request().digest == "404905a4a15f6a17"
    assert _request(output_schema=SCHEMA).digest != _request().digest


def test_a_schema_goes_beside_the_effort() -> None:
    """Both live in output_config."""
    config = _request(output_schema=SCHEMA).parameters()["output_config"]

    assert config == {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}
    assert "output_config" not in _request(effort=None).parameters()


def test_a_message_that_was_marked_when_it_was_made_stays_as_it_is() -> None:
    """Its shared part ends where it says; without caching there is no mark at all."""
    blocks = [shared_block("shared"), {"type": "text", "text": "own"}]
    call = _request(messages=({"role": "user", "content": blocks},))

    assert call.parameters()["messages"][0]["content"] == blocks
    assert "cache_control" not in str(call.parameters(caching=False))
