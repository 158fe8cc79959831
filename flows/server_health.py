"""Whether a Prefect server answers; to find out takes nothing of Prefect."""

import time
import urllib.error
import urllib.request

SECONDS_TO_CONNECT = 10.0
PATIENCE_S = 60.0
"""Seconds for which a server that takes connections may keep silent: as long as Prefect's own client waits for one."""


def no_answer(api_url: str) -> str | None:
    """Return why a server does not answer; None where it does, whatever it says.

    Who refuses the connection is told at once, who cannot be reached after `SECONDS_TO_CONNECT`.

    Args:
        api_url: such as `http://127.0.0.1:4200/api`.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            urllib.request.urlopen(f"{api_url}/health", timeout=SECONDS_TO_CONNECT).close()  # noqa: S310 (the user's own setting)
        except urllib.error.HTTPError:
            return None  # somebody answered; whether we are let in, Prefect will say
        except TimeoutError as error:
            # Of the answer, where one of the connection comes as a URLError: somebody is there, and busy.
            if time.monotonic() >= deadline:
                return str(error)
        except (OSError, ValueError) as error:
            return str(getattr(error, "reason", error))
        else:
            return None
