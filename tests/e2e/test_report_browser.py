"""The report in a real browser: it draws, leads from a verdict to a rollout, loads nothing, and runs nothing foreign.

Screenshots of a real run at two widths, light and dark, are left in build/screenshots.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

import tasks_lib
from flows import evaluate
from flows.report.queries import OF_GROUPS, VIEWS
from flows.report.write import report
from tests.support_browser import SCREENSHOTS, chromium, patient_context
from tests.support_report import ATTACK, hostile, hostile_lab, lab_page
from warehouse import Warehouse
from warehouse.definitions import tables, views

pytestmark = pytest.mark.xdist_group("browser")

MINUS = "\N{MINUS SIGN}"
DRAWN = "html[data-charts=all]"
WIDE, NARROW = 1280, 390
Open = Callable[..., Page]


class Made:
    """A real run and its page."""

    def __init__(self, folder: Path) -> None:
        self.db = folder / "assay.duckdb"
        instances = [
            each
            for name in ("doc_revision", "spreadsheet_clean")
            for each in tasks_lib.family(name).instances(n=2, seed=0)
        ]
        run = evaluate(
            instances, policies=["sim/weak", "sim/strong"], group=8, db=self.db, prefect=False, workers=1,
            weak="sim/weak", strong="sim/strong",
        )  # fmt: skip
        self.run_id = run.run_id
        self.page = report(self.db, self.run_id, folder / "report.html").path

    def view(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of the run, in the order of the view's grain."""
        with Warehouse.open(self.db, read_only=True) as warehouse:
            frame = warehouse.view(name).filter(run_id=self.run_id)
            if name in OF_GROUPS:
                frame = frame.filter(pl.col("policy_id").str.starts_with("sim/"))
        return frame.sort({**tables(), **views()}[name].grain).to_dicts()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine."""
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def made(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run of two families and two policies."""
    return Made(tmp_path_factory.mktemp("report"))


@contextmanager
def watched(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """Open pages without a network; fail on any request for more than the file, and on anything the console says."""
    context = patient_context(browser, offline=True, **options)
    wrong: list[str] = []

    def serve(route: Any) -> None:
        if route.request.url.startswith("file://") and route.request.is_navigation_request():
            route.continue_()
        else:
            wrong.append(f"request: {route.request.url}")
            route.abort()

    context.route("**/*", serve)
    context.on("console", lambda message: wrong.append(f"console: {message.text}"))
    context.on("weberror", lambda error: wrong.append(f"error: {error.error}"))
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def open_page(browser: Browser, made: Made) -> Iterator[Open]:
    """Open the report of the real run: `open_page("#spread", width=390)`."""
    with watched(browser) as context:

        def opened(place: str = "", *, width: int = WIDE, page: Path = made.page) -> Page:
            sheet = context.new_page()
            sheet.set_viewport_size({"width": width, "height": 900})
            sheet.goto(page.as_uri() + place)
            return sheet

        yield opened


def _all_drawn(page: Page) -> Page:
    page.wait_for_selector(DRAWN)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_page_draws_at_two_widths_in_two_schemes(browser: Browser, made: Made, width: int, scheme: Any) -> None:
    """Every chart is drawn, nothing is wider than the screen, nothing is loaded; the picture is kept."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with watched(browser, viewport={"width": width, "height": 900}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(made.page.as_uri())
        _all_drawn(page)

        assert page.locator(".chart svg").count() == page.locator(".chart").count() > 20
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("figure").filter(has_not=page.locator("h3")).count() == 0
        page.screenshot(path=SCREENSHOTS / f"report-{width}-{scheme}.png", full_page=True)
        page.evaluate("location.hash = document.querySelector('#groups .chip').hash")
        page.locator("#detail tbody a").first.click()
        page.wait_for_selector("#detail .strip")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.screenshot(path=SCREENSHOTS / f"group-{width}-{scheme}.png", full_page=True)
        page.get_by_role("link", name="lowest reward").first.click()
        page.wait_for_selector("#detail .output")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.screenshot(path=SCREENSHOTS / f"rollout-{width}-{scheme}.png", full_page=True)


def test_from_verdict_to_rollout_and_back(open_page: Open, made: Made) -> None:
    """Each level has an address of its own and says what it is; the back button goes up the way one came."""
    page = _all_drawn(open_page())
    verdict = made.view("task_verdict")[0]

    page.locator("#chips a", has_text=verdict["verdict"].replace("_", " ")).click()
    page.wait_for_selector("#detail table")
    assert page.url.endswith(f"#verdict/{verdict['verdict']}")

    page.get_by_role("link", name=verdict["instance_id"]).first.click()
    page.wait_for_selector("#detail .strip")
    assert "#group/" in page.url
    assert page.locator("#detail h1").inner_text() == verdict["instance_id"]
    assert verdict["reason"] in page.locator("#detail .finding").inner_text()
    assert page.locator(".strip circle").count() == verdict["n"]
    assert (
        page.locator(".strip circle.kept").count() == page.locator("#detail .scroll").first.locator("tbody tr").count()
    )

    page.get_by_role("link", name="lowest reward").click()
    page.wait_for_selector("#detail .output")
    assert "#rollout/" in page.url
    assert page.locator("#detail .bars").count() == 2

    for expected in ("#group/", "#verdict/"):
        page.go_back()
        page.wait_for_selector(f"#detail[data-shown^='{expected}']")
    page.go_back()
    page.wait_for_selector("#report:not([hidden])")
    assert page.locator("#detail").is_hidden()


def test_address_of_a_rollout_opens_it(open_page: Open, made: Made) -> None:
    """A link that somebody sent leads to its rollout; from there the whole report can be reached."""
    verdict = made.view("task_verdict")[0]
    policy = verdict["policy_id"].replace("/", "%2F").replace("#", "%23")
    page = open_page(f"#rollout/{verdict['instance_id']}/{policy}/0")
    page.wait_for_selector("#detail h1")

    assert "Sample 0" in page.locator("#detail h1").inner_text()
    page.locator(".crumbs a").first.click()
    page.wait_for_selector("#report:not([hidden])")
    _all_drawn(page)


@pytest.mark.parametrize(
    "place", ["#group/nobody/nothing", "#verdict/nonsense", "#rollout/a/b/c", "#%E0%A4%A", "#nowhere"]
)
def test_unknown_address_is_no_error(open_page: Open, place: str) -> None:
    """A link to what is not there says so, or shows the report."""
    page = open_page(place)

    page.wait_for_selector("main:not([hidden]) h1")


def test_every_number_in_a_table_is_that_of_its_view(open_page: Open, made: Made) -> None:
    """Read back from the screen, each cell is the view's value as this test would write it, row by row."""
    page = _all_drawn(open_page())
    for more in page.locator("button.more:visible").all():
        while more.is_visible():
            more.click()
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; each.build?.(); })")
    layout = page.evaluate("JSON.parse(document.getElementById('report-layout').textContent)")
    seen = 0
    for figure in [figure for section in layout for figure in section["figures"]]:
        name = figure["source"]
        if name not in VIEWS:
            continue
        expected = [row for row in made.view(name) if all(row[key] == value for key, value in figure["where"].items())]
        cells = page.locator(f"#figure-{figure['key']} tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.cells]"
            ".map(cell => [cell.firstChild?.textContent ?? '', cell.dataset.value]))"
        )
        assert len(cells) == min(len(expected), 200) or len(cells) == len(expected), name
        for row, shown in zip(expected, cells, strict=False):
            for column, (text, value) in zip(figure["columns"], shown, strict=True):
                if isinstance(row[column["key"]], (int, float)) and not isinstance(row[column["key"]], bool):
                    assert float(value) == pytest.approx(row[column["key"]], rel=1e-12), (name, column)
                    assert text == _written(column["form"], float(value)), (name, column)
                    seen += 1
    assert seen > 1000


