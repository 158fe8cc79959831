-- stg_rung: what did each rung of each ladder score on every dimension and on the composite?
-- grain: run_id, instance_id, operator, sample, severity, dimension
-- reads: stg_attempt, stg_score, operator
--   run_id       run
--   instance_id  task
--   operator     damage or rewrite
--   sample       index of the ladder, 0 and up
--   severity     0 (where the operator starts from) to 4
--   dimension    named quality, or 'composite'
--   family       kind of task
--   kind         degrade, neutral or compensation; null where the family no longer lists the operator
--   low          what is proven, 0..1; the reward for 'composite'
--   high         what is not ruled out, 0..1; the reward for 'composite'
--   rubric_id    the run's rubric for the family
--   is_open      true where nothing is known: unassessed
--   is_error     true where every grader failed
create or replace view stg_rung as
with ladder as (
    select
        stg_attempt.run_id,
        stg_attempt.instance_id,
        stg_attempt.operator,
        stg_attempt.sample,
        stg_attempt.severity,
        stg_attempt.rollout_id,
        stg_attempt.family,
        stg_attempt.reward,
        stg_attempt.is_graded,
        stg_attempt.rubric_id,
        operator.kind
    from stg_attempt
    left join operator on operator.family = stg_attempt.family and operator.operator = stg_attempt.operator
    where stg_attempt.policy_kind = 'ladder' and not stg_attempt.is_lost
)
select
    ladder.run_id,
    ladder.instance_id,
    ladder.operator,
    ladder.sample,
    ladder.severity,
    stg_score.dimension,
    ladder.family,
    ladder.kind,
    stg_score.low,
    stg_score.high,
    ladder.rubric_id,
    stg_score.state = 'unassessed' as is_open,
    stg_score.state = 'error' as is_error
from ladder
join stg_score using (rollout_id)
union all
select
    run_id,
    instance_id,
    operator,
    sample,
    severity,
    'composite' as dimension,
    family,
    kind,
    reward as low,
    reward as high,
    rubric_id,
    false as is_open,
    false as is_error
from ladder
where is_graded;
