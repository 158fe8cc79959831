"""The rating page over real HTTP: who gets in, what is kept, what raters never see, and what a kill leaves."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from threading import Lock

import pytest

from flows.calibration.journal import journal_path, read_journal, take_in_journals
from flows.calibration.sheet import Item
from tests.conftest import Assay, held_by_another
from tests.support_calibration import SET, write_set
from tests.support_rating import Server, ask, free_port, rating
from warehouse import Warehouse


class Lab:
    """A set that is served."""

    def __init__(self, db: Path, items: list[Item], server: Server) -> None:
        self.db, self.items, self.server = db, items, server
        self.anna, self.ben = server.links["anna"], server.links["ben"]

    def answers(self, link: str) -> dict[str, object]:
        """Return the answers that a rater's page begins with."""
        found: dict[str, object] = ask(f"{link}sheet").json["answers"]
        return found

    def n_lines(self) -> int:
        return len(read_journal(journal_path(self.db, SET)).lines)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Six items, anna and ben; one server for all tests here, each with items of its own."""
    db = tmp_path_factory.mktemp("page") / "assay.duckdb"
    items = write_set(db, n_items=6)
    with rating(db) as server:
        yield Lab(db, items, server)


def test_an_answer_is_on_the_disk_before_it_is_acknowledged(lab: Lab) -> None:
    """It stands in the journal once the reply is there, and the page begins with it after a reload."""
    item = lab.items[0].item_id
    reply = ask(f"{lab.anna}answers/{item}", "PUT", {"level": 3, "note": " fine "})

    assert (reply.status, reply.json) == (200, {"saved": True, "answer": {"level": 3, "note": "fine"}})
    line = read_journal(journal_path(lab.db, SET)).lines[-1].entry
    assert (line.rater, line.item_id, line.level, line.note) == ("anna", item, 3, "fine")
    assert lab.answers(lab.anna)[item] == {"level": 3, "note": "fine"}
    assert item not in lab.answers(lab.ben)


def test_an_answer_can_be_withdrawn(lab: Lab) -> None:
    """What was undone is open again; undoing what is not there says the same and writes nothing."""
    item = lab.items[1].item_id
    ask(f"{lab.anna}answers/{item}", "PUT", {"level": None})
    assert lab.answers(lab.anna)[item] == {"level": None, "note": ""}
    assert ask(f"{lab.anna}answers/{item}", "DELETE").json == {"saved": True, "answer": None}
    before = lab.n_lines()

    assert ask(f"{lab.anna}answers/{item}", "DELETE").status == 200
    assert item not in lab.answers(lab.anna)
    assert lab.n_lines() == before


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"level": 5}, 422, "0 to 4"),
        ({"level": -1}, 422, "0 to 4"),
        ({"level": 2.5}, 422, "0 to 4"),
        ({"level": True}, 422, "0 to 4"),
        ({"level": "3"}, 422, "0 to 4"),
        ({"note": "no level"}, 422, "has a level"),
        ([3], 422, "has a level"),
        ({"level": 3, "note": 7}, 422, "note"),
        ({"level": 3, "note": "x" * 4001}, 422, "note"),
        (b"{", 422, "JSON"),
        (b"[" * 60_000, 422, "JSON"),
        (b"\xff", 422, "JSON"),
        (b" " * 70_000, 413, "bytes"),
    ],
)
def test_what_is_no_answer_is_refused_with_its_reason(lab: Lab, body: object, status: int, reason: str) -> None:
    """Nothing of it reaches the journal."""
    before = lab.n_lines()
    reply = ask(f"{lab.anna}answers/{lab.items[2].item_id}", "PUT", body)

    assert reply.status == status
    assert reason in reply.json["error"]
    assert lab.n_lines() == before


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Origin": "http://evil.example"}, "evil.example"),
        ({"Origin": "null"}, "null"),
        ({"Origin": "http://127.0.0.1:1"}, "127.0.0.1:1"),
        ({"Origin": None}, "from the page of this server"),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, "evil.example"),
        ({"Host": "127.0.0.1"}, "127.0.0.1"),
        ({"Sec-Fetch-Site": "cross-site"}, "another site"),
        ({"Sec-Fetch-Site": "same-site"}, "another site"),
    ],
)
def test_other_sites_are_refused(lab: Lab, headers: dict[str, str | None], said: str) -> None:
    """With the right secret even: another Origin or Host, or none where a browser sends one, changes nothing."""
    before = lab.n_lines()
    reply = ask(f"{lab.anna}answers/{lab.items[2].item_id}", "PUT", {"level": 1}, headers)

    assert (reply.status, said in reply.body) == (403, True)
    assert "access-control-allow-origin" not in reply.headers
    assert lab.n_lines() == before


def test_a_form_of_another_page_is_no_answer(lab: Lab) -> None:
    """Neither the method nor the type that a form can send is taken, and nobody is given leave to send another."""
    link = f"{lab.anna}answers/{lab.items[2].item_id}"

    assert ask(link, "POST", {"level": 1}).status == 405
    assert ask(link, "PUT", {"level": 1}, {"Content-Type": "text/plain"}).status == 415
    assert ask(link, "OPTIONS", None, {"Origin": "http://evil.example"}).status == 403


def test_reading_from_another_host_is_refused(lab: Lab) -> None:
    """A name that was made to point here gets no text; `localhost` is ours as well."""
    assert ask(f"{lab.anna}sheet", headers={"Host": "evil.example", "Origin": None}).status == 403
    own = {"Host": f"localhost:{lab.server.port}", "Origin": None}
    assert ask(f"{lab.anna}sheet", headers=own).status == 200


@pytest.mark.parametrize("path", ["", "sheet", "items/x", "answers/x"])
def test_a_wrong_secret_opens_nothing(lab: Lab, path: str) -> None:
    """Whatever is asked for, and the answer says what to do."""
    method = "PUT" if path.startswith("answers") else "GET"
    reply = ask(f"http://127.0.0.1:{lab.server.port}/r/{'0' * 32}/{path}", method, {"level": 1} if path else None)

    assert reply.status == 403
    assert "assay calibrate rate" in reply.json["error"]


def test_only_ones_own_items_are_there(lab: Lab) -> None:
    """An item that is not the rater's, or anything else, is not found."""
    assert ask(f"{lab.anna}answers/other", "PUT", {"level": 1}).status == 404
    assert ask(f"{lab.anna}items/rollout-0").status == 404
    assert ask(f"http://127.0.0.1:{lab.server.port}/").status == 404


