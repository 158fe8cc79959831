-- coverage: how much of each dimension do the graders settle?
-- grain: run_id, family, dimension
-- reads: stg_score, score, rollout
--   run_id                 run
--   family                 kind of task
--   dimension              named quality
--   n                      rollouts scored on it, of all policies
--   share_assessed         share settled, 0..1; the four shares add up to 1
--   share_partial          share narrowed at one end, 0..1
--   share_unassessed       share about which nothing is known, 0..1
--   share_error            share on which every grader failed, 0..1
--   mean_width             mean of high - low, 0..1: what is still open
--   is_mixed               true where one grader scored in several of its versions: do not compare its scores
--   n_judge_calls          times a judge was asked, or was to be and had better not, 0 and up
--   share_without_verdict  share of those that left no usable verdict, 0..1; null where there are none
--   reasons                why they gave none, as JSON text: reason -> count, the most frequent first; null where none
create or replace view coverage as
with settled as (
    select
        rollout.run_id,
        stg_score.family,
        stg_score.dimension,
        count(*) as n,
        count(*) filter (stg_score.state = 'assessed') / count(*) as share_assessed,
        count(*) filter (stg_score.state = 'partial') / count(*) as share_partial,
        count(*) filter (stg_score.state = 'unassessed') / count(*) as share_unassessed,
        count(*) filter (stg_score.state = 'error') / count(*) as share_error,
        avg(stg_score.high - stg_score.low) as mean_width
    from stg_score
    join rollout using (rollout_id)
    group by rollout.run_id, stg_score.family, stg_score.dimension
),
per_grader as (
    select
        rollout.run_id,
        score.family,
        score.dimension,
        score.grader_id,
        min(score.grader_version) <> max(score.grader_version) as is_mixed,
        count(*) filter (score.source = 'judge') as n_judge_calls,
        count(*) filter (score.source = 'judge' and score.state in ('unassessed', 'error')) as n_without_verdict
    from score
    join rollout using (rollout_id)
    group by rollout.run_id, score.family, score.dimension, score.grader_id
),
-- A judge beside code is no mixture: only versions of one and the same grader are.
graded as (
    select
        run_id,
        family,
        dimension,
        bool_or(is_mixed) as is_mixed,
        cast(sum(n_judge_calls) as bigint) as n_judge_calls,
        sum(n_without_verdict) as n_without_verdict
    from per_grader
    group by run_id, family, dimension
),
reasoned as (
    select
        rollout.run_id,
        score.family,
        score.dimension,
        -- The word before the colon; what follows it tells one call from the next.
        coalesce(nullif(trim(split_part(score.reason, ':', 1)), ''), 'unspecified') as reason,
        count(*) as n
    from score
    join rollout using (rollout_id)
    where score.source = 'judge' and score.state in ('unassessed', 'error')
    group by all
),
listed as (
    select
        run_id,
        family,
        dimension,
        cast(to_json(map_from_entries(list({'k': reason, 'v': n} order by n desc, reason))) as varchar) as reasons
    from reasoned
    group by run_id, family, dimension
)
select
    settled.run_id,
    settled.family,
    settled.dimension,
    settled.n,
    settled.share_assessed,
    settled.share_partial,
    settled.share_unassessed,
    settled.share_error,
    settled.mean_width,
    graded.is_mixed,
    graded.n_judge_calls,
    graded.n_without_verdict / nullif(graded.n_judge_calls, 0) as share_without_verdict,
    listed.reasons
from settled
join graded using (run_id, family, dimension)
left join listed using (run_id, family, dimension);
