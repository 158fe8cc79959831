-- stg_group_noise: how much of a group's reward variance is the judge repeating itself differently?
-- grain: run_id, instance_id, policy_id
-- reads: stg_attempt, score, rubric_dimension
--   run_id          run
--   instance_id     task
--   policy_id       who, in which regime
--   noise_variance  variance of the weighted mean due to repeats: sum of weight^2 * variance / repeats
--   n_repeated      rollout x dimension pairs that were graded more than once by one grader
create or replace view stg_group_noise as
with repeated as (
    select distinct rollout_id, dimension, grader_id from score where replicate > 0
),
within_rollout as (
    select score.rollout_id, score.dimension, score.grader_id, var_samp(score.low) / count(*) as variance_of_mean
    from score
    join repeated using (rollout_id, dimension, grader_id)
    where score.state <> 'error'
    group by score.rollout_id, score.dimension, score.grader_id
    having count(*) > 1
),
share_of_weight as (
    select rubric_id, dimension, weight / sum(weight) over (partition by rubric_id) as share from rubric_dimension
),
per_dimension as (
    select
        stg_attempt.run_id,
        stg_attempt.instance_id,
        stg_attempt.policy_id,
        share_of_weight.dimension,
        avg(within_rollout.variance_of_mean) * any_value(share_of_weight.share) ** 2 as noise_variance,
        count(*) as n_repeated
    from within_rollout
    join stg_attempt using (rollout_id)
    join share_of_weight
        on share_of_weight.rubric_id = stg_attempt.rubric_id and share_of_weight.dimension = within_rollout.dimension
    group by all
)
select run_id, instance_id, policy_id, sum(noise_variance) as noise_variance, cast(sum(n_repeated) as bigint) as n_repeated
from per_dimension
group by run_id, instance_id, policy_id;
