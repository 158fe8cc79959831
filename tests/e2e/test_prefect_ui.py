"""What a team sees in the Prefect UI: a real server, two real runs of one deployment, and a real Chromium.

The second run has a grader that was made worse on purpose. Screenshots are left in build/screenshots.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as TooLate

from flows.report.shelf import served_shelf
from tests.conftest import TINY, clean_environment
from tests.flows.tiny_family import TinyUpper
from tests.support_browser import SCREENSHOTS, chromium, patient_context
from tests.support_models import files_with
from tests.support_prefect import PrefectApi
from tests.support_waiting import wait_for
from warehouse import Warehouse

pytestmark = [pytest.mark.flow, pytest.mark.services, pytest.mark.xdist_group("flow")]

HOSTILE = "mine|<img src=x onerror=\"document.title='owned'\">[a](http://example.com)`"
"""A policy that would add a column, an image, a link, were its name taken for markup."""
KEY, PASSWORD = "sk-planted-key-of-the-test", "planted-password-of-the-test"
OF_THE_UI = "https://sr-client-cfg.amplitude.com/config/"
"""What the second UI of Prefect asks of a foreign server by itself, with analytics off, too; it gets no answer here."""
WORSE = "tests.flows.careless_family"

NIGHTS = """
import sys
from pathlib import Path
from flows.plan import parse_instances
from flows.pool import import_plugins
from flows.runs import begin_run, finish_with_prefect
from flows.settings import read_settings
tiny, worse, policies = sys.argv[1], sys.argv[2], sys.argv[3].split("\\n")
for run_id, plugins in (("first", [tiny]), ("second", [tiny, worse])):
    settings = read_settings(None, {"families": ["tiny_upper"], "plugins": plugins, "policies": policies, "group": 8,
                                    "db": "assay.duckdb", "chunk_size": 100, "workers": 1})
    import_plugins(plugins)
    place = begin_run(settings, parse_instances(Path("tasks.jsonl")), run_id=run_id, deployment="tiny-nightly")
    finish_with_prefect(place, settings)
"""
"""Both nights in one process, which spares imports; the plugin of the second makes a grader worse."""


class Nights:
    """Two nights of one deployment, and what the server has of them."""

    def __init__(self, folder: Path, api: dict[str, str], reports: str) -> None:
        self.folder, self.api = folder, api
        self.ui = api["PREFECT_API_URL"].removesuffix("/api")
        self.server = PrefectApi(api)
        self.instances = list(TinyUpper().instances(n=8, seed=0))
        (folder / "tasks.jsonl").write_text("".join(each.model_dump_json() + "\n" for each in self.instances))
        lines = [
            {"instance_id": each.instance_id, "policy": HOSTILE, "sample": sample, "output": "AMBER BIRCH"}
            for each in self.instances
            for sample in range(8)
        ]
        (folder / "outputs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        environment = {
            **api, "ASSAY_REPORTS": str(folder / "reports"), "ASSAY_REPORTS_URL": reports,
            "ANTHROPIC_API_KEY": KEY, "PGPASSWORD": PASSWORD,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", NIGHTS, TINY, WORSE, f"sim/weak\nsim/strong\nreplay:outputs.jsonl:{HOSTILE}"],
            cwd=folder, env=clean_environment(environment), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def flow_run(self, run_id: str) -> str:
        """Return the identifier that Prefect gave a run."""
        (found,) = self.server.ask(
            "flow_runs/filter",
            {"flow_runs": {"name": {"like_": f"%({run_id})"}}, "sort": "START_TIME_DESC", "limit": 1},
        )
        return str(found["id"])

    def artifacts(self, run_id: str) -> dict[str, Any]:
        """Return what a run left: key -> content."""
        found = self.server.ask("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [self.flow_run(run_id)]}}})
        return {each["key"]: each for each in found}

    def logs(self, run_id: str) -> list[str]:
        """Return the lines of a run's log, once the closing one is there: they are sent a little later than said."""
        wanted = {"logs": {"flow_run_id": {"any_": [self.flow_run(run_id)]}}, "sort": "TIMESTAMP_ASC"}

        def look() -> list[str] | None:
            lines = [each["message"] for each in self.server.ask("logs/filter", wanted)]
            return lines if any(line.startswith(f"run {run_id}: ") for line in lines) else None

        found: list[str] = wait_for(look)
        return found

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Ask the warehouse."""
        with Warehouse.open(self.folder / "assay.duckdb", read_only=True) as warehouse:
            return warehouse.sql(query).to_dicts()


@pytest.fixture(scope="module")
def nights(prefect_api: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """Two nights, whose reports are served."""
    folder = tmp_path_factory.mktemp("nights")
    with served_shelf(folder / "reports") as url:
        yield Nights(folder, prefect_api, url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine."""
    with chromium() as launched:
        yield launched


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that reaches this machine alone; what else is asked for fails the test, but for the UI's own request."""
    context = patient_context(browser, viewport={"width": 1400, "height": 1000})
    abroad: list[str] = []

    def local(route: Any) -> None:
        if re.match(r"https?://127\.0\.0\.1:\d+/|data:|blob:", route.request.url):
            route.continue_()
        else:
            abroad.append(route.request.url)
            route.abort()

    context.route("**/*", local)
    opened = context.new_page()
    yield opened
    context.close()
    assert [url for url in abroad if not url.startswith(OF_THE_UI)] == []


def _picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"prefect-{name}.png", full_page=True)


ALL_AT_ONCE = """([texts, patterns]) => {
    const shown = document.body.innerText
    return texts.every(text => shown.includes(text)) && patterns.every(pattern => new RegExp(pattern).test(shown))
}"""


