-- stg_score: what is proven about each dimension of each rollout, all graders taken together?
-- grain: rollout_id, dimension
-- reads: score
--   rollout_id   rollout
--   dimension    named quality
--   family       kind of task
--   low          highest low end that a grader proved, 0..1; repeats of one grader are averaged first
--   high         lowest high end that a grader proved, 0..1; never below low
--   state        assessed, partial, unassessed, or error where every grader failed
--   min_version  first grader version in the alphabet
--   max_version  last grader version in the alphabet; where it differs from min_version they are mixed
create or replace view stg_score as
with per_grader as (
    select
        rollout_id,
        dimension,
        grader_id,
        any_value(family) as family,
        avg(low) as low,
        avg(high) as high,
        bool_and(state = 'error') as is_error,
        min(grader_version) as min_version,
        max(grader_version) as max_version
    from score
    group by rollout_id, dimension, grader_id
),
narrowed as (
    select
        rollout_id,
        dimension,
        any_value(family) as family,
        max(low) as low,
        -- Two graders that contradict each other leave a point where one of them put its low end.
        greatest(max(low), min(high)) as high,
        bool_and(is_error) as is_error,
        min(min_version) as min_version,
        max(max_version) as max_version
    from per_grader
    group by rollout_id, dimension
)
select
    rollout_id,
    dimension,
    family,
    low,
    high,
    case
        when is_error then 'error'
        when low = high then 'assessed'
        when low = 0 and high = 1 then 'unassessed'
        else 'partial'
    end as state,
    min_version,
    max_version
from narrowed;
