"""The rating page in a real browser, by keyboard: it saves, resumes, undoes, holds on when it cannot save, stays blind.

Screenshots are left in build/screenshots.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from flows.calibration.journal import Entry, journal_path, read_journal
from flows.calibration.sheet import Item
from tests.support_browser import SCREENSHOTS, chromium, patient_context
from tests.support_calibration import SET, write_set
from tests.support_rating import Server, free_port, rating
from tests.support_report import ATTACK

pytestmark = pytest.mark.xdist_group("browser")

CSV = 'date,amount,note\n2026-01-02,12.50,"two, of a kind"\n2026-01-03,7,"said ""so"""\n'
RATERS = ("anna", "ben", "cleo", "dan", "eve", "fay", "gus", "hal")
"""A rater for each test, so that one server does for all of them."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine."""
    with chromium() as launched:
        yield launched


class Lab:
    """A set of four items that is served: a document, a table, an attack, and nothing."""

    def __init__(self, db: Path, items: list[Item], server: Server) -> None:
        self.db, self.items, self.server = db, items, server

    def said(self, rater: str) -> list[Entry]:
        """Return what the journal has of a rater, in order."""
        lines = read_journal(journal_path(self.db, SET)).lines
        return [line.entry for line in lines if line.entry.rater == rater]


@pytest.fixture(scope="module")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One server for all tests here."""
    db = tmp_path_factory.mktemp("page") / "assay.duckdb"
    document = "# Outage of the mail\n\n" + "The fault was found on 3 May and mended within two hours. " * 12
    items = write_set(db, n_items=4, raters=RATERS, outputs=[document, CSV, ATTACK, ""])
    with rating(db) as server:
        yield Lab(db, items, server)


@contextmanager
def watched(browser: Browser, port: int, expected: str | None = None, **options: Any) -> Iterator[BrowserContext]:
    """Open pages; fail on any request elsewhere and on anything the console says but for what is expected."""
    context = patient_context(browser, **options)
    wrong: list[str] = []

    def serve(route: Any) -> None:
        if route.request.url.startswith(f"http://127.0.0.1:{port}/"):
            route.continue_()
        else:
            wrong.append(f"request: {route.request.url}")
            route.abort()

    context.route("**/*", serve)
    context.on("console", lambda message: wrong.append(f"console: {message.text}"))
    context.on("weberror", lambda error: wrong.append(f"error: {error.error}"))
    yield context
    context.close()
    assert [text for text in wrong if expected is None or expected not in text] == []


@contextmanager
def opened(browser: Browser, lab: Lab, rater: str, **options: Any) -> Iterator[Page]:
    """Open a rater's page."""
    with watched(browser, lab.server.port, **options) as context:
        yield begin(context, lab.server.links[rater])


def begin(context: BrowserContext, link: str) -> Page:
    page = context.new_page()
    page.goto(link)
    page.wait_for_selector("html[data-ready=yes]")
    return page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def status(page: Page) -> Any:
    return expect(page.locator("#status"))


def place(page: Page) -> Any:
    return expect(page.locator("#place"))