def _written(form: str, value: float) -> str:
    """Write a number as the page should, in Python's own way."""
    if form == "count":
        return f"{value:,.0f}"
    if form == "share":
        if 0 < value < 0.001:
            return "<0.1%"
        if 0.999 < value < 1:
            return ">99.9%"
        return f"{_rounded(100 * value, 1 if value and abs(value) < 0.01 else 0)}%"
    return ("+" if form == "signed" and value > 0 else "") + _rounded(value, 3)


def _rounded(value: float, places: int) -> str:
    """Round as JavaScript does, the half away from zero, and write a minus sign for what is below zero."""
    text = str(Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))
    return text.replace("-", MINUS)


def test_data_in_the_page_is_the_warehouse(open_page: Open, made: Made) -> None:
    """The page's own data, read in the browser, is what the views say."""
    page = open_page()
    data = page.evaluate("JSON.parse(document.getElementById('report-data').textContent)")

    for name in VIEWS:
        if name not in views():
            continue
        expected = made.view(name)
        assert len(data[name]["rows"]) == len(expected), name
        for row, other in zip(data[name]["rows"], expected, strict=True):
            for column, value in zip(data[name]["columns"], row, strict=True):
                known = other[column]
                assert value == (pytest.approx(known, rel=1e-12) if isinstance(known, float) else known), (name, column)


def test_bars_of_a_chart_are_as_many_as_the_rows(open_page: Open, made: Made) -> None:
    """A chart draws the rows of its view: as many cells in the heat map, as many rings as probes."""
    page = _all_drawn(open_page())

    cells = page.locator("#figure-confusion-map .mark-text.role-mark text").count()
    assert cells == len(made.view("grader_confusion"))
    probes = page.locator("#figure-probe-ladder .role-axis-label text").all_text_contents()
    assert {row["probe"] for row in made.view("probe_floor")} <= set(probes)


