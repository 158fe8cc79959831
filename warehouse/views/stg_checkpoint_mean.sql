-- stg_checkpoint_mean: what did each checkpoint earn on each instance, by dimension and by who graded it?
-- grain: run_id, instance_id, policy_id, dimension
-- reads: stg_lineage, stg_attempt, stg_score, stg_grader, stg_origin, stg_threshold, run, instance, rubric
--   run_id        a completed run; of a run and its regrades under equal graders the one with most rollouts, else the first: the same attempts count once
--   instance_id   task
--   policy_id     checkpoint
--   dimension     named quality, or 'composite' for the reward
--   family        kind of task
--   split         train, heldout, stress, ...
--   graders       who grades it in the run, in which version and with which thresholds, as text, for 'composite' the rubric, too: only numbers under equal ones are compared
--   is_mixed      true where one of them graded the checkpoint in several versions: never compared
--   n_rollouts    graded rollouts, 1 and up
--   n_unassessed  of these, about which nothing is known on the dimension: left out of the mean; for 'composite' those that are not ready, which count
--   mean          mean of what is proven, 0..1; null where all are unassessed
--   width         mean of high - low of the same rollouts, 0..1: how much is left open; null where mean is
create or replace view stg_checkpoint_mean as
-- Materialized, as several steps read it.
with attempt as materialized (
    select
        stg_attempt.rollout_id,
        stg_attempt.run_id,
        stg_attempt.instance_id,
        stg_attempt.policy_id,
        stg_attempt.family,
        instance.split,
        stg_attempt.rubric_id,
        stg_attempt.reward,
        stg_attempt.reward_high,
        -- 1e-9: a weight that was added up.
        stg_attempt.assessed_weight >= stg_threshold.ready_weight - 1e-9 as is_ready
    from stg_attempt
    join run using (run_id)
    join stg_threshold using (run_id)
    join instance using (instance_id)
    where stg_attempt.is_graded
        and run.status = 'completed'
        and stg_attempt.policy_id in (select policy_id from stg_lineage)
),
per_dimension as (
    select
        attempt.run_id,
        attempt.instance_id,
        attempt.policy_id,
        stg_score.dimension,
        any_value(attempt.family) as family,
        any_value(attempt.split) as split,
        any_value(attempt.rubric_id) as rubric_id,
        count(*) as n_rollouts,
        count(*) filter (stg_score.state in ('unassessed', 'error')) as n_unassessed,
        avg(stg_score.low) filter (stg_score.state not in ('unassessed', 'error')) as mean,
        avg(stg_score.high - stg_score.low) filter (stg_score.state not in ('unassessed', 'error')) as width
    from stg_score
    join attempt using (rollout_id)
    group by attempt.run_id, attempt.instance_id, attempt.policy_id, stg_score.dimension
),
composed as (
    select
        run_id,
        instance_id,
        policy_id,
        any_value(family) as family,
        any_value(split) as split,
        any_value(rubric_id) as rubric_id,
        count(*) as n_rollouts,
        count(*) filter (not is_ready) as n_unassessed,
        avg(reward) as mean,
        avg(reward_high - reward) as width
    from attempt
    group by run_id, instance_id, policy_id
),
every_run as (
    select
        per_dimension.run_id,
        per_dimension.instance_id,
        per_dimension.policy_id,
        per_dimension.dimension,
        per_dimension.family,
        per_dimension.split,
        -- What graders read of the rubric: under other thresholds the same version scores otherwise.
        stg_grader.graders
        || coalesce(
            ', thresholds ' || left(md5(nullif(json_extract_string(rubric.content, '$.thresholds'), '{}')), 6), ''
        ) as graders,
        stg_grader.is_mixed,
        per_dimension.n_rollouts,
        per_dimension.n_unassessed,
        per_dimension.mean,
        per_dimension.width
    from per_dimension
    join stg_grader using (run_id, policy_id, family, dimension)
    left join rubric on rubric.rubric_id = per_dimension.rubric_id
    union all
    select
        composed.run_id,
        composed.instance_id,
        composed.policy_id,
        'composite' as dimension,
        composed.family,
        composed.split,
        -- Where no score is kept, the rubric alone says what was done.
        composed.rubric_id || coalesce(' of ' || stg_grader.graders, '') as graders,
        coalesce(stg_grader.is_mixed, false) as is_mixed,
        composed.n_rollouts,
        composed.n_unassessed,
        composed.mean,
        composed.width
    from composed
    left join stg_grader
        on stg_grader.run_id = composed.run_id
        and stg_grader.policy_id = composed.policy_id
        and stg_grader.family = composed.family
        and stg_grader.dimension = 'composite'
)
select every_run.*
from every_run
join stg_origin using (run_id)
qualify
    row_number() over (
        partition by
            stg_origin.origin, every_run.instance_id, every_run.policy_id, every_run.dimension, every_run.graders
        order by every_run.n_rollouts desc, every_run.run_id
    ) = 1;
