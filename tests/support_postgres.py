"""A PostgreSQL server for tests: made in a temporary folder, by an unprivileged user, gone when they are done."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.support_waiting import wait_for

SUPERUSER = "postgres"
PASSWORD = "pass'word 1"  # noqa: S105 - of a server that lives for a test
_number = count()


@dataclass(frozen=True)
class Postgres:
    """A server that runs."""

    folder: Path
    """Where its socket is: who comes by it needs no password."""
    port: int
    """On loopback: who comes by it does."""

    def new_database(self) -> str:
        """Make an empty database and return its connection string, by the socket."""
        return self._make("")

    def copy_of(self, connection: str) -> str:
        """Copy a database that nobody is connected with, and return the connection string of the copy."""
        from psycopg.conninfo import conninfo_to_dict

        return self._make(f"template {conninfo_to_dict(connection)['dbname']}")

    def _make(self, how: str) -> str:
        import psycopg

        name = f"assay{next(_number)}"
        with psycopg.connect(self.by_socket("postgres"), autocommit=True) as server:
            server.execute(f"create database {name} {how}".encode())
        return self.by_socket(name)

    def by_socket(self, database: str) -> str:
        """Return the connection string of a database, by the socket."""
        return f"host={self.folder} port={self.port} user={SUPERUSER} dbname={database}"

    def by_network(self, database: str) -> str:
        """Return the connection string of a database, by the network and without the password."""
        return f"host=127.0.0.1 port={self.port} user={SUPERUSER} dbname={database}"


def require_programs() -> Path:
    """Return the folder of the server's programs; tests without one are skipped, or fail where they must not be."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if folders:
        return folders[-1]
    if os.environ.get("TESTS_NEED_POSTGRES"):
        pytest.fail("TESTS_NEED_POSTGRES is set, and there is no initdb on the PATH or in /usr/lib/postgresql")
    pytest.skip("needs PostgreSQL")


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Start a server that forgets to write to the disk, and stop it whatever happens."""
    programs = require_programs()
    folder = Path(tempfile.mkdtemp(prefix="assay-pg-"))
    user = _unprivileged()
    try:
        if user is not None:
            shutil.chown(folder, user)
        (folder / "password").write_text(PASSWORD)
        as_user = {"user": user, "extra_groups": [], "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}}
        if user is None:
            as_user = {}
        subprocess.run(
            [
                programs / "initdb", "--pgdata", folder / "data", "--username", SUPERUSER, "--no-sync",
                "--pwfile", folder / "password", "--auth-local", "trust", "--auth-host", "scram-sha-256",
            ],
            cwd=folder, check=True, capture_output=True, **as_user,
        )  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [
                    programs / "postgres", "-D", folder / "data", "-F", "-k", folder, "-p", str(port),
                    "-c", "listen_addresses=127.0.0.1",
                ],
                cwd=folder, stdout=log, stderr=log, **as_user,
            )  # fmt: skip
        try:
            running = Postgres(folder, port)
            _wait_for(running, server, folder / "log")
            yield running
        finally:
            server.send_signal(signal.SIGINT)  # without waiting for who is still connected
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> str | None:
    """Return who is to run the server: it refuses to be run by root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _wait_for(server: Postgres, process: "subprocess.Popen[bytes]", log: Path) -> None:
    import psycopg

    def answers() -> bool:
        assert process.poll() is None, f"PostgreSQL does not start: {log.read_text()[-2000:]}"
        try:
            psycopg.connect(server.by_socket("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    wait_for(answers, every_s=0.05)