def test_a_set_is_rated_by_keyboard_alone(browser: Browser, lab: Lab) -> None:
    """Levels, a note, cannot be assessed, back and forth; each answer is in the journal once the page says saved."""
    with opened(browser, lab, "anna") as page:
        place(page).to_have_text("Item 1 of 4")
        status(page).to_have_text("Not answered yet")
        press(page, "3")
        status(page).to_have_text("Saved: level 3")
        assert [entry.level for entry in lab.said("anna")] == [3]
        expect(page.locator("#levels [aria-pressed=true]")).to_have_attribute("data-level", "3")
        expect(page.locator("#count")).to_have_text("1 of 4 answered")

        press(page, "Enter")
        place(page).to_have_text("Item 2 of 4")
        press(page, "n")
        page.keyboard.type("2 of 3 hold, x is open")
        press(page, "Escape", "x")
        status(page).to_have_text("Saved: cannot be assessed")
        press(page, "ArrowRight", "0", "Enter", "4", "Enter")
        expect(page.locator("#done-title")).to_have_text("All 4 items are answered")

        press(page, "ArrowLeft", "ArrowLeft", "ArrowLeft")
        place(page).to_have_text("Item 2 of 4")
        expect(page.locator("#note")).to_have_value("2 of 3 hold, x is open")
        status(page).to_have_text("Answered before: cannot be assessed")
        press(page, "2")
        status(page).to_have_text("Saved: level 2")
    said = {entry.item_id: (entry.level, entry.note) for entry in lab.said("anna")}
    assert [said[item.item_id] for item in lab.items] == [
        (3, None),
        (2, "2 of 3 hold, x is open"),
        (0, None),
        (4, None),
    ]


def test_keys_that_mean_nothing_do_nothing(browser: Browser, lab: Lab) -> None:
    """A level that the scale lacks, a key with Ctrl, a letter: no answer."""
    with opened(browser, lab, "ben") as page:
        press(page, "5", "9", "Control+1", "q", "ArrowLeft")
        status(page).to_have_text("This is the first one")
        expect(page.locator("#levels [aria-pressed=true]")).to_have_count(0)
    assert lab.said("ben") == []


def test_the_mouse_will_do_as_well(browser: Browser, lab: Lab) -> None:
    """Clicks choose and move on; Enter after a click on a level moves on and does not choose again."""
    with opened(browser, lab, "ben") as page:
        page.click("#levels [data-level='1']")
        status(page).to_have_text("Saved: level 1")
        press(page, "Enter")
        place(page).to_have_text("Item 2 of 4")
        page.click("#back")
        place(page).to_have_text("Item 1 of 4")
        page.fill("#note", "clicked")
        page.click("#next")
        place(page).to_have_text("Item 2 of 4")
    assert [(entry.level, entry.note) for entry in lab.said("ben")] == [(1, None), (1, "clicked")]


def test_undo_takes_back_one_answer_after_the_other(browser: Browser, lab: Lab) -> None:
    """First a change, back to what was said before it; then the answer itself, which leaves the item open."""
    with opened(browser, lab, "cleo") as page:
        press(page, "1", "Enter", "2")
        status(page).to_have_text("Saved: level 2")
        press(page, "4")
        status(page).to_have_text("Saved: level 4")
        press(page, "u")
        status(page).to_have_text("Undone. Saved: level 2")
        press(page, "u")
        status(page).to_have_text("Undone; this one is open again")
        place(page).to_have_text("Item 2 of 4")
        press(page, "u")
        place(page).to_have_text("Item 1 of 4")
        status(page).to_have_text("Undone; this one is open again")
        expect(page.locator("#count")).to_have_text("0 of 4 answered")
        press(page, "u")
        status(page).to_have_text("Nothing to undo since this page was opened")
    assert [(entry.level, entry.withdrawn) for entry in lab.said("cleo")] == [
        (1, False), (2, False), (4, False), (2, False), (None, True), (None, True),
    ]  # fmt: skip


def test_what_is_typed_ahead_goes_where_it_was_meant(browser: Browser, lab: Lab) -> None:
    """Faster than the disk: levels go to the items that they were typed for, `x` in a note to come is no answer."""
    with opened(browser, lab, "dan") as page:
        page.route("**/answers/*", lambda route: (page.wait_for_timeout(30), route.continue_()))
        press(page, "1", "Enter", "2", "ArrowRight", "n", "x", "ArrowLeft", "ArrowLeft")
        expect(page.locator("#note")).to_be_focused()
        place(page).to_have_text("Item 3 of 4")
        press(page, "Escape", "ArrowLeft", "u", "u")
        status(page).to_have_text("Undone; this one is open again")
        expect(page.locator("#count")).to_have_text("0 of 4 answered")
    said = [(entry.item_id, entry.level) for entry in lab.said("dan")]
    assert said[:2] == [(lab.items[0].item_id, 1), (lab.items[1].item_id, 2)]
    assert [level for _, level in said[2:]] == [None, None]


