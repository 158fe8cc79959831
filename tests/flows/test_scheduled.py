"""What scheduled flows do around a run, where it can be seen without a server."""

import os
import socket
from pathlib import Path

import pytest

from flows.commands.deploy import _reports_served
from flows.errors import InputError, PipelineError
from flows.runs import begin_run
from flows.scheduled.flow_runs import _finished
from flows.settings import read_settings
from tests.conftest import TINY


def test_what_goes_wrong_after_the_beginning_is_never_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad input that shows when a run has begun breaks it off: there is something to go on with, and how is said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    settings = read_settings(None, {"families": ["tiny_upper"], "plugins": [TINY], "n": 1, "group": 1})
    place = begin_run(settings, run_id="night")
    (place.spool / "plan.json").write_text("{")
    with pytest.raises(PipelineError, match=r"go on with: assay run --resume night --db assay\.duckdb"):
        _finished(place, settings)


def test_reports_are_served_unless_somebody_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flow runs hear where reports go by the environment; an address of one's own stays, a taken port is said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_REPORTS_URL", "http://reports.example:80")
    monkeypatch.delenv("ASSAY_REPORTS", raising=False)
    with _reports_served(None, None):
        assert "ASSAY_REPORTS" not in os.environ
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match="name another port"), _reports_served(None, port):
            pass
    monkeypatch.delenv("ASSAY_REPORTS_URL")
    with _reports_served("data/assay.duckdb", 0):
        assert os.environ["ASSAY_REPORTS"] == str(tmp_path / "data" / "reports")
        assert os.environ["ASSAY_REPORTS_URL"].startswith("http://127.0.0.1:")
    assert "ASSAY_REPORTS_URL" not in os.environ
