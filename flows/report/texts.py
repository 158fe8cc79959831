"""What was handed in, in small: of each group a few rollouts, compressed, within a budget for the whole page.

A selection, and the page says so: the rollout with the lowest, the median and the highest reward of each group, the
first with each set of flags and each way to fail; of each probe the instance on which it earned most; of each damage
that a dimension judged wrongly, one case. Instances with rare verdicts come first, so that where the budget ends
common ones are missing.
"""

import base64
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flows.report.data import Snapshot

BUDGET_BYTES = 8_000_000
"""Size of all blocks together, as text in the page."""
OUTPUT_CHARS = 12_000
STEP_CHARS = 1_200
MATERIAL_CHARS = 6_000
BATCH = 100
"""Instances that are read at once: transcripts of models are long."""

CASES = """
    select
        family, 'probe' as kind, probe as name, instance_id, policy_id, sample, rollout_id,
        ['best instance of the probe'] as why
    from stg_attempt
    join probe_floor using (run_id, family, probe)
    where run_id = $1 and instance_id = worst_instance_id
    qualify row_number() over (partition by family, probe order by sample) = 1
    union all
    select
        family, 'operator' as kind, operator as name, instance_id, policy_id, sample, rollout_id,
        ['damage that was judged wrongly'] as why
    from stg_attempt
    where
        run_id = $1 and operator is not null and is_graded and severity > 0
        and (family, operator) in (
            select (family, operator) from grader_confusion where run_id = $1 and agrees is false
        )
    qualify row_number() over (partition by family, operator order by severity desc, instance_id, sample) = 1
"""
CHOSEN = f"""
    with cases as ({CASES}),
    placed as (
        select
            rollout.rollout_id, instance_id, policy_id, sample, rollout.status, stg_attempt.flags,
            stg_attempt.is_graded,
            row_number() over (partition by instance_id, policy_id order by reward nulls last, sample) as place,
            count(*) filter (stg_attempt.is_graded) over (partition by instance_id, policy_id) as n,
            row_number() over (partition by instance_id, policy_id, stg_attempt.flags order by sample) as flag_place,
            row_number() over (partition by instance_id, policy_id, rollout.status order by sample) as status_place
        from stg_attempt
        join rollout using (run_id, instance_id, policy_id, sample)
        where stg_attempt.run_id = $1 and stg_attempt.is_group
    ),
    of_groups as (
        select
            rollout_id, instance_id, policy_id,
            list_filter([
                if(is_graded and place = 1, 'lowest reward', null),
                if(is_graded and place = (n + 1) // 2, 'median reward', null),
                if(is_graded and place = n, 'highest reward', null),
                if(flags <> '[]' and flag_place = 1, 'flagged', null),
                if(status <> 'completed' and status_place = 1, status, null)
            ], lambda why: why is not null) as why
        from placed
    ),
    rarity as (
        select
            instance_id,
            row_number() over (partition by family, policy_id, verdict order by instance_id) as place
        from task_verdict
        where run_id = $1
    ),
    chosen as (
        from of_groups where len(why) > 0
        union all
        select rollout_id, instance_id, policy_id, why from cases
    )
    select
        chosen.instance_id,
        min(if(chosen.why[1] in ('best instance of the probe', 'damage that was judged wrongly'), 0, rarity.place))
            as place,
        list(distinct {{'rollout_id': rollout_id, 'why': array_to_string(why, ', ')}}) as chosen
    from chosen
    left join rarity using (instance_id)
    group by chosen.instance_id
    order by place nulls last, chosen.instance_id
"""  # noqa: S608 - of our own text
ROLLOUTS = """
    select
        rollout_id, instance_id, policy_id, policy.name as policy, sample, status, output[:$3] as output,
        length(output) as output_chars, transcript::varchar as transcript, rollout.steps, error, latency_s, cost_usd,
        input_tokens, output_tokens
    from rollout
    join policy using (policy_id)
    where run_id = $1 and rollout_id in (select unnest($2::varchar[]))
    order by policy_id, sample
"""
SCORES = """
    select
        rollout_id, score.dimension, grader_id, replicate, low, high, state, source,
        reason || case when score.is_trusted = false then ' (not calibrated: it does not count)' else '' end as reason,
        evidence::varchar as evidence
    from score
    join rollout using (rollout_id)
    where run_id = $1 and rollout_id in (select unnest($2::varchar[]))
    order by rollout_id, dimension, grader_id, replicate
"""
COMPOSITES = """
    select
        composite.rollout_id, composite.rubric_id, uncapped_low, uncapped_high, low, high, mid, work_low, work_high,
        cap, composite.flags::varchar[] as flags, composite.assessed_weight, ready, composite.reward
    from composite
    join stg_attempt using (rollout_id, rubric_id)
    where run_id = $1 and composite.rollout_id in (select unnest($2::varchar[]))
"""
DIMENSIONS = """
    select
        instance_id, policy_id, dimension, n, weight, mean_low, mean_high, std_low, share_unassessed, variance_share
    from dimension_spread
    where run_id = $1 and instance_id in (select unnest($2::varchar[]))
    order by instance_id, policy_id, weight is null, dimension
"""
TASKS = """
    select instance_id, prompt, materials::varchar as materials
    from instance
    where
        instance_id in (select unnest($2::varchar[]))
        and instance_id in (select instance_id from rollout where run_id = $1)
"""


