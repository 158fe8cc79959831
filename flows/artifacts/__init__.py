"""Artifacts of a run: what its page in the Prefect UI shows. Keys are lower case with dashes, and always the same.

changes asks what is otherwise than in the previous run, markdown makes text of names that others chose, summary puts a
run into sentences, tables cuts rows to a size, leave hands all of it to Prefect, progress says how far a stage is.
"""

from flows.artifacts.leave import create_artifacts
from flows.artifacts.progress import Stage

__all__ = ["Stage", "create_artifacts"]
