"""A screen for outputs that address whoever grades them: pleas, forged verdicts and turns, hidden and encoded text."""

from graders.addressing.limits import SCREEN_LIMITS
from graders.addressing.screen import signs_of_address
from graders.addressing.sign import ADDRESSES_JUDGE, Sign

__all__ = ["ADDRESSES_JUDGE", "SCREEN_LIMITS", "Sign", "signs_of_address"]
