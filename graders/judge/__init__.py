"""The judge: one dimension, one rubric, one call."""
