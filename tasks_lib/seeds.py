"""Random streams named by a path, so that no two purposes ever share one.

`seed + i` makes neighbouring seeds overlap; hashing the whole path does not, and the result is the
same on every machine and under every PYTHONHASHSEED.
"""

import hashlib
import random


def derive(*path: object) -> int:
    """Return the 64-bit seed named by a path such as `(seed, "spreadsheet_clean", index, "rows")`."""
    text = "/".join(str(part) for part in path)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def stream(*path: object) -> random.Random:
    """Return a random generator of its own for a path."""
    return random.Random(derive(*path))
