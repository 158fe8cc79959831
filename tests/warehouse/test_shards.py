"""Shards: whole or not at all, by key, and loaded once."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from tasks_lib.records import Composite, Facet, Record, Rollout, Score, Step, canonical_json, rollout_id
from tests.conftest import ROOT
from tests.support_waiting import wait_for
from tests.warehouse.rows import lent
from warehouse import WarehouseError
from warehouse.errors import ShardError
from warehouse.shards import Shards


def records(sample: int = 0, output: str = "text") -> dict[str, list[Record | dict[str, object]]]:
    """Return what one rollout leaves behind."""
    key = rollout_id("r", "i", "p", sample)
    step = Step(tool="look", arguments={"b": 1, "a": [1, 2]}, observation=None, observation_chars=3)
    return {
        "planned": [
            {"run_id": "r", "instance_id": "i", "policy_id": "p", "n_samples": sample + 1, "n_not_applicable": 0}
        ],
        "rollout": [
            Rollout(
                rollout_id=key, run_id="r", instance_id="i", policy_id="p", sample=sample, status="completed",
                output=output, transcript=(step,), steps=1, cost_usd=None, latency_s=0.25,
            )
        ],
        "score": [
            Score(
                rollout_id=key, dimension="d", grader_id="g", family="f", low=0.25, high=0.75, state="partial",
                source="deterministic", reason="why", evidence={"rows": [1, 2], "at": {"x": None}}, grader_version="1",
            )
        ],
        "facet": [Facet(rollout_id=key, dimension="d", facet="part", grader_id="g", low=0.5, high=0.5)],
        "composite": [
            Composite(
                rollout_id=key, rubric_id="f-1", uncapped_low=0.5, uncapped_high=1.0, low=0.25, high=0.5, mid=0.375,
                additive_mid=0.3, work_low=0.5, work_high=0.5, cap=0.5, flags=("b", "a"), assessed_weight=1.0,
                ready=True, reward=0.25,
            )
        ],
    }  # fmt: skip


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    """From record to shard to table: every field, lists and dictionaries as JSON, keys sorted."""
    Shards(str(tmp_path)).write("k", records())
    with lent() as warehouse:
        added = warehouse.load(Shards(str(tmp_path)))
        assert added == {"planned": 1, "rollout": 1, "score": 1, "facet": 1, "composite": 1}
        for table, (record,) in records().items():
            fields = record.model_dump(mode="json") if isinstance(record, Record) else record
            expected = {
                name: canonical_json(value) if isinstance(value, dict | list) else value
                for name, value in fields.items()
            }
            for frame in (warehouse.view(table), Shards(str(tmp_path)).read("k", table)):
                assert frame.to_dicts() == [expected], table


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        ({"b": 1, "a": (True, None, 0.5)}, '{"a":[true,null,0.5],"b":1}'),
        ({"step": Step(tool="t", arguments={}, observation="é", observation_chars=1)},
         '{"step":{"arguments":{},"is_error":false,"observation":"é","observation_chars":1,"said":null,"thinking":null,'
         '"tool":"t"}}'),
        ({"rows": {7: "seven", 8: {"nine": 9}}}, '{"rows":{"7":"seven","8":{"nine":9}}}'),
        ({"count": 2**70}, '{"count":1180591620717411303424}'),
        ({"quoted": "half a pair: \ud83d, and a NUL: \0"}, '{"quoted":"half a pair: ?, and a NUL: \\u0000"}'),
        ({"share": float("nan")}, '{"share":null}'),
    ],
    ids=["sorted", "a record", "keys that are numbers", "a large number", "no text", "no number"],
)  # fmt: skip
def test_whatever_a_grader_leaves_as_evidence_is_kept(evidence: dict[str, object], text: str, tmp_path: Path) -> None:
    """JSON holds it, with null for what is no number; a grader's slip does not cost the chunk."""
    (score,) = records()["score"]
    assert isinstance(score, Score)
    Shards(str(tmp_path)).write("k", {"score": [score.model_copy(update={"evidence": evidence})]})

    assert Shards(str(tmp_path)).read("k", "score")["evidence"].to_list() == [text]


def test_loading_twice_adds_nothing(tmp_path: Path) -> None:
    """The second loading of the same spool, and of a grown one, adds what is new only."""
    Shards(str(tmp_path)).write("a", records(0))
    with lent() as warehouse:
        warehouse.load(Shards(str(tmp_path)))
        assert set(warehouse.load(Shards(str(tmp_path))).values()) == {0}
        Shards(str(tmp_path)).write("b", records(1))
        assert warehouse.load(Shards(str(tmp_path)))["rollout"] == 1
        assert warehouse.view("rollout").height == 2


