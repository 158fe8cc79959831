"""Models over the Messages API: `anthropic/<model>`, acting in a family's world through its tools.

An answer without a tool call is told to go on; in `single` mode there is one answer, and where it calls
no tool its text is what was handed in. What ends an attempt early is its status: `refused`, `truncated` (the answer or
the conversation was too long), `step_limit` (too many steps, or nothing handed in), `error` (no answer to be had).
"""

from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from pydantic import Field

from tasks_lib.environment import SUBMIT, Episode
from tasks_lib.family import Family
from tasks_lib.models.conditions import BadConditionsError, Conditions, read_conditions
from tasks_lib.models.failures import CallFailedError, TooLongError
from tasks_lib.models.messages import Reply, Request
from tasks_lib.policies.base import Ask
from tasks_lib.records import (
    Attempt,
    Mode,
    RolloutStatus,
    Step,
    TaskInstance,
    ToolCall,
    content_hash,
    policy_spec,
)

SAY = "say"
"""What a transcript calls an answer without a tool call."""
NUDGES = 2
"""Answers without a tool call that an attempt may have beside its steps."""
_ENDS: dict[str, RolloutStatus] = {
    "refusal": "refused",
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
}
"""Reasons to stop that end an attempt, whatever else the answer holds."""


class Regime(Conditions):
    """The exact conditions of a model: they are part of its identifier."""

    step_limit: int | None = Field(default=None, ge=1)
    """Tool calls; None: what the world allows."""
    instructions: str = ""
    """Content hash of the instructions that every attempt begins with."""


class AnthropicPolicy:
    """One model under one regime."""

    def __init__(self, name: str, regime: Regime) -> None:
        self.regime = regime.model_copy(update={"instructions": instructions_version()})
        fields = self.regime.model_dump(mode="json", exclude_none=True)
        self.spec = policy_spec(name, "model", fields)

    async def attempt(self, family: Family, instance: TaskInstance, sample: int, ask: Ask) -> Attempt:
        """Attempt one instance; whatever becomes of the calls, what was done so far is told.

        Raises:
            RunStoppedError: no further calls are made in this run.
        """
        conversation = _Conversation(Episode(family.world(instance), most_steps=self.regime.step_limit))
        try:
            await self._converse(instance.mode, self.opening(family, instance), conversation, ask)
        except TooLongError:
            conversation.end("truncated")
        except CallFailedError as failure:
            return conversation.attempt().model_copy(update={"status": "error", "output": "", "error": str(failure)})
        return conversation.attempt()

    def opening(self, family: Family, instance: TaskInstance) -> Request:
        """Return the first call of an attempt, which is the only one in `single` mode."""
        tools = tuple(
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
            for tool in family.world(instance).tools
        )
        return Request(
            model=self.regime.model,
            system=_instructions(instance.mode),
            tools=tools,
            messages=({"role": "user", "content": instance.prompt},),
            max_tokens=self.regime.max_tokens,
            effort=self.regime.effort,
            thinking=self.regime.thinking_parameter,
        )

    async def _converse(self, mode: Mode, request: Request, conversation: "_Conversation", ask: Ask) -> None:
        for turn in range(conversation.most_turns):
            reply = await ask(turn, request)
            results = conversation.take(reply)
            if results is None:
                return
            if mode == "single":
                conversation.hand_in_text(reply)
                return
            if not results and conversation.spoke_on(reply):
                break
            answer = _sent_back(reply)
            if reply.stop_reason != "pause_turn":  # a paused answer goes on where it is sent back
                answer += ({"role": "user", "content": results or _text("nudge")},)
            request = request.model_copy(update={"messages": request.messages + answer})
        conversation.end("step_limit")