def _shows(page: Page, *texts: str, patterns: Sequence[str] = ()) -> None:
    """Wait until all of it can be read on the page at one moment: the UI takes off what it shows and draws it anew."""
    try:
        page.wait_for_function(ALL_AT_ONCE, arg=[texts, list(patterns)])
    except TooLate:
        wanted = ", ".join(map(repr, (*texts, *patterns)))
        raise AssertionError(f"not all of {wanted} is in {page.url}:\n{page.inner_text('body')}") from None


def _is_harmless(page: Page) -> None:
    """The name that is an attack is text, and nothing came of it."""
    assert page.title() != "owned"
    assert page.locator("img[src='x']").count() == 0


def test_entry_is_the_second_ui(nights: Nights, page: Page) -> None:
    """Who opens the server's address gets the UI that these tests look at."""
    page.goto(nights.ui)
    page.wait_for_url("**/v2/**")


def test_run_page_shows_logs(nights: Nights, page: Page) -> None:
    """The run's page has a line for every chunk with its counts, and ends with totals and where the report is."""
    page.goto(f"{nights.ui}/v2/runs/flow-run/{nights.flow_run('second')}")
    # Chunks of about 100: 2 of the 8 instances, 8 samples of each of three policies, and 18 of the audit.
    counts = " 84 rollouts: 83 graded, 0 lost, 1 not applicable"
    _shows(page, "(second)", "Completed", "tiny_upper sim/weak, sim/strong, ", counts)
    _is_harmless(page)
    _picture(page, "run")

    lines = nights.logs("second")
    (counted,) = nights.sql("select count(*) as n from rollout where run_id = 'second'")
    (closing,) = [line for line in lines if line.startswith("run second: ")]
    assert closing.startswith(f"run second: {counted['n']:,} rollouts, 0 lost, verdicts {{")
    assert re.search(r"report: http://127\.0\.0\.1:\d+/second\.html$", closing)
    assert [line.partition(":")[0] for line in lines if re.match("(plan|collect and grade|load|analyse):", line)] == [
        "plan", "collect and grade", "load", "analyse"
    ]  # fmt: skip
    assert any("probe echo regressed" in line for line in lines)


def test_run_page_lists_artifacts(nights: Nights, page: Page) -> None:
    """On the run's page and on the page of all artifacts are the bars, the tables, the summary and the link."""
    keys = ("progress-collect-and-grade", "progress-load", "verdicts", "probes", "run-summary", "report")
    page.goto(f"{nights.ui}/v2/runs/flow-run/{nights.flow_run('second')}?tab=Artifacts")
    _shows(page, *keys)
    _picture(page, "run-artifacts")
    page.goto(f"{nights.ui}/v2/artifacts")
    _shows(page, *keys)
    _picture(page, "artifacts")


def test_summary_says_what_changed(nights: Nights, page: Page) -> None:
    """The summary names the probe that is paid since last night, the grader's versions, and the warehouse's counts."""
    page.goto(f"{nights.ui}/v2/artifacts/artifact/{nights.artifacts('second')['run-summary']['id']}")
    verdicts = nights.sql("select verdict, count(*) as n from task_verdict where run_id = 'second' group by verdict")
    assert verdicts != []
    _shows(
        page,
        "Since run first of deployment tiny-nightly",
        "tiny_upper: probe echo regressed: is paid without the work on 8 of 8 instances, before on 0 of 8",
        "The runs differ in: grader (tiny_upper/deterministic 1 -> tiny_upper/deterministic 2).",
        patterns=[rf"{row['verdict']}\s+{row['n']}\b" for row in verdicts],
    )
    _is_harmless(page)
    assert page.locator("a[href*='example.com']").count() == 0
    _picture(page, "summary")
    assert "The first completed run of deployment" in nights.artifacts("first")["run-summary"]["data"]


def test_verdicts_are_the_warehouse_s(nights: Nights, page: Page) -> None:
    """The table of verdicts shows every row; a name that is an attack stands there letter by letter."""
    table = nights.artifacts("second")["verdicts"]
    page.goto(f"{nights.ui}/v2/artifacts/artifact/{table['id']}")
    _shows(page, "sim/strong", HOSTILE)
    _is_harmless(page)
    _picture(page, "verdicts")
    rows = json.loads(table["data"])
    wanted = nights.sql(
        "select policy, verdict, count(*) as groups from task_verdict where run_id = 'second' group by all order by all"
    )
    assert sorted((row["policy"], row["verdict"], row["groups"]) for row in rows) == [
        (row["policy"], row["verdict"], row["groups"]) for row in wanted
    ]


def test_report_opens_from_its_link(nights: Nights, page: Page) -> None:
    """The artifact leads to the report, over HTTP, and it draws."""
    page.goto(f"{nights.ui}/v2/artifacts/artifact/{nights.artifacts('second')['report']['id']}")
    _shows(page, "Report of run second")
    link = page.get_by_role("link", name="Report of run second")
    page.goto(str(link.get_attribute("href")))
    page.wait_for_selector("html[data-charts=all]")
    _picture(page, "report")


def test_nothing_secret_reaches_the_server(nights: Nights) -> None:
    """No key, password, prompt or output is in what the server keeps: database, logs, artifacts, parameters."""
    home = Path(nights.api["PREFECT_HOME"])
    assert files_with(home, "Groups by verdict, run second") != []  # it is what is searched
    (output,) = nights.sql("select max(output) as text from rollout where run_id = 'second' and policy_id = 'oracle'")
    for secret in (KEY, PASSWORD, "Please put the words", output["text"]):
        assert files_with(home, secret) == []
