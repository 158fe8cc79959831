"""The plan: complete, stable, and written whole."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.errors import InputError
from flows.plan import (
    RunPlan,
    all_instances,
    audit_policies,
    make_plan,
    parse_instances,
    read_instance,
    read_plan,
    write_plan,
)
from flows.runs import begin_run
from flows.settings import Settings
from tasks_lib.jsonl import BadLinesError
from tasks_lib.records import TaskInstance
from tests.conftest import TINY
from tests.flows import tiny_family
from warehouse import Warehouse

FAMILY = tiny_family.TinyUpper()
STARTED = datetime(2026, 11, 20, tzinfo=UTC)


def _plan(instances: list[TaskInstance] | None = None, **settings: object) -> tuple[RunPlan, bytes]:
    chosen = Settings(families=("tiny_upper",), **{"n": 5, "group": 4, **settings})  # type: ignore[arg-type]
    instances = list(FAMILY.instances(5)) if instances is None else instances
    return make_plan(chosen, [FAMILY], instances, run_id="r", code_version="0", started_at=STARTED)


def test_plan_covers_every_instance_and_policy_once() -> None:
    """Chunks partition instances x policies; groups are whole."""
    plan, _ = _plan(chunk_size=10)

    planned = [
        (place.instance_id, policy.policy_id, policy.samples)
        for chunk in plan.chunks
        for place in chunk.instances
        for policy in chunk.policies
    ]
    # 3 simulated policies in groups of 4; oracle + 3 operators x 5 severities + 2 probes = 18 attempted once.
    assert len(planned) == len(set(planned)) == 5 * (3 + 18)
    assert plan.n_rollouts == sum(samples for *_, samples in planned) == 5 * (3 * 4 + 18)
    assert {policy.policy_id for policy in plan.policies} == {policy_id for _, policy_id, _ in planned}


ALL = "sim/weak, sim/mid, sim/strong"


@pytest.mark.parametrize(
    ("chunk_size", "chunks"),
    [
        (24, [(ALL, 12), (ALL, 24), (ALL, 24)]),
        (10, [*[("sim/weak, sim/mid", 8)] * 5, ("sim/strong", 4), ("sim/strong", 8), ("sim/strong", 8)]),
        (3, [(f"sim/{name}", 4) for name in ("weak", "mid", "strong") for _ in range(5)]),
    ],
)
def test_plan_policies_of_code_share_chunks_of_their_size(chunk_size: int, chunks: list[tuple[str, int]]) -> None:
    """Five instances, three policies in groups of 4: what one worker knows of an instance serves all that fit."""
    plan, _ = _plan(chunk_size=chunk_size, audit=False)

    assert [chunk.label for chunk in plan.chunks] == [f"tiny_upper {who} {n} rollouts" for who, n in chunks]
    assert [chunk.n_rollouts for chunk in plan.chunks] == [n for _, n in chunks]


AUDIT = "oracle, ladders, probes"


@pytest.mark.parametrize(
    ("chunk_size", "policies", "chunks"),
    [
        # 12 rollouts of the groups and 18 of the audit at each instance: two instances in 60, one in anything from 30.
        (60, ("sim/weak", "sim/mid", "sim/strong"), [(f"{ALL}, {AUDIT}", 30), *[(f"{ALL}, {AUDIT}", 60)] * 2]),
        (44, ("sim/weak", "sim/mid", "sim/strong"), [(f"{ALL}, {AUDIT}", 30)] * 5),
        (25, ("sim/weak", "sim/mid", "sim/strong"), [*[(f"{ALL}, {AUDIT}", 25)] * 5, (AUDIT, 25)]),
        (60, ("anthropic/claude-a",), [("anthropic/claude-a", 20), (AUDIT, 36), (AUDIT, 54)]),
    ],
)
def test_plan_the_audit_shares_chunks_with_policies_of_code(
    chunk_size: int, policies: tuple[str, ...], chunks: list[tuple[str, int]]
) -> None:
    """What one worker knows of an instance serves the groups and the audit; a model is left alone."""
    plan, _ = _plan(chunk_size=chunk_size, policies=policies, audit=True)

    assert [chunk.label for chunk in plan.chunks] == [f"tiny_upper {who} {n} rollouts" for who, n in chunks]
    assert [chunk.n_rollouts for chunk in plan.chunks] == [n for _, n in chunks]


def test_plan_a_model_has_chunks_of_its_own() -> None:
    """A limit of that model is a limit of them, and no other policy waits for its calls."""
    plan, _ = _plan(policies=("sim/weak", "anthropic/claude-a", "sim/mid", "anthropic/claude-b"), audit=False)

    assert [[policy.name for policy in chunk.policies] for chunk in plan.chunks] == [
        ["anthropic/claude-a"], ["anthropic/claude-b"], ["sim/weak", "sim/mid"],
    ]  # fmt: skip


def test_plan_never_has_more_chunks_than_prefect_can_take() -> None:
    """A big run gets bigger chunks, not more of them."""
    instances = list(FAMILY.instances(1200))

    plan, _ = _plan(instances, chunk_size=1, group=1)

    assert len(plan.chunks) <= 1000
    assert sum(chunk.n_rollouts for chunk in plan.chunks) == 1200 * (3 + 18)


def test_plan_is_the_same_for_the_same_input() -> None:
    """Chunk keys and hashes follow from the content, not from the run."""
    one, _ = _plan()
    again, _ = _plan()
    other, _ = _plan(group=5)

    assert one == again
    assert one.config_hash != other.config_hash
    assert {chunk.key for chunk in one.chunks} != {chunk.key for chunk in other.chunks}


def test_plan_policy_named_twice_attempts_once() -> None:
    """A policy that the audit has anyway is attempted as often as it was asked for, and no more."""
    plan, _ = _plan(policies=("oracle",))

    attempts = [policy for chunk in plan.chunks for policy in chunk.policies if policy.policy_id == "oracle"]
    assert [policy.samples for policy in attempts] == [4]


def test_plan_refuses_two_names_of_one_policy(tmp_path: Path) -> None:
    """Two files of outputs of the same policy would overwrite each other."""
    line = '{"instance_id": "x", "policy": "p", "output": ""}\n'
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(line)

    with pytest.raises(InputError, match="are both the policy 'p'"):
        _plan(policies=tuple(f"replay:{tmp_path}/{name}.jsonl" for name in ("a", "b")))


def test_plan_round_trip(tmp_path: Path) -> None:
    """What is read back is what was written, instances included."""
    plan, lines = _plan()
    write_plan(tmp_path / "runs" / "r", plan, lines)

    assert read_plan(tmp_path / "runs" / "r") == plan
    assert list(all_instances(tmp_path / "runs" / "r")) == list(FAMILY.instances(5))
    place = plan.chunks[0].instances[3]
    assert read_instance(tmp_path / "runs" / "r", place).instance_id == place.instance_id
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["r"]


def test_plan_refuses_a_name_in_use(tmp_path: Path) -> None:
    """A second run of the same name is told how to take up the first."""
    plan, lines = _plan()
    write_plan(tmp_path / "r", plan, lines)

    with pytest.raises(InputError, match="--resume r"):
        write_plan(tmp_path / "r", plan, lines)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sim/none", "known skills"),
        ("probe/none", "known probes: echo, empty"),
        ("ladder/none@2", "known operators: drop_some"),
        ("gpt/9", "known providers"),
    ],
)
def test_plan_unknown_policy_lists_what_there_is(name: str, expected: str) -> None:
    """A policy nobody provides is found before any work."""
    with pytest.raises(LookupError, match=expected):
        _plan(policies=(name,))


def test_audit_policies_are_oracle_ladders_and_probes() -> None:
    """The audit has every rung of every ladder, severity 0 included."""
    names = audit_policies(FAMILY)

    assert names[0] == "oracle"
    assert sum(name.startswith("ladder/") for name in names) == 3 * 5
    assert {"probe/echo", "probe/empty"} <= set(names)


def test_instances_file_error_names_line_and_field(tmp_path: Path) -> None:
    """A bad line is told with its number and the field."""
    good, other = (instance.model_dump_json() for instance in FAMILY.instances(2))
    path = tmp_path / "instances.jsonl"
    path.write_text(good + "\n" + other.replace('"prompt"', '"promt"') + "\n")

    with pytest.raises(BadLinesError, match=r"instances.jsonl, line 2, field 'prompt'"):
        parse_instances(path)


def test_instances_file_keeps_unicode_line_separators(tmp_path: Path) -> None:
    """A text with U+2028 in it is one line of JSON lines."""
    instance = next(FAMILY.instances(1)).model_copy(update={"prompt": "one\u2028two\x85three"})
    path = tmp_path / "instances.jsonl"
    path.write_text(instance.model_dump_json() + "\n", encoding="utf-8")

    assert parse_instances(path) == [instance]


def test_run_belongs_to_its_deployment(tmp_path: Path) -> None:
    """The name of the deployment stands in the plan and in the table of runs; a run by hand has none."""
    names = {}
    for run_id, deployment in (("nightly", "tiny-nightly"), ("by-hand", None)):
        settings = Settings(db=tmp_path / "a.duckdb", families=("tiny_upper",), n=1, plugins=(TINY,))
        place = begin_run(settings, run_id=run_id, deployment=deployment)
        names[run_id] = read_plan(place.spool).deployment

    with Warehouse.open(tmp_path / "a.duckdb", read_only=True) as warehouse:
        stored = dict(warehouse.sql("select run_id, deployment from run").iter_rows())
    assert names == stored == {"nightly": "tiny-nightly", "by-hand": None}
