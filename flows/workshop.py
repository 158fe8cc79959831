"""The workshop of a run: where each chunk is worked on, and by whom.

Code policies attempt and are graded in one go by a worker process. Models are called from this process, which holds
the limits, and what they leave is graded by a worker. Judges are called from this process, too, about what that left
open, and a worker puts it all together.
"""

from collections.abc import Sequence
from pathlib import Path

from flows.chunks import ChunkDone, Examined, Work, conclude_chunk, examine_chunk, regrade_chunk, work_chunk
from flows.judging import Judging
from flows.model_host import ModelHost
from flows.plan import Chunk, RunPlan, run_shards
from flows.pool import OverdueError, Pool
from flows.supplies import InSpool, carry
from tasks_lib.models.messages import Request
from tasks_lib.records import Rollout


class Workshop:
    """Works on the chunks of one run."""

    def __init__(self, spool: Path, plan: RunPlan, pool: Pool, models: ModelHost) -> None:
        self._spool, self._plan, self._pool, self._models = spool, plan, pool, models
        self._judging = Judging(spool, plan, models)
        self._shards = run_shards(spool, plan)

    def prepare(self, todo: Sequence[Chunk]) -> int:
        """Do what is done for all chunks at once, which is to have calls answered in batches where that was asked for.

        Returns:
            How many calls were answered.

        Raises:
            RunStoppedError: no further calls are made in this run.
        """
        if not self._plan.batch:
            return 0
        n_answered = self._models.answer_in_batches(chunk for chunk in todo if self._models.is_needed(chunk))
        calls: dict[str, Request] = {}
        for chunk in todo:
            if self._judging.is_needed(chunk):
                # What is open is known when it is collected and graded. That is done again when the chunk is worked on,
                # which is cheap beside a call.
                calls |= self._judging.calls(chunk, self._examined(chunk))
        return n_answered + self._models.answer_calls_in_batches(calls)

    def work(self, chunk: Chunk) -> ChunkDone:
        """Work on one chunk and leave its shard.

        Raises:
            BrokenProcessPool: a worker died; the same call may be made again.
            OverdueError: workers did not come to an end with it in time; the text names the chunk.
            RunStoppedError: no further calls are made in this run.
        """
        try:
            return self._worked_on(chunk)
        except OverdueError as error:
            raise OverdueError(error.seconds, f"chunk {chunk.label} ({chunk.key})") from None

    def _worked_on(self, chunk: Chunk) -> ChunkDone:
        if self._plan.regraded_from is not None:
            return self._pool.run(regrade_chunk, self._work(chunk), self._plan.trust)
        if self._judging.is_needed(chunk):
            examined = self._examined(chunk)
            answered = self._judging.judge(chunk, examined)
            return self._pool.run(conclude_chunk, self._work(chunk), examined, answered, self._models.is_needed(chunk))
        return self._pool.run(work_chunk, self._work(chunk), self._collected(chunk))

    def _examined(self, chunk: Chunk) -> Examined:
        return self._pool.run(examine_chunk, self._work(chunk), self._collected(chunk))

    def _work(self, chunk: Chunk) -> Work:
        supplies = InSpool(self._spool, chunk) if self._pool.reads_spool else carry(self._spool, self._plan, chunk)
        return Work(self._plan.run_id, chunk, supplies, self._shards)

    def _collected(self, chunk: Chunk) -> list[list[Rollout]] | None:
        return self._models.collect(chunk) if self._models.is_needed(chunk) else None

    def close(self) -> None:
        """End at once whatever is under way."""
        self._models.close()
        self._pool.close()
