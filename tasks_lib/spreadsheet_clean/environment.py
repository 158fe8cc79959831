"""The world of a spreadsheet task: files seen a page at a time, a draft, and `submit`."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks_lib.environment import Tool, ToolError, text_argument, whole_argument
from tasks_lib.records import TaskInstance, ToolCall

_MAX_HITS = 20

_SUBMIT = Tool(
    "submit",
    "Hand in the finished file and end. Without `text`, the draft is handed in.",
    {"type": "object", "properties": {"text": {"type": "string"}}},
)
_TOOLS = (
    Tool("list_files", "List the files with their sizes.", {"type": "object", "properties": {}}),
    Tool(
        "read_lines",
        "Show numbered lines of a file, from line `start` on.",
        {
            "type": "object",
            "properties": {
                "file": {"type": "string"},
                "start": {"type": "integer", "minimum": 1},
                "count": {"type": "integer", "minimum": 1},
            },
            "required": ["file"],
        },
    ),
    Tool(
        "find",
        f"Show up to {_MAX_HITS} lines of a file that contain a text, upper and lower case alike.",
        {
            "type": "object",
            "properties": {"file": {"type": "string"}, "text": {"type": "string"}},
            "required": ["file", "text"],
        },
    ),
    Tool(
        "write_draft",
        "Write text to the draft: appended, or in place of what is there.",
        {
            "type": "object",
            "properties": {"text": {"type": "string"}, "append": {"type": "boolean"}},
            "required": ["text"],
        },
    ),
    _SUBMIT,
)


class SpreadsheetWorld:
    """Materials behind tools; the table may be longer than one look at it."""

    def __init__(self, instance: TaskInstance) -> None:
        # In the order of their names: an instance that was stored and read has lost any other order.
        self.files = {name: _lines(text) for name, text in sorted(instance.materials.items())}
        self.page_lines: int = instance.knobs.get("page_lines", 40)
        self.tools: Sequence[Tool] = (_SUBMIT,) if instance.mode == "single" else _TOOLS
        characters = sum(len(text) for text in instance.materials.values())
        # Three looks at every page and a draft in as many parts, and room for mistakes.
        self.step_limit = 12 + 4 * sum(self._pages(name) for name in self.files)
        self.output_limit_chars = 20_000 + 4 * characters
        self.draft = ""

    def use(self, tool: str, arguments: Mapping[str, Any]) -> str:
        if tool == "list_files":
            return "\n".join(f"{name}: {len(lines)} lines" for name, lines in self.files.items())
        if tool == "read_lines":
            return self._read(arguments)
        if tool == "find":
            return self._find(arguments)
        return self._write(arguments)

    def submission(self, arguments: Mapping[str, Any]) -> str:
        return text_argument(arguments, "text", self.draft)

    def _read(self, arguments: Mapping[str, Any]) -> str:
        lines = self._file(arguments)
        start = whole_argument(arguments, "start", 1, 1, max(1, len(lines)))
        count = whole_argument(arguments, "count", self.page_lines, 1, self.page_lines)
        shown = lines[start - 1 : start - 1 + count]
        body = "\n".join(f"{number}\t{line}" for number, line in enumerate(shown, start))
        left = len(lines) - (start - 1 + len(shown))
        return f"{body}\n({left} more lines)" if left else f"{body}\n(end of file)"

    def _find(self, arguments: Mapping[str, Any]) -> str:
        wanted = text_argument(arguments, "text").casefold()
        hits = [(n, line) for n, line in enumerate(self._file(arguments), 1) if wanted in line.casefold()]
        body = "\n".join(f"{number}\t{line}" for number, line in hits[:_MAX_HITS])
        return f"{body}\n({len(hits)} lines in all)"

    def _write(self, arguments: Mapping[str, Any]) -> str:
        text = text_argument(arguments, "text")
        draft = self.draft + text if arguments.get("append", True) else text
        if len(draft) > self.output_limit_chars:
            raise ToolError(
                f"The draft would have {len(draft):,} characters; {self.output_limit_chars:,} are the limit."
            )
        self.draft = draft
        return f"The draft has {len(self.draft.splitlines())} lines."

    def _file(self, arguments: Mapping[str, Any]) -> list[str]:
        name = text_argument(arguments, "file")
        if name not in self.files:
            raise ToolError(f"There is no file {name!r}. Files: {', '.join(self.files)}.")
        return self.files[name]

    def _pages(self, name: str) -> int:
        return -(-len(self.files[name]) // self.page_lines)


def _lines(text: str) -> list[str]:
    """Split at line ends only; `splitlines` would also split cells that hold U+2028 or a form feed."""
    return text.removesuffix("\n").split("\n")


def full_tour(instance: TaskInstance) -> tuple[ToolCall, ...]:
    """Return the calls that look at every line of every file; none where the prompt shows everything."""
    if instance.mode == "single":
        return ()
    world = SpreadsheetWorld(instance)
    calls = [ToolCall(tool="list_files")]
    for name, lines in world.files.items():
        for start in range(1, len(lines) + 1, world.page_lines):
            calls.append(ToolCall(tool="read_lines", arguments={"file": name, "start": start}))
    return tuple(calls)
