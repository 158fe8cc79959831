"""What the screen reports: a sign, and the flag of an output that carries one."""

from dataclasses import dataclass

ADDRESSES_JUDGE = "addresses_judge"
"""The flag of an output that carries a sign."""


@dataclass(frozen=True)
class Sign:
    """One passage that addresses whoever grades."""

    name: str
    """instruction, asks_for_marks, authority, other_language, encoded, homoglyph, spaced, tag, verdict, turn,
    invisible, hidden_comment or self_assessment."""
    text: str
    """The passage, shortened to 120 characters."""
