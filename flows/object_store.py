"""How a bucket is reached, as the environment says it to every tool of its kind."""

import os

from warehouse.location import ObjectStore


def object_store() -> ObjectStore:
    """Return key, secret, region and server from the variables `AWS_...`; what is not set is None."""
    return ObjectStore(
        key_id=_first("AWS_ACCESS_KEY_ID"),
        secret=_first("AWS_SECRET_ACCESS_KEY"),
        session_token=_first("AWS_SESSION_TOKEN"),
        region=_first("AWS_REGION", "AWS_DEFAULT_REGION"),
        endpoint=_first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    )


def _first(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
