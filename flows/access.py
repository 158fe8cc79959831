"""Where the Messages API is and with which key: the one secret, read from the environment or `.env`.

It goes from here into the client and nowhere else: it is no setting, so it stands in no plan and no warehouse.
"""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from flows.errors import InputError
from tasks_lib.models.access import Access


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    base_url: str | None = Field(default=None, validation_alias="ANTHROPIC_BASE_URL")


def has_key() -> bool:
    """Tell whether there is a key; which one is nobody's business."""
    return bool(_Environment().api_key)


def read_access(needed_by: str) -> Access:
    """Return how to reach the API.

    Args:
        needed_by: the policy or judge that wants it, for the message.

    Raises:
        InputError: there is no key, and no server of one's own that may do without.
    """
    found = _Environment()
    key = found.api_key.get_secret_value().strip() if found.api_key else ""
    if not key and not found.base_url:
        raise InputError(
            f"{needed_by!r} calls a model: set ANTHROPIC_API_KEY (here or in .env), or ANTHROPIC_BASE_URL for a "
            "server of your own that speaks the same API"
        )
    if found.base_url and not _is_address(found.base_url):
        raise InputError(f"ANTHROPIC_BASE_URL: {_place(found.base_url)!r} is no address; write http://host:port")
    return Access(api_key=key, base_url=found.base_url or None)


def recorded_place() -> str | None:
    """Return which server answers, fit to be recorded: without user names, passwords or parameters; None: the API."""
    url = _Environment().base_url
    return _place(url) if url else None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number
        return False


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
