"""What tests of model calls share: a client of the scripted server, with everything around it, for one event loop."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tasks_lib.models.access import Access
from tasks_lib.models.batches import Batches
from tasks_lib.models.budget import Budget
from tasks_lib.models.caller import Caller
from tasks_lib.models.client import MessagesClient
from tasks_lib.models.ledger import Ledger
from tasks_lib.models.limits import BatchLimits, Limits
from tasks_lib.models.messages import Request
from tasks_lib.models.prices import price_table

KEY = "sk-test-0123456789abcdef"
MODEL = "claude-haiku-5-5"
QUICK = Limits(concurrency=4, retries=4, first_wait_s=0.002, longest_wait_s=0.05, first_pause_s=0.2, outage_s=2.0)


def files_with(folder: Path, needle: str) -> list[str]:
    """Return the files below a folder that contain some text; others may add and remove files meanwhile."""
    found = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file() and needle.encode() in path.read_bytes():
                found.append(str(path))
    return found


def request(words: str = "hello", **fields: Any) -> Request:
    """Return a call about nothing."""
    return Request(
        **{
            "model": MODEL, "system": "Be brief.", "messages": ({"role": "user", "content": words},), "max_tokens": 100,
            **fields,
        }
    )  # fmt: skip


class Around:
    """A caller and what it is made of."""

    def __init__(
        self,
        url: str,
        path: Path,
        *,
        limits: Limits = QUICK,
        budget: Budget | None = None,
        timeout_s: float = 2.0,
        batch: BatchLimits | None = None,
    ) -> None:
        self.client = MessagesClient(Access(KEY, url), timeout_s=timeout_s)
        self.ledger = Ledger(path, time.monotonic)
        self.budget = budget or Budget()
        self.caller = Caller(self.client, self.ledger, price_table(), self.budget, limits)
        self.said: list[str] = []
        quick = batch or BatchLimits(poll_s=0.01, outage_s=2.0)
        self.batches = Batches(self.client, self.ledger, price_table(), self.budget, quick, self.said.append)


@asynccontextmanager
async def around(url: str, path: Path, **options: Any) -> AsyncIterator[Around]:
    """Provide a caller for as long as the context lasts."""
    made = Around(url, path, **options)
    try:
        yield made
    finally:
        await made.client.close()
        made.ledger.close()
