"""The clock: the only place that asks what time it is, or draws a name that nobody chose."""

import secrets
from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def new_run_id() -> str:
    """Return a name for a run that sorts by time, such as `20261120-223015-3f9a`."""
    return f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
