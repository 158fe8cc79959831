"""The world of a citation task: a brief and sources seen a page at a time, a search, and `submit`."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks_lib.citation_grounding.truth import BRIEF
from tasks_lib.environment import Tool, ToolError, text_argument, whole_argument
from tasks_lib.records import TaskInstance, ToolCall

_MAX_HITS = 12

_SUBMIT = Tool(
    "submit",
    "Hand in the finished text and end.",
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)
_START = {"type": "integer", "minimum": 1}
_TOOLS = (
    Tool(
        "read_brief",
        "Show the lines of the brief from line `start` on.",
        {"type": "object", "properties": {"start": _START}},
    ),
    Tool("list_sources", "List the sources: identifier, title, publisher.", {"type": "object", "properties": {}}),
    Tool(
        "open_source",
        "Show the lines of a source from line `start` on; its sentences are numbered.",
        {"type": "object", "properties": {"id": {"type": "string"}, "start": _START}, "required": ["id"]},
    ),
    Tool(
        "search",
        f"Show up to {_MAX_HITS} sentences of the sources that contain a text, upper and lower case alike.",
        {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    ),
    _SUBMIT,
)


class CitationWorld:
    """The brief and its sources behind tools."""

    def __init__(self, instance: TaskInstance) -> None:
        texts = {name.removesuffix(".md"): text for name, text in instance.materials.items() if name != BRIEF}
        self.sources = {name: texts[name].rstrip("\n").split("\n") for name in sorted(texts, key=source_order)}
        self.brief = instance.materials[BRIEF].rstrip("\n").split("\n")
        self.page_lines: int = instance.knobs.get("page_lines", 8)
        self.tools: Sequence[Tool] = (_SUBMIT,) if instance.mode == "single" else _TOOLS
        pages = sum(self._pages(lines) for lines in (self.brief, *self.sources.values()))
        # Two looks at every page and a search or two for every claim.
        self.step_limit = 30 + 2 * pages
        self.output_limit_chars = 10_000 + 6 * sum(len(text) for text in instance.materials.values())

    def use(self, tool: str, arguments: Mapping[str, Any]) -> str:
        if tool == "read_brief":
            return self._page(self.brief, arguments)
        if tool == "list_sources":
            return "\n".join(
                f"{name}: {lines[0].lstrip('# ')} ({lines[1]})" if len(lines) > 1 else f"{name}: {lines[0]}"
                for name, lines in self.sources.items()
            )
        if tool == "open_source":
            return self._page(self._source(arguments), arguments)
        return self._search(arguments)

    def submission(self, arguments: Mapping[str, Any]) -> str:
        return text_argument(arguments, "text")

    def _pages(self, lines: Sequence[str]) -> int:
        return -(-len(lines) // self.page_lines)

    def _source(self, arguments: Mapping[str, Any]) -> list[str]:
        name = text_argument(arguments, "id").strip().removesuffix(".md")
        if name not in self.sources:
            raise ToolError(f"There is no source {name!r}. Sources: {', '.join(self.sources)}.")
        return self.sources[name]

    def _page(self, lines: list[str], arguments: Mapping[str, Any]) -> str:
        start = whole_argument(arguments, "start", 1, 1, len(lines))
        shown = lines[start - 1 : start - 1 + self.page_lines]
        left = len(lines) - (start - 1 + len(shown))
        more = f"({left} more lines; go on with start={start + len(shown)})" if left else "(end)"
        return "\n".join([*shown, more])

    def _search(self, arguments: Mapping[str, Any]) -> str:
        text = text_argument(arguments, "text").strip()
        if not text:
            raise ToolError("The argument 'text' must not be empty.")
        hits = [
            f"{name}: {line}"
            for name, lines in self.sources.items()
            for line in lines
            if line[:1].isdigit() and text.casefold() in line.casefold()
        ]
        if not hits:
            return "No sentence contains that."
        more = [f"({len(hits) - _MAX_HITS} more)"] if len(hits) > _MAX_HITS else []
        return "\n".join([*hits[:_MAX_HITS], *more])


def source_order(name: str) -> tuple[int, str]:
    """Return a sort key that puts S2 before S10."""
    digits = "".join(letter for letter in name if letter.isdigit())
    return (int(digits) if digits else 0, name)


def full_tour(instance: TaskInstance) -> tuple[ToolCall, ...]:
    """Return the calls that show every line of every document once; none where the request shows it all."""
    if instance.mode == "single":
        return ()
    world = CitationWorld(instance)
    calls = [
        ToolCall(tool="read_brief", arguments={"start": start})
        for start in range(1, len(world.brief) + 1, world.page_lines)
    ]
    calls.append(ToolCall(tool="list_sources"))
    for name, lines in world.sources.items():
        starts = range(1, len(lines) + 1, world.page_lines)
        calls += [ToolCall(tool="open_source", arguments={"id": name, "start": start}) for start in starts]
    return tuple(calls)
