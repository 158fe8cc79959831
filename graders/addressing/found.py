"""A passage on its way to becoming a sign: what it is, and where it stands in the text that was searched."""

from typing import NamedTuple


class Found(NamedTuple):
    """One passage of a text."""

    name: str
    """As of a sign."""
    passage: str
    start: int
    end: int

    @classmethod
    def cut(cls, name: str, text: str, start: int, end: int) -> "Found":
        """Cut a passage out of a text."""
        return cls(name, text[start:end], start, end)
