"""The world of a revision task: documents seen a page at a time, a draft of one's own, and `submit`."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks_lib.doc_revision.truth import DRAFT
from tasks_lib.environment import Tool, ToolError, text_argument, whole_argument
from tasks_lib.records import TaskInstance, ToolCall
from tasks_lib.words import words

_MAX_HITS = 20

_SUBMIT = Tool(
    "submit",
    "Hand in the finished document and end. Without `text`, the working copy is handed in.",
    {"type": "object", "properties": {"text": {"type": "string"}}},
)
_TOOLS = (
    Tool("list_documents", "List the documents with their sizes.", {"type": "object", "properties": {}}),
    Tool(
        "open_document",
        "Show the numbered lines of a document, from line `start` on.",
        {
            "type": "object",
            "properties": {"name": {"type": "string"}, "start": {"type": "integer", "minimum": 1}},
            "required": ["name"],
        },
    ),
    Tool(
        "search",
        f"Show up to {_MAX_HITS} lines of all documents that contain a text, upper and lower case alike.",
        {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    ),
    Tool(
        "write_copy",
        "Replace the working copy with a text, and tell how many words it has.",
        {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    ),
    Tool(
        "replace",
        "Replace a passage of the working copy, which must stand there exactly once. The copy begins as the draft.",
        {
            "type": "object",
            "properties": {"old": {"type": "string"}, "new": {"type": "string"}},
            "required": ["old", "new"],
        },
    ),
    _SUBMIT,
)


class RevisionWorld:
    """The draft and what lies beside it, behind tools."""

    def __init__(self, instance: TaskInstance) -> None:
        self.documents = {name: text.split("\n") for name, text in sorted(instance.materials.items())}
        self.page_lines: int = instance.knobs.get("page_lines", 12)
        self.tools: Sequence[Tool] = (_SUBMIT,) if instance.mode == "single" else _TOOLS
        pages = sum(-(-len(lines) // self.page_lines) for lines in self.documents.values())
        # Two looks at every page, and as many edits as a careful hand may make.
        self.step_limit = 40 + 2 * pages
        self.output_limit_chars = 10_000 + 6 * sum(len(text) for text in instance.materials.values())
        self.copy = instance.materials.get(DRAFT, "")

    def use(self, tool: str, arguments: Mapping[str, Any]) -> str:
        if tool == "list_documents":
            return "\n".join(f"{name}: {len(lines)} lines" for name, lines in self.documents.items())
        if tool == "open_document":
            return self._open(arguments)
        if tool == "search":
            return self._search(arguments)
        if tool == "write_copy":
            self.copy = text_argument(arguments, "text")
            return f"Written. {self._size()}"
        return self._replace(arguments)

    def submission(self, arguments: Mapping[str, Any]) -> str:
        return text_argument(arguments, "text", self.copy)

    def _open(self, arguments: Mapping[str, Any]) -> str:
        name = text_argument(arguments, "name")
        if name not in self.documents:
            raise ToolError(f"There is no document {name!r}. Documents: {', '.join(self.documents)}.")
        lines = self.documents[name]
        start = whole_argument(arguments, "start", 1, 1, len(lines))
        shown = lines[start - 1 : start - 1 + self.page_lines]
        body = "\n".join(f"{number}\t{line}" for number, line in enumerate(shown, start))
        left = len(lines) - (start - 1 + len(shown))
        return f"{body}\n({left} more lines)" if left else f"{body}\n(end of document)"

    def _search(self, arguments: Mapping[str, Any]) -> str:
        text = text_argument(arguments, "text")
        if not text:
            raise ToolError("The argument 'text' must not be empty.")
        hits = [
            f"{name}:{number}\t{line}"
            for name, lines in self.documents.items()
            for number, line in enumerate(lines, 1)
            if text.casefold() in line.casefold()
        ]
        if not hits:
            return "No line contains that."
        more = f"\n({len(hits) - _MAX_HITS} more)" if len(hits) > _MAX_HITS else ""
        return "\n".join(hits[:_MAX_HITS]) + more

    def _replace(self, arguments: Mapping[str, Any]) -> str:
        old, new = text_argument(arguments, "old"), text_argument(arguments, "new")
        times = self.copy.count(old) if old else 0
        if times != 1:
            raise ToolError(f"The passage stands {times} times in the working copy; it must stand there once.")
        self.copy = self.copy.replace(old, new)
        if len(self.copy) > self.output_limit_chars:
            self.copy = self.copy.replace(new, old, 1)
            raise ToolError(f"The working copy may have at most {self.output_limit_chars:,} characters.")
        return f"Replaced. {self._size()}"

    def _size(self) -> str:
        return f"The working copy has {len(words(self.copy))} words."


def full_tour(instance: TaskInstance) -> tuple[ToolCall, ...]:
    """Return the calls that show every line of every document once; none where the request shows it all."""
    if instance.mode == "single":
        return ()
    world = RevisionWorld(instance)
    calls = [ToolCall(tool="list_documents")]
    for name, lines in world.documents.items():
        starts = range(1, len(lines) + 1, world.page_lines)
        calls += [ToolCall(tool="open_document", arguments={"name": name, "start": start}) for start in starts]
    return tuple(calls)