@dataclass
class _Conversation:
    """An episode and what it took to get there."""

    episode: Episode
    replies: list[Reply] = field(default_factory=list)
    spoken: int = 0
    """Answers without a tool call."""

    @property
    def most_turns(self) -> int:
        """Answers that an attempt may take: each may be one step, and a few are no step at all."""
        return self.episode.step_limit + NUDGES

    def take(self, reply: Reply) -> list[dict[str, Any]] | None:
        """Carry out what an answer asks for and return the results, in the API's form; None where all is over."""
        self.replies.append(reply)
        if (status := _ENDS.get(reply.stop_reason)) is not None:
            self._say(reply)
            self.end(status)
            return None
        results = [self._use(reply, use, is_first=use is reply.tool_uses[0]) for use in reply.tool_uses]
        return None if self.episode.done else results

    def spoke_on(self, reply: Reply) -> bool:
        """Take note of an answer without a tool call; True where it was one too many."""
        self.spoken += 1
        is_last = self.spoken > NUDGES
        self._say(reply, "" if is_last else _text("nudge"))
        return is_last

    def hand_in_text(self, reply: Reply) -> None:
        """Take the text of an answer for what was handed in: there is no further one."""
        if not reply.tool_uses and reply.text:
            self.episode.call(ToolCall(tool=SUBMIT, arguments={"text": reply.text}))
            steps = self.episode.transcript
            steps[-1] = steps[-1].model_copy(update={"thinking": reply.thinking or None})
        self.end("step_limit")

    def end(self, status: RolloutStatus) -> None:
        """End the episode unless it has ended."""
        self.episode.status = self.episode.status or status

    def attempt(self) -> Attempt:
        """Return what was left behind, and what it took."""
        costs = [reply.cost_usd for reply in self.replies]
        return self.episode.attempt().model_copy(
            update={
                "input_tokens": sum(reply.usage.read_tokens for reply in self.replies),
                "output_tokens": sum(reply.usage.output_tokens for reply in self.replies),
                "cached_tokens": sum(reply.usage.cache_read_tokens for reply in self.replies),
                "cost_usd": None if None in costs else sum(cost or 0.0 for cost in costs),
                "latency_s": sum(reply.seconds for reply in self.replies),
            }
        )

    def _use(self, reply: Reply, use: dict[str, Any], *, is_first: bool) -> dict[str, Any]:
        arguments = use.get("input")
        call = ToolCall(tool=str(use.get("name")), arguments=arguments if isinstance(arguments, dict) else {})
        observation = self.episode.call(call)
        steps = self.episode.transcript
        if is_first and steps:
            steps[-1] = steps[-1].model_copy(update=_words(reply))
        is_error = bool(steps) and steps[-1].is_error
        return {
            "type": "tool_result", "tool_use_id": use.get("id"), "content": observation or "(nothing)",
            **({"is_error": True} if is_error else {}),
        }  # fmt: skip

    def _say(self, reply: Reply, observation: str = "") -> None:
        step = Step(tool=SAY, arguments={}, observation=observation, observation_chars=len(observation))
        self.episode.transcript.append(step.model_copy(update=_words(reply)))


def build(rest: str) -> AnthropicPolicy:
    """Build `anthropic/<model>`, or `anthropic/<model>:effort=low:max_tokens=8000` with conditions of one's own."""
    from tasks_lib.registry import UnknownNameError

    try:
        regime = read_conditions(Regime, rest, hidden=frozenset({"instructions"}))
    except BadConditionsError as error:
        raise UnknownNameError(f"policy 'anthropic/{rest}': {error}") from None
    return AnthropicPolicy(f"anthropic/{rest}", regime)


def instructions_version() -> str:
    """Return what changes whenever the words do that every attempt begins with."""
    return content_hash([_text(name) for name in ("multi", "single", "nudge")], length=8)


def _instructions(mode: Mode) -> str:
    return _text(mode)


def _text(name: str) -> str:
    return (files("tasks_lib.policies") / "instructions" / f"{name}.txt").read_text(encoding="utf-8").strip()


def _sent_back(reply: Reply) -> tuple[dict[str, Any], ...]:
    """Return an answer as a message; the API takes no empty message, no empty text, and no thought at the end."""
    blocks = [block for block in reply.content if block.get("type") != "text" or str(block.get("text", "")).strip()]
    while blocks and blocks[-1].get("type") in ("thinking", "redacted_thinking"):
        blocks.pop()
    return ({"role": "assistant", "content": blocks},) if blocks else ()


def _words(reply: Reply) -> dict[str, str | None]:
    return {"said": reply.text or None, "thinking": reply.thinking or None}
