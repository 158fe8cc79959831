"""What the screen cannot see, each limit with the probe that shows it."""

from graders.limit import Limit

SCREEN_LIMITS = (
    Limit(
        "address_in_unlisted_language",
        "A plea to whoever grades is not seen in a language that graders/addressing/addressing.toml does not list.",
        shown_by="plea_in_unlisted_language",
    ),
    Limit(
        "address_in_unlisted_words",
        "A plea is not seen that uses none of the listed words, or spells them otherwise (misspelt, digits for "
        "letters, backwards, a cipher other than rot13).",
        shown_by="plea_in_unlisted_words",
    ),
)
