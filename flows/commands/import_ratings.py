"""The verb `import ratings`: what people said of rollouts, collected without a calibration set."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands import options
from flows.commands.calibrate_import import Replace, tell


def ratings(
    file: Annotated[Path, typer.Argument(help="JSON lines or .csv: a row per rollout, dimension and rater.")],
    replace: Replace = False,
    db: options.Db = None,
    as_json: options.AsJson = False,
) -> None:
    """Import ratings of rollouts: rollout_id, dimension, rater, and score (0..1) or level with its scale (0..4).

    Further columns: note, rated_at, raw_value. Wrong rows are refused, with exit status 1, and the rest kept.
    """
    from flows.calibration.rating_files import import_ratings
    from flows.settings import read_settings

    tell(import_ratings(read_settings(None, {"db": db}).db, file, replace=replace), 0, as_json)
