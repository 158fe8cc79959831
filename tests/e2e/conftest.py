"""What tests end to end share: the command as a real process, and in this one where it only reads."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import Assay, assay_in_a_process
from tests.flows.conftest import assay_here
from tests.support_prefect import PrefectApi


@pytest.fixture
def assay(tmp_path: Path) -> Assay:
    """Run the command as a real process; `assay sql` here: what a test asks afterwards costs a second a process."""
    here, in_a_process = assay_here(tmp_path), assay_in_a_process(tmp_path)

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 240
    ) -> "subprocess.CompletedProcess[str]":
        only_asks = arguments[:1] == ("sql",) and env is None
        return here(*arguments) if only_asks else in_a_process(*arguments, env=env, timeout=timeout)

    return run


@pytest.fixture(scope="session")
def api(prefect_api: dict[str, str]) -> PrefectApi:
    """What the server of the session is asked with."""
    return PrefectApi(prefect_api)
