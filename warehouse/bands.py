"""Quality bands: the parts of 0..1 by which figures are told apart, known before anybody rates."""

BAND_EDGES = {"low": 0.0, "mid": 0.4, "good": 0.7, "top": 0.9}
"""Band -> the score from which on something is in it."""
BANDS = tuple(BAND_EDGES)
UNKNOWN = "unknown"
"""What is open lies in several bands, or in none."""
ALL_BANDS = ("all", *BANDS, UNKNOWN)
"""In the order in which they are told."""
