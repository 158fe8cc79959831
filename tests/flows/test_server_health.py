"""Is there a Prefect server? One that is busy is, one that is not there is told at once."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flows import server_health
from flows.server_health import no_answer


@contextmanager
def answering(after: int) -> Iterator[str]:
    """Take connections, and answer from this one on; those before hear nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    silent: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            if len(silent) < after:
                silent.append(line)
                continue
            line.recv(1 << 16)
            line.sendall(b"HTTP/1.1 503 busy\r\ncontent-length: 0\r\n\r\n")
            line.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for line in (listener, *silent):
            line.close()


def test_a_busy_server_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and answers to the third request; that it has no time for us is an answer."""
    monkeypatch.setattr(server_health, "SECONDS_TO_CONNECT", 0.2)
    with answering(after=2) as url:
        assert no_answer(url) is None


def test_who_never_answers_is_none_and_who_is_not_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first takes as long as the patience, the others take no time; each is told with its reason."""
    monkeypatch.setattr(server_health, "SECONDS_TO_CONNECT", 0.1)
    monkeypatch.setattr(server_health, "PATIENCE_S", 0.3)
    with answering(after=10**9) as url:
        assert no_answer(url) == "timed out"
    monkeypatch.setattr(server_health, "PATIENCE_S", 10**9)
    assert "refused" in str(no_answer(url))
    assert "unknown url type" in str(no_answer("no address"))
