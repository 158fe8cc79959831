"""The promotion gate: conditions from a file, and whether a candidate meets them. What is not known holds."""
