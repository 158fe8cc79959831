"""Shards in an object store: whole or not at all without a rename, by key, and loaded as from a folder."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.conftest import ROOT, clean_environment
from tests.support_s3 import make_bucket, reachable, s3_server
from tests.support_waiting import wait_for
from tests.warehouse.rows import lent
from tests.warehouse.test_shards import records
from warehouse.errors import ShardError
from warehouse.shards import Shards


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """A server with a bucket, which this process can reach."""
    pytest.importorskip("moto")
    with s3_server() as variables, reachable(variables):
        make_bucket(variables, "shards")
        yield variables


@pytest.fixture
def shards(s3: dict[str, str], request: pytest.FixtureRequest) -> Shards:
    """A place of its own for each test."""
    return Shards(f"s3://shards/{request.node.name}")


def test_loaded_rows_are_those_of_a_folder(shards: Shards, tmp_path: Path) -> None:
    """Every table of every shard comes back as it does from a folder; loading twice adds nothing."""
    folder = Shards(str(tmp_path))
    for place in (shards, folder):
        place.write("a", records(0))
        # One row of `planned` for the group: of two that contradict each other, loading takes either.
        place.write("b", {**records(1), "planned": []})

    with lent() as far, lent() as near:
        assert far.load(shards) == near.load(folder)
        assert set(far.load(shards).values()) == {0}
        for table in records():
            one, other = (warehouse.view(table).sort(pl.all()) for warehouse in (far, near))  # a table has no order
            assert one.equals(other), table
            assert shards.read("a", table).equals(folder.read("a", table)), table
    assert shards.keys() == {"a", "b"}
    assert shards.is_remote
    assert not folder.is_remote


def test_place_travels_as_its_name(shards: Shards) -> None:
    """What goes to a worker is the URL, and nothing of what leads there."""
    shards.write("k", records())
    packed = pickle.dumps(shards)

    assert pickle.loads(packed).keys() == {"k"}  # noqa: S301
    assert b"a-secret-of-the-tests" not in packed


def test_a_chunk_without_its_marker_is_not_there(shards: Shards) -> None:
    """Files that were uploaded by a writer that died before the end are no shard, and go with the rest."""
    shards.write("k", records())
    files = _files()
    files.pipe_file(f"{shards.place}/half/0123/rollout.parquet", b"PAR1 half")

    assert shards.keys() == {"k"}
    assert not shards.has("half")
    with lent() as warehouse:
        assert warehouse.load(shards)["rollout"] == 1
    shards.discard()
    assert files.find(shards.place) == []


def test_two_writers_of_one_chunk_never_mix(shards: Shards) -> None:
    """Eight threads race for one key: the rows are those of one of them, and the others' files are swept."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: shards.write("k", records(0, f"writer {n}")), range(8)))

    [output] = shards.read("k", "rollout")["output"].to_list()
    assert output.startswith("writer ")
    shards.sweep()
    left = _files().find(shards.place)
    assert len(left) == 1 + len(records())
    assert shards.read("k", "rollout")["output"].to_list() == [output]
    shards.write("k", records(0, "too late"))
    assert shards.read("k", "rollout")["output"].to_list() == [output]
    shards.forget("k")
    assert shards.keys() == set()


def test_a_killed_writer_leaves_whole_shards_only(shards: Shards, s3: dict[str, str]) -> None:
    """A process that writes shard after shard is killed: each one that has its marker can be loaded."""
    script = (
        "import sys; from tests.warehouse.test_shards import records; from warehouse.shards import Shards\n"
        "for n in range(100000): Shards(sys.argv[1]).write(f'k{n}', records(n))"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, shards.place], cwd=ROOT, env=clean_environment(s3))
    wait_for(lambda: len(shards.keys()) >= 5, every_s=0.05)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()

    keys = shards.keys()
    assert len(keys) >= 5
    with lent() as warehouse:
        added = warehouse.load(shards)
        assert added["rollout"] == added["score"] == added["composite"] == len(keys)


def test_a_damaged_object_stops_the_loading(shards: Shards) -> None:
    """A file cut short: one line that names the place, nothing loaded; the same for a damaged marker."""
    shards.write("a", records(0))
    shards.write("b", records(1))
    files = _files()
    [path] = [path for path in files.find(f"{shards.place}/b") if path.endswith("score.parquet")]
    files.pipe_file(path, files.cat_file(path)[:-20])

    with lent() as warehouse:
        with pytest.raises(ShardError, match=f"{shards.place}/b/score.parquet") as caught:
            warehouse.load(shards)
        assert "\n" not in str(caught.value)
        assert warehouse.view("rollout").is_empty()
    with pytest.raises(ShardError, match=r"b\.json and resume"):
        shards.read("b", "score")
    files.pipe_file(f"{shards.place}/b.json", b"{")
    with pytest.raises(ShardError, match=r"b\.json and resume"):
        shards.read("b", "score")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("s3://no-such-bucket/x", "shards cannot be kept there"),
        ("quux://bucket/x", "Protocol not known: quux"),
        ("gs://bucket/x", "a package is missing"),
    ],
)
def test_a_place_that_cannot_be_used_says_so(s3: dict[str, str], place: str, said: str) -> None:
    """A bucket that is not there, a protocol that nobody knows, one whose package is missing."""
    with pytest.raises(ShardError, match=said) as caught:
        Shards(place).try_out()
    assert "\n" not in str(caught.value)
    assert place in str(caught.value)


def test_a_server_that_is_not_there_says_so(s3: dict[str, str]) -> None:
    """Nobody listens at the endpoint."""
    with (
        reachable({**s3, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}),
        pytest.raises(ShardError, match=r"127\.0\.0\.1:9"),
    ):
        Shards("s3://shards/unreached").try_out()


def test_credentials_do_not_belong_into_a_url() -> None:
    """They would stand in plans and on the terminal; the refusal does not repeat them."""
    with pytest.raises(ShardError, match="environment") as caught:
        Shards("s3://me:hush-hush@bucket/x").keys()
    assert "hush-hush" not in str(caught.value)


def _files() -> Any:
    import s3fs

    return s3fs.S3FileSystem(use_listings_cache=False)