def test_the_same_key_in_two_shards_counts_once(tmp_path: Path) -> None:
    """Two shards that overlap leave one row per key, that of the first of them by name, at every loading."""
    n_loadings = 20
    with lent() as warehouse:
        for sample in range(n_loadings):
            shards = Shards(str(tmp_path / str(sample)))
            shards.write("b", records(sample, "second"))
            shards.write("a", records(sample, "first"))
            assert warehouse.load(shards)["rollout"] == 1
        assert warehouse.view("rollout")["output"].to_list() == ["first"] * n_loadings


def test_write_leaves_a_finished_key_alone(tmp_path: Path) -> None:
    """The second writing of a key is a no-op."""
    Shards(str(tmp_path)).write("k", records(0, "first"))
    Shards(str(tmp_path)).write("k", records(0, "second"))

    assert Shards(str(tmp_path)).read("k", "rollout")["output"].to_list() == ["first"]
    assert Shards(str(tmp_path)).keys() == {"k"}


def test_write_of_an_empty_chunk_is_proof_of_work(tmp_path: Path) -> None:
    """A chunk in which nothing was applicable is finished all the same."""
    Shards(str(tmp_path)).write("k", {"rollout": [], "score": []})

    assert Shards(str(tmp_path)).keys() == {"k"}
    assert Shards(str(tmp_path)).read("k", "rollout").is_empty()
    with lent() as warehouse:
        assert warehouse.load(Shards(str(tmp_path))) == {"rollout": 0, "score": 0}


def test_many_writers_of_one_key_leave_one_shard(tmp_path: Path) -> None:
    """Sixteen threads race for the same key: one shard, whole, and nothing left over."""
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: Shards(str(tmp_path)).write("k", records()), range(16)))

    assert [entry.name for entry in tmp_path.iterdir()] == ["k"]
    assert Shards(str(tmp_path)).read("k", "composite").height == 1


def test_half_written_shards_are_ignored_and_swept(tmp_path: Path) -> None:
    """What a killed writer left is no shard; loading removes it."""
    Shards(str(tmp_path)).write("k", records())
    left = tmp_path / ".unfinished-abc"
    left.mkdir()
    (left / "rollout.parquet").write_bytes(b"PAR1 half")

    assert Shards(str(tmp_path)).keys() == {"k"}
    with lent() as warehouse:
        assert warehouse.load(Shards(str(tmp_path)))["rollout"] == 1
    assert not left.exists()


def test_a_killed_writer_leaves_whole_shards_only(tmp_path: Path) -> None:
    """A process that writes shard after shard is killed: each one that is there can be loaded."""
    script = (
        "import sys; from tests.warehouse.test_shards import records; "
        "from warehouse.shards import Shards\n"
        "for n in range(100000): Shards(sys.argv[1]).write(f'k{n}', records(n))"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT)
    wait_for(lambda: len(Shards(str(tmp_path)).keys()) >= 20, every_s=0.01)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()

    keys = Shards(str(tmp_path)).keys()
    assert len(keys) >= 20
    with lent() as warehouse:
        added = warehouse.load(Shards(str(tmp_path)))
        assert added["rollout"] == added["score"] == added["composite"] == len(keys)


def test_a_damaged_shard_stops_the_loading(tmp_path: Path) -> None:
    """A file cut short: one line that names it, nothing loaded from the others either."""
    Shards(str(tmp_path)).write("a", records(0))
    Shards(str(tmp_path)).write("b", records(1))
    damaged = tmp_path / "b" / "score.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-20])

    with lent() as warehouse:
        with pytest.raises(ShardError) as caught:
            warehouse.load(Shards(str(tmp_path)))
        assert str(damaged) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert warehouse.view("rollout").is_empty()
    with pytest.raises(ShardError, match="delete the folder"):
        Shards(str(tmp_path)).read("b", "score")


def test_a_spool_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """The spool is a file, not a folder."""
    (tmp_path / "spool").write_text("")

    with pytest.raises(ShardError, match="cannot be written"):
        Shards(str(tmp_path / "spool")).write("k", records())


def test_a_row_that_does_not_fit_leaves_no_shard(tmp_path: Path) -> None:
    """An unknown column is found before anything is written."""
    with pytest.raises(WarehouseError, match="has no column"):
        Shards(str(tmp_path)).write("k", {"planned": [{"colour": "red"}]})

    assert Shards(str(tmp_path)).keys() == set()


def test_a_missing_spool_is_an_empty_one(tmp_path: Path) -> None:
    """No folder: no keys, nothing to load."""
    assert Shards(str(tmp_path / "none")).keys() == set()
    with lent() as warehouse:
        assert warehouse.load(Shards(str(tmp_path / "none"))) == {}
    assert isinstance(Shards(str(tmp_path / "none")).read("k", "score"), pl.DataFrame)