def test_hostile_texts_stay_texts(browser: Browser, tmp_path: Path) -> None:
    """Names, outputs, evidence, materials and reasons that are scripts are shown as they are, and nothing runs."""
    path = lab_page(hostile_lab(), tmp_path / "hostile.html", (f"breach {ATTACK}",))
    with watched(browser, viewport={"width": WIDE, "height": 900}) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        _all_drawn(page)
        title = page.title()
        assert "owned" not in title
        assert ATTACK in page.locator(".breaches").inner_text()
        page.locator("#figure-probe-ladder summary").click()
        assert hostile("probe") in page.locator("#figure-probe-ladder tbody").inner_text()

        page.goto(path.as_uri() + "#verdict/all")
        page.get_by_role("link", name=f"{hostile('instance')} 1").first.click()
        page.wait_for_selector("#detail .strip")
        assert page.locator("#detail h1").inner_text() == f"{hostile('instance')} 1"
        for text in ("prompt", "file", "dimension"):
            assert hostile(text) in page.locator("#detail").inner_text()

        page.get_by_role("link", name="lowest reward").click()
        page.wait_for_selector("#detail .output")
        page.locator("#detail details").evaluate_all("all => all.forEach(each => { each.open = true; })")
        shown = page.locator("#detail").inner_text()
        for text in ("output", "reason", "tool", "observation", "said", "thinking"):
            assert hostile(text) in shown, text
        assert page.locator(".output mark").first.inner_text() == hostile("evidence")
        assert page.title() == title
        assert page.locator("img, iframe, main script").count() == 0


def test_markup_that_slipped_through_could_not_run(browser: Browser, tmp_path: Path) -> None:
    """The policy in the head is what stops it: a script put into the page by hand does nothing."""
    path = lab_page(hostile_lab(), tmp_path / "hostile.html")
    broken = path.with_name("broken.html")
    broken.write_text(
        path.read_text(encoding="utf-8").replace("<footer>", f"<p>{ATTACK}</p><footer>"), encoding="utf-8"
    )
    context = patient_context(browser, offline=True)
    page = context.new_page()
    page.goto(broken.as_uri())
    page.wait_for_selector("footer")

    assert "owned" not in page.title()
    context.close()


def test_colours_follow_the_system_and_the_button(open_page: Open) -> None:
    """Auto, light, dark and round again; charts take their colours from the style sheet, so they follow."""
    page = _all_drawn(open_page())
    page.emulate_media(color_scheme="light")

    def colours() -> tuple[str, str]:
        return page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, "
            "getComputedStyle(document.querySelector('.chart .role-axis-label text')).fill]"
        )

    light = colours()
    page.emulate_media(color_scheme="dark")
    dark = colours()
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    button = page.locator("#theme")
    assert button.inner_text() == "Auto"
    button.click()
    assert button.inner_text() == "Light"
    assert colours() == light
    page.reload()
    assert colours() == light
    button.click()
    assert colours() == dark
    button.click()
    assert button.inner_text() == "Auto"


def test_keyboard_is_enough(open_page: Open) -> None:
    """Tab reaches the skip link and the chips, Enter opens, focus moves to the heading, Escape goes up."""
    page = _all_drawn(open_page())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"

    page.locator("#chips a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#detail table")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.hash?.startsWith('#group/') ?? false"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#detail .strip")
    page.keyboard.press("Escape")
    page.wait_for_selector("#detail[data-shown^='#verdict/']")
    page.keyboard.press("Escape")
    page.wait_for_selector("#report:not([hidden])")


def test_columns_sort(open_page: Open) -> None:
    """A click on a heading puts the largest number first, a second the smallest, and says so."""
    page = _all_drawn(open_page())
    figure = page.locator("#figure-health")
    heading = figure.get_by_role("button", name="mean reward")

    def column() -> list[float]:
        cells = figure.locator("tbody tr").evaluate_all("rows => rows.map(row => [...row.cells].at(-2).dataset.value)")
        return [float(cell) for cell in cells]

    heading.click()
    assert column() == sorted(column(), reverse=True)
    heading.click()
    assert column() == sorted(column())
    assert figure.locator("th[aria-sort=ascending]").count() == 1


def test_charts_have_words(open_page: Open) -> None:
    """Each chart has a label for whoever does not see it, and a table with the same numbers."""
    page = _all_drawn(open_page())
    labels = page.locator(".chart").evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")

    assert all(label and "table below" in label for label in labels)
    without = page.locator("figure").filter(has=page.locator(".chart")).filter(has_not=page.locator("details"))
    assert without.count() == 0


def test_print_unfolds_and_drops_the_controls(open_page: Open, tmp_path: Path) -> None:
    """On paper there is no navigation and nothing folded but long tables; columns keep their headings; it is light."""
    page = _all_drawn(open_page())
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert page.locator("#theme").is_hidden()
    assert page.locator(".frame > nav").is_hidden()
    folded = page.locator("main#report details:not([open])")
    assert all(int(rows) > 40 for rows in folded.evaluate_all("all => all.map(each => each.dataset.rows)"))
    assert page.locator("#figure-verdicts details tbody tr").count() > 0
    assert page.locator("#figure-health th").all_inner_texts()[:3] == ["family", "policy", "instances"]
    assert page.locator("#figure-health th button").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 33, 38)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#figure-verdicts details[open]").count() == 0
    paper = page.pdf(path=tmp_path / "report.pdf", format="A4", print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) > 5