def test_a_page_goes_on_where_its_rater_stopped(browser: Browser, lab: Lab) -> None:
    """Opened anew it begins with the first item that is open, also one that was skipped, and ends when none is."""
    with watched(browser, lab.server.port) as context:
        page = begin(context, lab.server.links["dan"])
        press(page, "2", "Enter", "Enter", "3")
        status(page).to_have_text("Saved: level 3")
        page.close()

        page = begin(context, lab.server.links["dan"])
        place(page).to_have_text("Item 2 of 4")
        press(page, "1", "Enter")
        place(page).to_have_text("Item 3 of 4")
        status(page).to_have_text("Answered before: level 3")
        press(page, "Enter", "Enter")
        status(page).to_have_text("This is the last one that is open")
        press(page, "0", "Enter")
        expect(page.locator("#done-title")).to_have_text("All 4 items are answered")
        page.reload()
        expect(page.locator("#done-title")).to_have_text("All 4 items are answered")


def test_two_raters_at_the_same_time_see_only_their_own(browser: Browser, lab: Lab) -> None:
    """Answers by turns in two browsers: each page counts its own, and goes on with its own."""
    port, links = lab.server.port, lab.server.links
    with watched(browser, port) as hers, watched(browser, port) as theirs:
        eve, fay = begin(hers, links["eve"]), begin(theirs, links["fay"])
        for keys in (("4", "Enter"), ("3", "Enter")):
            press(eve, *keys)
            press(fay, "0", "Enter")
        place(eve).to_have_text("Item 3 of 4")
        place(fay).to_have_text("Item 3 of 4")
        press(fay, "1")
        status(fay).to_have_text("Saved: level 1")
        expect(eve.locator("#count")).to_have_text("2 of 4 answered")
        expect(fay.locator("#count")).to_have_text("3 of 4 answered")
        expect(eve.locator("#rater")).to_have_text("eve")
        press(eve, "ArrowLeft")
        expect(eve.locator("#levels [aria-pressed=true]")).to_have_attribute("data-level", "3")
    assert [entry.level for entry in lab.said("eve")] == [4, 3]
    assert [entry.level for entry in lab.said("fay")] == [0, 0, 1]


def test_hostile_outputs_stay_texts(browser: Browser, lab: Lab) -> None:
    """What would run or load something stands there letter for letter; nothing handed in is said to be nothing."""
    with opened(browser, lab, "gus") as page:
        press(page, "Enter", "Enter")
        expect(page.locator("#output")).to_have_text(ATTACK)
        assert page.title() == "Rating: faithfulness"
        assert page.locator("img, iframe, script:not([src='/page.js'])").count() == 0
        press(page, "Enter")
        expect(page.locator("#output")).to_have_text("Nothing was handed in.")


def test_a_table_can_be_read_as_one(browser: Browser, lab: Lab) -> None:
    """`t` shows a CSV text as a table, quoted commas and quotes included; a document has no such choice."""
    with opened(browser, lab, "gus") as page:
        expect(page.locator("#as-table")).to_be_hidden()
        press(page, "Enter", "t")
        expect(page.locator("#table th")).to_have_text(["date", "amount", "note"])
        expect(page.locator("#table td")).to_have_text(
            ["2026-01-02", "12.50", "two, of a kind", "2026-01-03", "7", 'said "so"']
        )
        press(page, "t")
        expect(page.locator("#output")).to_have_text(CSV)


def test_nothing_tells_whose_output_it_is(browser: Browser, lab: Lab) -> None:
    """The page as it stands, and all of its texts: no policy, no rollout, no other rater."""
    with opened(browser, lab, "hal") as page:
        for _ in lab.items:
            seen = page.content().lower()
            for secret in ("secret-policy", "rollout", "cleo", "stratum", SET):
                assert secret not in seen
            press(page, "ArrowRight")


