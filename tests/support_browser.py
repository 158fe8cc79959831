"""The browser of this machine, as patient as all tests are."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.conftest import ROOT
from tests.support_waiting import PATIENCE_S

SCREENSHOTS = ROOT / "build" / "screenshots"
PATIENCE_MS = PATIENCE_S * 1000
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it; tests without one are skipped, or fail where TESTS_NEED_BROWSER is set."""
    program = _program()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS), timeout=PATIENCE_MS)
        yield browser
        browser.close()


def patient_context(browser: Browser, **options: Any) -> BrowserContext:
    """Return what pages are opened in."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    return context


def _program() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if found is None and os.environ.get("TESTS_NEED_BROWSER"):
        pytest.fail("TESTS_NEED_BROWSER is set, and there is no chromium or google-chrome on the PATH")
    if found is None:
        pytest.skip("no chromium or google-chrome on the PATH; the report is not looked at")
    return found
