-- stg_score: what is proven about each dimension of each rollout, all graders taken together?
-- grain: rollout_id, dimension
-- reads: score
--   rollout_id  rollout
--   dimension   named quality
--   family      kind of task
--   low         what is proven, 0..1: the low end of the judges that count, moved into the frame that code leaves
--   high        what is not ruled out, 0..1: their high end, moved into the same frame; never below low
--   state       assessed, partial, unassessed, or error where every grader that counts failed
--   frame_low   highest low end that code proved, 0..1; 0 where no code looked
--   frame_high  lowest high end that code proved, 0..1; never below frame_low; 1 where no code looked
create or replace view stg_score as
with repeated as (
    select distinct rollout_id, dimension, grader_id from score where replicate > 0
),
-- Repeats of one grader are averaged, those without a verdict as [0, 1]: a call that failed must not help. Most graders
-- score once: only the others have to be grouped.
per_grader as (
    select
        rollout_id,
        dimension,
        source,
        family,
        low,
        high,
        state = 'error' as is_error,
        -- A judge that was not trusted moves nothing; where nobody asked whether it is, it counts.
        coalesce(is_trusted, true) as counts
    from score
    anti join repeated using (rollout_id, dimension, grader_id)
    union all
    select
        rollout_id,
        dimension,
        source,
        any_value(family) as family,
        avg(low) as low,
        avg(high) as high,
        bool_and(state = 'error') as is_error,
        bool_and(coalesce(is_trusted, true)) as counts
    from score
    semi join repeated using (rollout_id, dimension, grader_id)
    group by rollout_id, dimension, source, grader_id
),
together as (
    select
        rollout_id,
        dimension,
        any_value(family) as family,
        coalesce(max(low) filter (source = 'deterministic'), 0.0) as frame_low,
        -- Two graders that contradict each other leave a point where one of them put its low end.
        coalesce(
            greatest(max(low) filter (source = 'deterministic'), min(high) filter (source = 'deterministic')), 1.0
        ) as frame_high,
        -- Judges prove nothing: where they differ, what any of them holds possible stays open.
        min(low) filter (source = 'judge' and counts) as judge_low,
        max(high) filter (source = 'judge' and counts) as judge_high,
        -- Where nobody counts, nobody failed either: nothing is known.
        coalesce(bool_and(is_error) filter (counts), false) as is_error
    from per_grader
    group by rollout_id, dimension
),
narrowed as (
    select
        *,
        least(greatest(coalesce(judge_low, frame_low), frame_low), frame_high) as low,
        least(greatest(coalesce(judge_high, frame_high), frame_low), frame_high) as high
    from together
)
select
    rollout_id,
    dimension,
    family,
    low,
    high,
    case
        when is_error then 'error'
        -- 1e-9: the reward quantum; two judges with one mean may differ in the order they were added up in.
        when high - low <= 1e-9 then 'assessed'
        when low = 0 and high = 1 then 'unassessed'
        else 'partial'
    end as state,
    frame_low,
    frame_high
from narrowed;
