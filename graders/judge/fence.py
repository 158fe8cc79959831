"""Data between fences: text that a judge reads and that must not be able to end its own fence.

A fence carries a number that depends on what it holds, so a text cannot know the fence it will stand in. What looks
like a tag or the mark of a turn is defused, and what cannot be seen is made visible; nothing else is changed, so that
quotes can be found again.
"""

import re
import unicodedata

from tasks_lib.records import content_hash

_TAG = re.compile(r"<(?=\s*[/!?|a-zA-Z])")
_TURN = re.compile(r"(?im)^([ \t]*)(human|assistant|system|user|developer)([ \t]*:)")
_SPECIAL = re.compile(r"(\|)(>)|(\[)(/?INST\]|/?SYS\])")
_UNSEEN = "\N{REPLACEMENT CHARACTER}"
_KEPT_CONTROLS = "\n\t\r"
_WITHOUT_CONTROLS = dict.fromkeys(map(ord, _KEPT_CONTROLS))


def neutralised(text: str) -> str:
    """Return a text in which nothing reads as a tag or a turn, and nothing is invisible; doing it twice is harmless."""
    if not text.translate(_WITHOUT_CONTROLS).isprintable():
        text = "".join(_seen(letter) for letter in text)
    text = _TAG.sub("&lt;", text)
    text = _TURN.sub(r"\1(\2)\3", text)
    return _SPECIAL.sub(lambda found: "|&gt;" if found[1] else f"( {found[4]}", text)


def fenced(kind: str, text: str, *, seal: str) -> str:
    """Return a neutralised text as one block of data.

    Args:
        kind: what it is, in one word or a file name.
        text: neutralised text.
        seal: what else the number of the fence depends on, unknown to whoever wrote the text.
    """
    number = content_hash(seal, kind, text, length=16)
    return f'<data number="{number}" kind="{_plain(kind)}">\n{text}\n</data number="{number}">'


def _seen(letter: str) -> str:
    if letter in _KEPT_CONTROLS or letter.isprintable() or unicodedata.category(letter) == "Zs":
        return letter
    return _UNSEEN


def _plain(name: str) -> str:
    return re.sub(r"[^\w.\- ]", "_", name)[:80]