def test_raters_are_blind(lab: Lab) -> None:
    """Nothing that is sent names a policy, a rollout, a judge, a score or the other rater."""
    places = ["", "sheet", *(f"items/{item.item_id}" for item in lab.items)]
    sent = "\n".join(ask(f"{lab.anna}{place}").body for place in places).lower()

    for secret in ("secret-policy", "rollout", "run-1", "stratum", "weight", "grader", '"ben"', "score", SET):
        assert secret not in sent, secret


def test_each_item_is_there_as_it_was_handed_in(lab: Lab) -> None:
    """Items come in the rater's order, with request, materials and output letter for letter."""
    assert ask(f"{lab.anna}sheet").json["items"] == [item.item_id for item in lab.items]
    for item in lab.items:
        told = ask(f"{lab.anna}items/{item.item_id}").json
        assert (told["request"], told["output"]) == (item.request, item.output)
        assert dict(told["materials"]) == item.materials


def test_every_reply_is_guarded(lab: Lab) -> None:
    """Scripts of this server only, no frames, nothing kept; refusals are guarded like the rest."""
    for place in ("", "sheet", "nowhere"):
        headers = {name.lower(): value for name, value in ask(f"{lab.anna}{place}").headers.items()}
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert "set-cookie" not in headers


def test_answers_at_the_same_time_are_all_kept(lab: Lab) -> None:
    """Two raters, eight connections, 200 answers: as many whole lines, and each rater's last one stands."""
    before = lab.n_lines()
    todo = [
        (link, item.item_id, place % 5) for place in range(25) for link in (lab.anna, lab.ben) for item in lab.items[2:]
    ]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda one: ask(f"{one[0]}answers/{one[1]}", "PUT", {"level": one[2]}), todo))

    assert [reply.status for reply in replies] == [200] * 200
    assert lab.n_lines() - before == 200
    standing = read_journal(journal_path(lab.db, SET)).standing()
    for item in lab.items[2:]:
        for rater, link in lab.server.links.items():
            entry = standing[SET, item.item_id, rater].entry
            assert lab.answers(link)[item.item_id] == {"level": entry.level, "note": ""}


