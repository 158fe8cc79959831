"""Turns: who may write what of a lake at a time.

A lake knows no keys: of two transactions that add the same key, both succeed. So whoever writes holds locks of the
PostgreSQL server of the catalogue before its transaction begins and until it has ended. The server lets them go when
the connection ends, also where a process is killed.

    lake          shared by everybody who writes; alone: for whoever reads, thinks and writes
    results       alone: while the result tables are worked out, from reading to writing
    table:NAME    alone: adds rows to the table by key; shared: adds rows of one run, whose lock is held too
    run:ID        alone: adds rows of this run

Two that write one table hold its lock, one of them alone, or both shared and then the locks of their runs; a key of
those tables holds its run, so that different runs never have the same key. Locks are taken in the order above, which
rules out that two wait for each other.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

from warehouse.errors import LockedError, WarehouseError
from warehouse.lake_catalogue import connect, scrubbed
from warehouse.location import Lake

LONGEST_WAIT_S = 1800.0
SAY_AFTER_S = 5.0
Lock = tuple[str, Literal["alone", "shared"]]
_ORDER = ("lake", "results", "table", "run")
_log = logging.getLogger("warehouse")


class Turns:
    """The locks of one open lake. A lock that is held can be taken again."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._server: Any = None

    @contextmanager
    def hold(self, locks: Iterable[Lock]) -> Iterator[None]:
        """Wait until it is our turn, and hold the locks.

        Raises:
            LockedError: somebody else has held one for LONGEST_WAIT_S.
            WarehouseError: the connection broke.
        """
        if not self._lake.is_postgres:  # the engine lets one process at a time into the file
            yield
            return
        with ExitStack() as held:
            for name, kind in sorted(set(locks), key=_place):
                self._take(name, kind)
                held.callback(self._let_go, name, kind)
            yield

    def require_held(self) -> None:
        """Make sure that the server has not let go of our locks.

        Raises:
            WarehouseError: the connection that held them is gone.
        """
        if self._server is not None:
            self._ask("select 1", [])

    def close(self) -> None:
        """Let go of everything."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _take(self, name: str, kind: str) -> None:
        import psycopg

        if self._server is None or self._server.closed:
            self._server = connect(self._lake, keepalives=1, keepalives_idle=30)
        lock = f"select pg_advisory_lock{_suffix(kind)}(%s)"
        end = time.monotonic() + LONGEST_WAIT_S
        patience = SAY_AFTER_S
        while True:
            self._ask("select set_config('lock_timeout', %s, false)", [f"{int(patience * 1000)}ms"])
            try:
                self._ask(lock, [_number(name)])
                return
            except psycopg.errors.LockNotAvailable:
                holder = self._holder(name)
                if time.monotonic() > end:
                    raise LockedError(
                        f"{self._lake}: {holder} has not ended in {LONGEST_WAIT_S:g} s; look after it"
                    ) from None
                _log.warning("%s: waiting for %s, which writes there", self._lake, holder)
                patience = max(0.001, min(60.0, end - time.monotonic()))

    def _let_go(self, name: str, kind: str) -> None:
        if self._server is not None and not self._server.closed:
            self._ask(f"select pg_advisory_unlock{_suffix(kind)}(%s)", [_number(name)])

    def _holder(self, name: str) -> str:
        found = self._ask(
            """
            select pid, coalesce(client_hostname, host(client_addr), 'the same machine'), backend_start
            from pg_stat_activity join pg_locks using (pid)
            where locktype = 'advisory' and granted and pid <> pg_backend_pid()
                and (classid::bigint << 32 | objid::bigint) = %s
            limit 1
            """,
            [_number(name)],
        )
        if not found:
            return f"whoever holds {name}"
        return f"the loader of connection {found[0][0]} from {found[0][1]} (since {found[0][2]:%H:%M:%S})"

    def _ask(self, query: str, params: list[Any]) -> list[tuple[Any, ...]]:
        import psycopg

        try:
            return list(self._server.execute(query, params).fetchall())
        except psycopg.OperationalError as error:
            if isinstance(error, psycopg.errors.LockNotAvailable):
                raise
            raise WarehouseError(f"{self._lake}: the catalogue went away ({scrubbed(self._lake, error)})") from None


def _suffix(kind: str) -> str:
    return "" if kind == "alone" else "_shared"


def _place(lock: Lock) -> tuple[int, str]:
    return _ORDER.index(lock[0].partition(":")[0]), lock[0]


def _number(name: str) -> int:
    """Return the number that stands for a lock, as the server wants it."""
    return int.from_bytes(hashlib.sha256(f"taskassay:{name}".encode()).digest()[:8], signed=True)
