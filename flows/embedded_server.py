"""A Prefect server for one run: `python -m flows.embedded_server PORT`, ended by its parent or with it.

Prefect starts such a server itself, but on the caller's terminal and in the caller's process group: its shutdown
messages land there, Ctrl-C ends it before the run is over, and it outlives a killed parent. This one writes to
a file and watches its standard input, which ends when the parent does.
"""

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uvicorn

SECONDS_TO_SHUT_DOWN = 6
"""After this the server is ended by force; every state it was told is in its database by then."""


def main() -> None:
    """Serve until standard input ends."""
    import uvicorn

    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="on",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    server.run()


def _end_with_parent(server: "uvicorn.Server") -> None:
    # Not through a buffer: at its end an interpreter wants the lock of that, which this thread would hold.
    while os.read(sys.stdin.fileno(), 1 << 16):
        pass
    server.should_exit = True
    time.sleep(SECONDS_TO_SHUT_DOWN)
    os._exit(0)


if __name__ == "__main__":
    main()
