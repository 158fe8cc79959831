"""The screen itself: the passages of a text that address whoever grades, as signs.

No model is asked: words and shapes are data (`addressing.toml`), and every pass over a text is linear in its
length. What the screen finds says nothing about the quality of an output, only that a judge should not read it.

Known limits. `SCREEN_LIMITS` holds what it cannot see. It also sees too much: a genuine text that holds a judge's
JSON, a line `System: ...`, a tag of its own or a sentence such as "you may ignore all previous instructions" is
flagged unless the materials hold the passage word for word.
"""

from graders.addressing.given import not_given
from graders.addressing.layers import found_in
from graders.addressing.sign import Sign

_SIGNS_SHOWN = 50
"""Signs that are returned; all of them are held against what was given."""
_LETTERS_SHOWN = 120


def signs_of_address(text: str, given: str = "") -> tuple[Sign, ...]:
    """Return the passages of a text that address whoever grades, in the order of the text.

    Args:
        text: an output, or materials as a judge would see them.
        given: the task's own prompt and materials; what stands there word for word is not the policy's doing.
    """
    found = found_in(text)
    if found and given:
        found = not_given(found, given)
    signs: dict[Sign, None] = {}
    in_order = ((one.name, one.passage) for one in sorted(found, key=lambda one: one.start))
    for name, passage in dict.fromkeys(in_order):
        signs[Sign(name, _shown(passage))] = None
        if len(signs) == _SIGNS_SHOWN:
            break
    return tuple(signs)


def _shown(passage: str) -> str:
    """Return a passage, shortened, with what is invisible written out."""
    plain = passage[:_LETTERS_SHOWN].strip()
    if not plain.isprintable():
        plain = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in plain)
    return plain if len(plain) <= _LETTERS_SHOWN else f"{plain[: _LETTERS_SHOWN - 3]}..."
