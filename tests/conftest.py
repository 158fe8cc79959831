"""What tests share: the command as a real process, a Prefect server for the session, a family of one's own."""

import fcntl
import gc
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support_postgres import Postgres

ROOT = Path(__file__).parents[1]
TINY = "tests.flows.tiny_family"
"""The plugin of the tests; processes find it because the root of the project is on their path."""

sys.path.insert(0, str(ROOT))

# The root of the project is on the path only now.
from flows.garbage import collect_seldom  # noqa: E402
from tests.support_forked import Forked, Forking  # noqa: E402
from tests.support_waiting import PATIENCE_S, wait_for  # noqa: E402

Assay = Callable[..., "subprocess.CompletedProcess[str]"]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without the settings of whoever runs the tests."""
    # Without compiled modules beside the sources, each process would compile all of the project: half a second.
    foreign = ("ASSAY_", "PREFECT_", "ANTHROPIC_", "COLUMNS", "FORCE_COLOR", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(ROOT))))
    return {**kept, "PYTHONPATH": path, **(extra or {})}


@pytest.fixture
def assay(tmp_path: Path) -> Assay:
    """Run the command in a folder of its own: `assay("run", "--n", "2", env={...})`."""
    return assay_in_a_process(tmp_path)


def assay_in_a_process(folder: Path) -> Assay:
    """Return what runs the command as a real process in a folder."""

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 240
    ) -> "subprocess.CompletedProcess[str]":
        environment = clean_environment(env)
        if forking := FORKING.get(Forking.key(environment)):
            return forking.run(arguments, folder, environment, timeout)
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


FORKING: dict[frozenset[tuple[str, str]], Forking] = {}
"""What forks the commands with the variables of a key, for as long as a session has it."""


@contextmanager
def forking(place: Path, variables: Mapping[str, str] | None = None) -> Iterator[None]:
    """Fork the commands with these variables, and others of their own, for as long as the context lasts."""
    environment = clean_environment(variables)
    key = Forking.key(environment)
    FORKING[key] = Forking(place, environment)
    try:
        yield
    finally:
        FORKING.pop(key).end()


def begin_assay(folder: Path, *arguments: str, env: Mapping[str, str]) -> Forked:
    """Begin a command that a test kills, interrupts or looks at; it leads a process group of its own."""
    environment = clean_environment(env)
    return FORKING[Forking.key(environment)].begin(arguments, folder, environment)


@pytest.fixture(scope="session", autouse=True)
def _forking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with forking(tmp_path_factory.mktemp("forking") / "socket"):
        yield


@contextmanager
def held_by_another(database: Path) -> Iterator[None]:
    """Hold a warehouse open for writing in another process."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom warehouse import Warehouse\n"
        "with Warehouse.open(Path(sys.argv[1])):\n    print('held', flush=True)\n    input()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(database)],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield
    finally:
        holder.communicate("\n")


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Postgres]":
    """A PostgreSQL server for the whole session."""
    from tests.support_postgres import postgres_server

    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[dict[str, str]]:
    """A Prefect server with its UI for the whole session; yields the variables that lead to it."""
    cache = getattr(pytestconfig, "cache", None)
    kept = tmp_path_factory.mktemp("database") if cache is None else cache.mkdir(f"prefect-{version('prefect')}")
    database = _new_database(kept, tmp_path_factory)
    home = tmp_path_factory.mktemp("prefect")
    shutil.copy(database, home / "prefect.db")
    with _prefect_server(home, AS_MADE) as told, forking(home / "socket", told):
        yield told
    shutil.rmtree(home, ignore_errors=True)


AS_MADE = {"PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false", "PREFECT_API_BLOCKS_REGISTER_ON_START": "false"}
"""How a server takes its database: it does not look for what is missing there."""


def _new_database(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the database of a server that has just been started for the first time: to make one takes it 5 s.

    Args:
        kept: where it is kept from one session to the next, for all of its processes.
    """
    database = kept / "prefect.db"
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not database.exists():
            home = tmp_path_factory.mktemp("first")
            with _prefect_server(home):
                pass
            new = kept / "new.db"
            new.unlink(missing_ok=True)
            with closing(sqlite3.connect(home / "prefect.db")) as made:
                made.execute("vacuum into ?", [str(new)])
            with closing(sqlite3.connect(new)) as copied:
                copied.execute("pragma journal_mode = wal")  # as a server keeps it: readers never wait for a writer
            new.rename(database)
    return database


@contextmanager
def _prefect_server(home: Path, how: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Run a Prefect server and yield the variables that lead to it; `how` is for the server alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # Thirty seconds between two looks at a limit are too long for a test.
        "PREFECT_SERVER_TASKS_TAG_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
        # A run every ten seconds is planned for two minutes, not for an hour.
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT2M",
    }
    url = f"http://127.0.0.1:{port}/api"
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "flows.embedded_server", str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=clean_environment(
                # The pages are copied into the home, not into the installed package.
                {
                    **variables,
                    **(how or {}),
                    "PREFECT_UI_API_URL": url,
                    "PREFECT_UI_STATIC_DIRECTORY": str(home / "ui"),
                }
            ),
        )
    assert server.stdin is not None
    try:
        _wait_for(server, f"{url}/health", home / "server.log")
        yield {**variables, "PREFECT_API_URL": url}
    finally:
        server.stdin.close()
        server.wait(timeout=PATIENCE_S)


def _wait_for(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    def answers() -> bool:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=PATIENCE_S).close()  # noqa: S310
        except OSError:
            return False
        return True

    wait_for(answers)


BUSY = (
    "graders/test_text_family_probes.py",
    "tasks_lib/test_spreadsheet_generate.py",
    "graders/test_attack_probes.py",
    "graders/test_spreadsheet_operators.py",
    "flows/test_report.py",
    "flows/test_recompose.py",
    "flows/test_trust.py",
    "flows/test_terminal.py",
    "flows/test_cookbook.py",
    "flows/test_regrade.py",
)
"""Files that compute for half a minute and more, longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, so that none ends last and alone: in turn one that waits and one that computes.

    Tests end to end wait for servers and processes much of their time: two of them at once leave a core idle.
    """
    files = list(dict.fromkeys(item.path for item in items))
    busy = [path for name in BUSY for path in files if path.as_posix().endswith(f"/tests/{name}")]
    waiting = [path for path in files if "e2e" in path.parts]
    first = [path for pair in zip_longest(waiting, busy) for path in pair if path is not None]
    order = {path: place for place, path in enumerate(dict.fromkeys((*first, *files)))}
    items.sort(key=lambda item: order[item.path])


def pytest_collection_finish() -> None:
    """Leave what was collected out of the rounds of the garbage collector, and have fewer of them, as a worker does.

    What was collected stays, and cost a sixth of the time; what tests keep in their caches, as much again.
    """
    gc.collect()
    gc.freeze()
    collect_seldom()
