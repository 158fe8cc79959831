"""Seeds named by a path."""

import hashlib

from tasks_lib.seeds import derive, stream


def test_derive_is_the_head_of_the_hash_of_the_path() -> None:
    """The seed is the first eight bytes of SHA-256 of the joined path, so any machine can recompute it."""
    expected = int.from_bytes(hashlib.sha256(b"7/spreadsheet_clean/3/rows").digest()[:8], "big")

    assert derive(7, "spreadsheet_clean", 3, "rows") == expected


def test_derive_gives_neighbours_unrelated_seeds() -> None:
    """Ten thousand neighbouring paths share no seed, which seed + i would not promise across purposes."""
    seeds = {derive(seed, "family", index, "rows") for seed in range(100) for index in range(100)}

    assert len(seeds) == 10_000


def test_derive_keeps_purposes_apart() -> None:
    """The same seed and index give another stream for another purpose."""
    assert derive(1, "f", 0, "rows") != derive(1, "f", 0, "mess")


def test_stream_repeats_itself() -> None:
    """Two streams of one path draw the same numbers, and one of another path others."""
    one, again, other = stream(1, "a"), stream(1, "a"), stream(1, "b")

    drawn = [one.random() for _ in range(5)]
    assert drawn == [again.random() for _ in range(5)]
    assert drawn != [other.random() for _ in range(5)]
