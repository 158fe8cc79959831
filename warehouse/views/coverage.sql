-- coverage: how much of each dimension do the graders settle?
-- grain: run_id, family, dimension
-- reads: stg_score, rollout
--   run_id            run
--   family            kind of task
--   dimension         named quality
--   n                 rollouts scored on it, of all policies
--   share_assessed    share settled, 0..1; the four shares add up to 1
--   share_partial     share narrowed at one end, 0..1
--   share_unassessed  share about which nothing is known, 0..1
--   share_error       share on which every grader failed, 0..1
--   mean_width        mean of high - low, 0..1: what is still open
--   is_mixed          true where scores of several grader versions stand side by side: do not compare them
create or replace view coverage as
select
    rollout.run_id,
    stg_score.family,
    stg_score.dimension,
    count(*) as n,
    count(*) filter (stg_score.state = 'assessed') / count(*) as share_assessed,
    count(*) filter (stg_score.state = 'partial') / count(*) as share_partial,
    count(*) filter (stg_score.state = 'unassessed') / count(*) as share_unassessed,
    count(*) filter (stg_score.state = 'error') / count(*) as share_error,
    avg(stg_score.high - stg_score.low) as mean_width,
    min(stg_score.min_version) <> max(stg_score.max_version) as is_mixed
from stg_score
join rollout using (rollout_id)
group by rollout.run_id, stg_score.family, stg_score.dimension;
