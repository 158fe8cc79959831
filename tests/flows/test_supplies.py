"""What travels with a chunk: a process that sees no file of the run does the same work."""

import shutil
from pathlib import Path

from flows.chunks import Work, work_chunk
from flows.generate import generate_instances
from flows.plan import read_plan, run_shards
from flows.pool import WorkerPool
from flows.runs import begin_run
from flows.settings import Settings
from flows.supplies import InSpool, carry
from tasks_lib.policies.replay import RecordedOutput
from tasks_lib.registry import family
from tests.conftest import TINY
from warehouse.shards import Shards


def test_carried_supplies_need_no_file(tmp_path: Path) -> None:
    """Instances and recorded outputs are with the chunk: spool and replay are gone when a new process works on it."""
    settings = Settings(
        db=tmp_path / "w.duckdb", families=("tiny_upper",), plugins=(TINY,), n=4, audit=False, group=2,
    )  # fmt: skip
    __import__(TINY)
    instances = list(generate_instances(settings, [family("tiny_upper")]))
    replay = tmp_path / "outputs.jsonl"
    recorded = [
        RecordedOutput(instance_id=one.instance_id, policy="theirs", sample=sample, output=f"AMBER {sample}")
        for one in instances
        for sample in range(2)
    ]
    replay.write_text("".join(record.model_dump_json() + "\n" for record in recorded))
    place = begin_run(settings.model_copy(update={"policies": (f"replay:{replay}", "sim/mid")}), instances, "r")
    plan = read_plan(place.spool)
    near = [Work("r", chunk, InSpool(place.spool, chunk), Shards(str(tmp_path / "near"))) for chunk in plan.chunks]
    far = [Work("r", chunk, carry(place.spool, plan, chunk), Shards(str(tmp_path / "far"))) for chunk in plan.chunks]
    assert run_shards(place.spool, plan).place == str(place.spool / "shards")
    done = [work_chunk(work) for work in near]
    shutil.rmtree(place.spool)
    replay.unlink()

    with WorkerPool(1, [TINY]) as pool:
        for work, wanted in zip(far, done, strict=True):
            found = pool.run(work_chunk, work)
            assert (found.key, found.n_rollouts, found.n_errors) == (wanted.key, wanted.n_rollouts, 0)
            for table in ("planned", "rollout", "score", "facet", "composite"):
                frames = [where.shards.read(work.chunk.key, table) for where in (near[far.index(work)], work)]
                one, other = (frame.drop("latency_s", strict=False) for frame in frames)
                assert one.equals(other), table