def test_the_warehouse_is_free_while_people_rate(lab: Lab, assay: Assay) -> None:
    """Others read it and write to it; a second server of the same set is refused."""
    with held_by_another(lab.db):
        pass
    done = assay("calibrate", "rate", "--set", SET, "--db", str(lab.db))

    assert done.returncode == 2
    assert "another `assay calibrate rate` serves this set" in done.stderr


def test_a_kill_loses_no_acknowledged_answer(tmp_path: Path) -> None:
    """kill -9 while two raters answer: all that was acknowledged becomes ratings, and the next server goes on there.

    After it, Ctrl-C takes in the rest and says how far everybody is.
    """
    db = tmp_path / "assay.duckdb"
    items = write_set(db, n_items=40, raters=("anna", "ben"))
    port = str(free_port())
    acknowledged: dict[tuple[str, str], int] = {}
    counting = Lock()

    def answer_all(rater: str, link: str) -> None:
        for place, item in enumerate(items):
            try:
                reply = ask(f"{link}answers/{item.item_id}", "PUT", {"level": place % 5})
            except (OSError, HTTPException):
                return  # no reply, or one that the kill cut off: nobody was told that the answer is kept
            assert reply.status == 200
            with counting:
                acknowledged[rater, item.item_id] = place % 5
                if len(acknowledged) == 30:
                    server.kill()

    with rating(db, "--port", port) as server, ThreadPoolExecutor(2) as pool:
        links = server.links
        list(pool.map(lambda one: answer_all(*one), links.items()))
    with journal_path(db, SET).open("ab") as file:
        file.write(b'{"at":"2026-')  # a line that the kill cut off

    assert 30 <= len(acknowledged) <= 31  # the other rater's reply may have been under way
    taken = take_in_journals(db)
    assert taken.n_new >= len(acknowledged)
    assert not taken.refused
    assert ratings(db).items() >= acknowledged.items()

    with rating(db, "--port", port) as server:
        assert server.links == links  # open pages go on
        for rater, link in links.items():
            answers = ask(f"{link}sheet").json["answers"]
            for (who, item_id), level in acknowledged.items():
                if who == rater:
                    assert answers[item_id]["level"] == level
        ask(f"{links['ben']}answers/{items[-1].item_id}", "PUT", {"level": 2})
        said = server.stop()
    n_ben = sum(rater == "ben" for rater, _ in ratings(db))
    assert f"ben: {n_ben} of 40 answered" in said
    assert "1 new" in said
    assert ratings(db)["ben", items[-1].item_id] == 2


def ratings(db: Path) -> dict[tuple[str, str], float]:
    """Return the levels that the warehouse has, of 4, by rater and item."""
    query = "select rater, item_id, score * 4 from rating join calibration_item using (rollout_id, dimension)"
    with Warehouse.open(db, read_only=True) as warehouse:
        return {(rater, item_id): level for rater, item_id, level in warehouse.sql(query).iter_rows()}


def test_a_warehouse_in_use_at_the_end_is_no_loss(db: Path, items: list[Item]) -> None:
    """Another process has the warehouse when the raters stop: the answers stay in the journal, and it says so."""
    with rating(db, "--rater", "anna") as server:
        assert set(server.links) == {"anna"}
        ask(f"{server.links['anna']}answers/{items[0].item_id}", "PUT", {"level": 4})
        with held_by_another(db):
            said = server.stop()

    assert "anna: 1 of 6 answered" in said
    assert "Not yet among the ratings" in said
    assert json.loads(journal_path(db, SET).read_bytes())["level"] == 4
    assert take_in_journals(db).n_new == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "other"], "there is no calibration set 'other'"),
        (["--set", SET, "--rater", "eve"], "'eve' has nothing to rate in set set-1; it was dealt out to anna, ben"),
        (["--set", SET, "--port", "70000"], "--port 70000: cannot be used"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(db: Path, assay: Assay, arguments: list[str], said: str) -> None:
    """Exit status 2, what is wrong, and what there is."""
    done = assay("calibrate", "rate", "--db", str(db), *arguments)

    assert done.returncode == 2
    assert said in done.stderr