def test_materials_and_request_are_there_when_wanted(browser: Browser, lab: Lab) -> None:
    """Folded at first, by name; the question and every level with its anchor are in sight all along."""
    with opened(browser, lab, "hal") as page:
        name, text = next(iter(lab.items[0].materials.items()))
        expect(page.locator("#materials")).to_be_hidden()
        page.click("#materials-title")
        expect(page.locator("#materials .name").filter(has_text=name)).to_be_visible()
        expect(page.locator("#materials pre").filter(has_text=text.splitlines()[0]).first).to_be_visible()
        page.click("#request-box summary")
        expect(page.locator("#request")).to_have_text(lab.items[0].request)
        page.set_viewport_size({"width": 1280, "height": 900})
        for level in (*range(5), None):
            expect(page.locator(f"#levels [data-level='{'null' if level is None else level}']")).to_be_in_viewport(
                ratio=1
            )
        expect(page.locator("#question")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"),
    [
        ("light", 1280, 900, "light"),
        ("dark", 1280, 900, "dark"),
        ("narrow", 390, 844, "light"),
        ("zoomed", 640, 450, "light"),
    ],
)
def test_the_page_fits(browser: Browser, lab: Lab, name: str, width: int, height: int, scheme: Any) -> None:
    """Wide, narrow, and 1280 x 900 at 200 %: nothing runs out of the window sideways, and answers can be reached."""
    with opened(browser, lab, "hal", viewport={"width": width, "height": height}, color_scheme=scheme) as page:
        press(page, "3")
        status(page).to_have_text("Saved: level 3")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"rating-{name}.png")
        press(page, "u")
        status(page).to_have_text("Undone; this one is open again")


def test_every_control_has_a_name_and_shows_focus(browser: Browser, lab: Lab) -> None:
    """By Tab alone each control is reached, has a name for a screen reader, and is outlined."""
    with opened(browser, lab, "hal") as page:
        reached = set()
        for _ in range(16):
            press(page, "Tab")
            found = page.evaluate(
                "() => { const e = document.activeElement; const s = getComputedStyle(e);"
                " return [e.id || e.dataset.level || e.tagName, s.outlineStyle,"
                " (e.labels?.[0] ?? e).textContent.trim()] }"
            )
            if found[0] == "BODY":
                continue
            assert found[1] == "solid", found
            assert found[2], found
            reached.add(found[0])
    assert reached >= {"0", "1", "2", "3", "4", "null", "note", "back", "undo", "next"}


def test_a_page_holds_on_to_what_it_cannot_save(browser: Browser, tmp_path: Path) -> None:
    """The server is killed: the page says so, stays, and saves by itself once there is one again."""
    db = tmp_path / "assay.duckdb"
    write_set(db, n_items=2, raters=("anna",))
    port = free_port()
    arguments = ("--port", str(port))
    with watched(browser, port, expected="ERR_CONNECTION_REFUSED") as context:
        with rating(db, *arguments) as server:
            page = begin(context, server.links["anna"])
            press(page, "1")
            status(page).to_have_text("Saved: level 1")
            server.kill()
        press(page, "2", "Enter", "3")  # the 3 was meant for an item that the page did not move to
        status(page).to_contain_text("NOT saved yet")
        expect(page.locator("#trouble")).to_contain_text("the server does not answer")
        press(page, "Enter")
        place(page).to_have_text("Item 1 of 2")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / "rating-not-saved.png")
        with rating(db, *arguments):
            status(page).to_have_text("Saved: level 2")
            expect(page.locator("#trouble")).to_be_hidden()
            press(page, "Enter")
            place(page).to_have_text("Item 2 of 2")
    levels = [line.entry.level for line in read_journal(journal_path(db, SET)).lines]
    assert levels == [1, 2]
