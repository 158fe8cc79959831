"""A call and its answer as records: what is asked of a model, and what came back."""

from typing import Any, Literal

from pydantic import Field

from tasks_lib.records import Record, content_hash

Effort = Literal["low", "medium", "high", "xhigh", "max"]
_EPHEMERAL = {"type": "ephemeral"}


class Request(Record):
    """One call: everything that the answer may depend on."""

    model: str
    system: str
    tools: tuple[dict[str, Any], ...] = ()
    messages: tuple[dict[str, Any], ...]
    """In the API's form; the answers among them exactly as they came, thinking included."""
    max_tokens: int = Field(ge=1)
    """Most tokens that the answer may have, thinking included."""
    effort: Effort | None = None
    """None: the model's own default."""
    thinking: dict[str, Any] | None = None
    """In the API's form; None: the model's own default."""
    output_schema: dict[str, Any] | None = None
    """JSON schema that the answer is to follow; None: free text."""

    @property
    def digest(self) -> str:
        """Content hash: an answer that was kept belongs to this request and no other."""
        # What came later is left out where it is not used: answers that were kept before stay good.
        unused = {"output_schema"} if self.output_schema is None else None
        return content_hash(self.model_dump(mode="json", exclude=unused), length=16)

    @property
    def size_bytes(self) -> int:
        """Rough size of what is sent, for estimates before the API has counted."""
        return len(f"{self.system}{self.tools!r}{self.messages!r}".encode(errors="replace"))

    def parameters(self, *, caching: bool = True) -> dict[str, Any]:
        """Return the body of the call.

        Args:
            caching: mark what calls share: the instructions and tools of a family, the task of a group, and what
                this attempt has seen so far; a message that was marked when it was made stays as it is.
        """
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "system": [{"type": "text", "text": self.system} | ({"cache_control": _EPHEMERAL} if caching else {})],
            "messages": _marked(self.messages) if caching else [_unmarked(message) for message in self.messages],
        }
        if self.tools:
            body["tools"] = list(self.tools)
        if self.effort is not None:
            body["output_config"] = {"effort": self.effort}
        if self.output_schema is not None:
            form = {"type": "json_schema", "schema": self.output_schema}
            body["output_config"] = {**body.get("output_config", {}), "format": form}
        if self.thinking is not None:
            body["thinking"] = self.thinking
        return body


class Usage(Record):
    """Tokens of one answer."""

    input_tokens: int = Field(default=0, ge=0)
    """Read, and neither written to nor read from the cache."""
    cache_write_tokens: int = Field(default=0, ge=0)
    cache_read_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)

    @property
    def read_tokens(self) -> int:
        """All tokens read, however they were paid for."""
        return self.input_tokens + self.cache_write_tokens + self.cache_read_tokens

    @property
    def total_tokens(self) -> int:
        return self.read_tokens + self.output_tokens


class Reply(Record):
    """One answer, checked: it has content, a reason to stop and a count of tokens."""

    content: tuple[dict[str, Any], ...]
    """Blocks in the API's form, to be sent back as they are."""
    stop_reason: str
    usage: Usage
    model: str
    """Model as the server names it."""
    request_id: str | None = None
    seconds: float = Field(default=0.0, ge=0)
    """From sending to the last byte."""
    cost_usd: float | None = None
    """By the prices of the day; None where the price of the model is not known."""

    @property
    def text(self) -> str:
        return "\n".join(block.get("text", "") for block in self.content if block.get("type") == "text").strip()

    @property
    def thinking(self) -> str:
        return "\n".join(block.get("thinking", "") for block in self.content if block.get("type") == "thinking").strip()

    @property
    def tool_uses(self) -> tuple[dict[str, Any], ...]:
        return tuple(block for block in self.content if block.get("type") == "tool_use")


def _marked(messages: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """Mark the first message, which a group shares, and the last, up to which an attempt is repeated."""
    last = len(messages) - 1
    return [_with_mark(message) if at in (0, last) else message for at, message in enumerate(messages)]


def _with_mark(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    if not blocks or blocks[-1].get("type") in ("thinking", "redacted_thinking"):
        return message
    if any("cache_control" in block for block in blocks):
        return message
    return {**message, "content": [*blocks[:-1], {**blocks[-1], "cache_control": _EPHEMERAL}]}


def shared_block(text: str) -> dict[str, Any]:
    """Return a text as a block up to which other calls begin alike."""
    return {"type": "text", "text": text, "cache_control": _EPHEMERAL}


def _unmarked(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    if isinstance(content, str):
        return message
    return {
        **message,
        "content": [{name: part for name, part in block.items() if name != "cache_control"} for block in content],
    }
