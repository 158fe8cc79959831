"""What a judge costs us beside the client library: prompts, limits, ledger, reading verdicts, finding quotes."""

import asyncio
import cProfile
import pstats
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anthropic
import pytest

from graders.grading import Graded, grader
from graders.interval import Interval
from graders.judge.asking import Answered, Panel
from graders.judge.conclusion import concluded
from graders.judge.judge import judge
from tasks_lib import family
from tasks_lib.models.limits import Limits
from tasks_lib.models.messages import Reply, Request
from tasks_lib.records import Rollout, TaskInstance
from tests.support_judges import graded_from
from tests.support_models import KEY, around

CALLS = 10_000
AT_ONCE = 16
PER_INSTANCE = 100
OWN_MS_MOST = 1.0
"""What the issue allows us to add to a call."""


@contextmanager
def _server() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.judge_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(20)


def _work() -> list[tuple[TaskInstance, Rollout, Graded]]:
    """Return rollouts with two open dimensions each: half as many as there are calls."""
    kind, work = family("doc_revision"), []
    for at, instance in enumerate(kind.instances(CALLS // 2 // PER_INSTANCE, seed=9)):
        oracle = kind.oracle(instance)
        for sample in range(PER_INSTANCE):
            rollout = Rollout(
                rollout_id=f"{at:08d}{sample:012d}", run_id="r", instance_id=instance.instance_id, policy_id="p",
                sample=sample, status="completed", output=f"{oracle}\nSample {sample}.", steps=1, latency_s=0.0,
            )  # fmt: skip
            left = dict.fromkeys(grader("doc_revision").rubric.weights, Interval(0.25, 1.0))
            work.append((instance, rollout, graded_from(rollout.rollout_id, "doc_revision", left)))
    return work


async def _bare(url: str, requests: list[Request]) -> float:
    """Return CPU seconds of the client library alone, asked the same."""
    client = anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0)
    turn = asyncio.Semaphore(AT_ONCE)

    async def send(request: Request) -> None:
        async with turn:
            await client.messages.create(**request.parameters())

    started = time.process_time()
    await asyncio.gather(*(send(request) for request in requests))
    seconds = time.process_time() - started
    await client.close()
    return seconds


async def _ours(url: str, path: Path, work: list[tuple[TaskInstance, Rollout, Graded]]) -> tuple[float, list[Answered]]:
    """Return CPU seconds of everything that a judge takes, from a graded rollout to the narrowed composite."""
    panel, rubric = Panel((judge("anthropic/claude-haiku-5-5"),)), grader("doc_revision").rubric
    async with around(url, path, limits=Limits(concurrency=AT_ONCE), timeout_s=60.0) as made:
        started = time.process_time()
        cases = [(panel.case(*parts), parts[2]) for parts in work]

        async def ask(call_id: str, request: Request) -> tuple[str, Reply]:
            return call_id, await made.caller.ask(call_id, request)

        asked = [ask(question.call_id, question.request()) for case, _ in cases for question in case.questions]
        replies = dict(await asyncio.gather(*asked))
        answered = [case.answered(replies) for case, _ in cases]
        for said, (_, graded) in zip(answered, cases, strict=True):
            concluded(graded, rubric, said.scores)
        return time.process_time() - started, answered


@pytest.mark.bench
def test_what_a_judge_call_costs_beside_the_client(tmp_path: Path) -> None:
    """Ten thousand calls over real HTTP to a server of its own; CPU time of this process, with and without us."""
    work = _work()
    with _server() as url:
        panel = Panel((judge("anthropic/claude-haiku-5-5"),))
        requests = [question.request() for parts in work for question in panel.case(*parts).questions]
        assert len(requests) == CALLS
        bare = asyncio.run(_bare(url, requests))
        ours, answered = asyncio.run(_ours(url, tmp_path / "calls", work))
        profile = cProfile.Profile()
        profile.enable()
        asyncio.run(_ours(url, tmp_path / "profiled", work[:1000]))
        profile.disable()
    assert sum(len(said.calls) for said in answered) == CALLS
    assert {call["outcome"] for said in answered for call in said.calls} == {"level"}
    own_ms = 1000 * (ours - bare) / CALLS
    print(f"\n{1000 * bare / CALLS:.2f} ms of CPU a call in the client library, {own_ms:.2f} ms beside it")
    pstats.Stats(profile).sort_stats("tottime").print_stats("graders|tasks_lib", 14)
    assert own_ms < OWN_MS_MOST
