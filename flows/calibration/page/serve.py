"""The rating page from the command line's side: links, the server until it is stopped, and taking in at the end."""

import hashlib
import hmac
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from flows.calibration.answers import TakenIn
from flows.calibration.journal import Journal, journal_path, take_in_journals
from flows.calibration.page.desk import Desk, said_before
from flows.calibration.sheet import read_sheet
from flows.errors import InputError
from warehouse import Warehouse, WarehouseError
from warehouse.location import Location

HOST = "127.0.0.1"
KEY_BYTES = 32


@dataclass(frozen=True)
class Session:
    """How a time of rating went."""

    answered: Mapping[str, tuple[int, int]]
    """Rater -> answered, of how many."""
    journal: Path
    taken: TakenIn | None
    """None: the warehouse was not to be had; the answers stay in the journal."""
    why_not: str | None = None


def rate(
    db: Location, set_id: str, raters: Sequence[str], port: int, show: Callable[[Mapping[str, str]], None]
) -> Session:
    """Serve the rating page of a set until Ctrl-C, then take the answers into the ratings.

    The warehouse is read at the start and at the end and is free in between.

    Args:
        db: warehouse.
        set_id: calibration set.
        raters: who rates; empty: all that it was dealt out to.
        port: where to listen on loopback; 0: any that is free.
        show: is given the links, rater -> URL, once they can be opened.

    Raises:
        InputError: there is no such set or rater, the port is taken, or another process serves this set.
        WarehouseError: the warehouse cannot be read at the start.
    """
    import uvicorn

    from flows.calibration.page.app import rating_app

    with Warehouse.open(db, read_only=True) as warehouse:
        sheet = read_sheet(warehouse, set_id)
    with Journal(journal_path(db, set_id)) as journal:
        take_in_journals(db)
        with Warehouse.open(db, read_only=True) as warehouse:
            desk = Desk(sheet, journal, raters, said_before(warehouse, set_id))
        with _listening(port) as listener:
            port = listener.getsockname()[1]
            tokens = {_token(_key(journal.path), rater): rater for rater in desk.raters}
            config = uvicorn.Config(
                rating_app(desk, tokens, port), log_level="error", access_log=False, lifespan="off", ws="none",
                server_header=False, timeout_graceful_shutdown=2,
            )  # fmt: skip
            show({rater: f"http://{HOST}:{port}/r/{token}/" for token, rater in tokens.items()})
            _serve(uvicorn.Server(config).run, listener)
    try:
        taken, why_not = take_in_journals(db), None
    except WarehouseError as error:
        taken, why_not = None, str(error)
    return Session(desk.counts(), journal.path, taken, why_not)


def _serve(run: Callable[[list[socket.socket]], None], listener: socket.socket) -> None:
    """Run the server until it is told to end, by Ctrl-C or by a polite kill; both are the ordinary end."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # uvicorn ends in good order at either signal and then raises it again, for whoever started it.
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with suppress(KeyboardInterrupt):
            run([listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(128)  # a link can be opened as soon as it is shown
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"--port {port}: cannot be used ({reason}); leave it out for any that is free") from None
        yield listener


def _key(journal: Path) -> bytes:
    """Return the secret that the links of a set follow from; with the same port they outlive a restart."""
    path = journal.with_suffix(".key")
    with suppress(FileNotFoundError):
        if len(key := path.read_bytes()) == KEY_BYTES:
            return key
    key = secrets.token_bytes(KEY_BYTES)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    unfinished.write_bytes(key)
    unfinished.replace(path)
    return key


def _token(key: bytes, rater: str) -> str:
    return hmac.new(key, rater.encode(), hashlib.sha256).hexdigest()[:32]
