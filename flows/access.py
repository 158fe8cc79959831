"""Where the Messages API is and with which key: the one secret, from the environment, `.env` or a Prefect Secret block.

It goes from here into the client and nowhere else: it is no setting, so it stands in no plan and no warehouse, and what
came from a block is in no environment, so that no other process has it.
"""

from typing import Any
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


def read_access(needed_by: str, block: str | None = None) -> Access:
    """Return how to reach the API. Not to be called from within an event loop: a block is asked of Prefect's server.

    Args:
        needed_by: the policy or judge that wants it, for the message.
        block: name of the Prefect Secret block with the key, which comes before that of the environment; None: none.

    Raises:
        InputError: there is no key, and no server of one's own that may do without; or no such block.
    """
    found = _Environment()
    key = found.api_key.get_secret_value().strip() if found.api_key else ""
    if block is not None:
        key = _key_of_block(block)
    if not key and not found.base_url:
        raise InputError(
            f"{needed_by!r} calls a model: set ANTHROPIC_API_KEY (here or in .env), or ANTHROPIC_BASE_URL for a "
            "server of your own that speaks the same API"
        )
    if found.base_url and not _is_address(found.base_url):
        raise InputError(f"ANTHROPIC_BASE_URL: {_place(found.base_url)!r} is no address; write http://host:port")
    return Access(api_key=key, base_url=found.base_url or None)


def _key_of_block(name: str) -> str:
    from flows.prefect_runtime import configured_api_url, in_flow_run

    what = f"setting 'api_key_block': the Prefect Secret block {name!r}"
    if configured_api_url() is None and not in_flow_run():
        raise InputError(f"{what} stands on a Prefect server, and PREFECT_API_URL names none; set it, or use the key")
    from prefect.blocks.system import Secret

    try:
        # The value as it was saved: `get` would read a key of digits as a number.
        found: Any = Secret.load(name, _sync=True)  # type: ignore[call-arg]
        value = found.value.get_secret_value()
    except ValueError:  # also where it is a block of another type
        raise InputError(
            f"{what} is not there; make it in the UI under Blocks, or with `prefect block create secret`"
        ) from None
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{what} holds no text; save the key in it as it is")
    return value.strip()


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