@dataclass(frozen=True)
class Texts:
    """Compressed blocks, one an instance."""

    blocks: dict[str, str]
    """instance_id -> base64 of the gzip of its JSON."""
    n_instances: int
    """Instances that have texts in the run."""
    n_rollouts: int
    """Rollouts whose text is in the blocks."""
    n_bytes: int
    """Size of the blocks as text."""
    cases: tuple[dict[str, Any], ...] = ()
    """family, kind (probe or operator), name, instance_id, policy_id, sample of the rollouts that show one."""


def select_texts(snapshot: Snapshot, budget: int = BUDGET_BYTES) -> Texts:
    """Choose rollouts to show and pack their texts, scores and transcripts until the budget is used up."""
    chosen = snapshot.sql(CHOSEN).to_dicts()
    blocks: dict[str, str] = {}
    n_rollouts = n_bytes = 0
    for block in _blocks(snapshot, chosen):
        packed = pack(block)
        if n_bytes + len(packed) > budget:
            break
        blocks[block["instance_id"]] = packed
        n_bytes += len(packed)
        n_rollouts += len(block["rollouts"])
    cases = [case for case in snapshot.sql(CASES).to_dicts() if case["instance_id"] in blocks]
    return Texts(blocks, len(chosen), n_rollouts, n_bytes, tuple(cases))


def pack(value: Any) -> str:
    """Return the JSON of a value, compressed, as text; the same value gives the same text."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=float)
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()


def _blocks(snapshot: Snapshot, chosen: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(chosen), BATCH):
        batch = chosen[start : start + BATCH]
        names = [row["instance_id"] for row in batch]
        why = {each["rollout_id"]: each["why"] for row in batch for each in row["chosen"]}
        scores = _by(snapshot.sql(SCORES, [list(why)]).to_dicts(), "rollout_id")
        composites = _by(snapshot.sql(COMPOSITES, [list(why)]).to_dicts(), "rollout_id")
        rollouts = _by(snapshot.sql(ROLLOUTS, [list(why), OUTPUT_CHARS]).to_dicts(), "instance_id")
        dimensions = _by(snapshot.sql(DIMENSIONS, [names]).to_dicts(), "instance_id")
        tasks = _by(snapshot.sql(TASKS, [names]).to_dicts(), "instance_id")
        for name in names:
            yield {
                "instance_id": name,
                "prompt": tasks[name][0]["prompt"],
                "materials": _materials(tasks[name][0]["materials"]),
                "dimension_spread": dimensions.get(name, []),
                "rollouts": [
                    {
                        **rollout,
                        "why": why[rollout["rollout_id"]],
                        "transcript": _steps(rollout["transcript"]),
                        "scores": [
                            {**score, "evidence": json.loads(score["evidence"])}
                            for score in scores.get(rollout["rollout_id"], [])
                        ],
                        "composite": next(iter(composites.get(rollout["rollout_id"], [])), None),
                    }
                    for rollout in rollouts.get(name, [])
                ],
            }


def _by(rows: Sequence[dict[str, Any]], key: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row[key]].append(row)
    return found


def _materials(text: str) -> dict[str, str]:
    return {name: _cut(content, MATERIAL_CHARS) for name, content in json.loads(text).items()}


def _steps(text: str) -> list[dict[str, Any]]:
    """Return the steps of a transcript with every long text cut."""
    return [
        {key: _cut(value, STEP_CHARS) if isinstance(value, str) else value for key, value in step.items()}
        | {"arguments": _cut(json.dumps(step.get("arguments", {}), ensure_ascii=False), STEP_CHARS)}
        for step in json.loads(text)
    ]


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]} [... {len(text) - limit:,} characters left out]"
