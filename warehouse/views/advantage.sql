-- advantage: what would a trainer have made of each reward?
-- grain: rollout_id
-- reads: stg_attempt, stg_score, rubric_dimension
--   rollout_id         graded rollout of a model, a simulated policy or a replay
--   run_id             run
--   instance_id        task
--   policy_id          who, in which regime
--   sample             index within the group, 0 and up
--   reward             what is proven, 0..1
--   adv_population     (reward - group mean) / population standard deviation of the group; null where all rewards are equal: trainers then use 0
--   adv_sample         the same with the sample standard deviation, n - 1; null where all rewards are equal
--   adv_mean_only      reward - group mean, -1..1
--   adv_batch          (reward - group mean) / standard deviation of all such differences of the policy in the run; null where all of them are 0
--   adv_per_dimension  sum over dimensions of share of weight x (low - group mean) / population standard deviation of low: each dimension scaled before they are added, without caps and work; a dimension without spread adds 0; null where no dimension was scored
create or replace view advantage as
with graded as materialized (
    select rollout_id, run_id, instance_id, policy_id, sample, reward, rubric_id
    from stg_attempt
    where is_group and is_graded
),
per_group as materialized (
    select
        run_id,
        instance_id,
        policy_id,
        any_value(rubric_id) as rubric_id,
        avg(reward) as mean,
        var_pop(reward) * count(*) as sum_of_squares,
        -- 1e-9, here and below: the reward quantum; what is closer is equal, and its deviation a rounding error.
        case when max(reward) - min(reward) > 1e-9 then stddev_pop(reward) end as std_population,
        case when max(reward) - min(reward) > 1e-9 then stddev_samp(reward) end as std_sample,
        count(*) as n
    from graded
    group by run_id, instance_id, policy_id
),
-- The differences have mean 0 in every group, so in the batch.
batches as (
    select
        run_id,
        policy_id,
        case when count(std_population) > 0 then sqrt(sum(sum_of_squares) / sum(n)) end as std_batch
    from per_group
    group by run_id, policy_id
),
share_of_weight as (
    select rubric_id, dimension, weight / sum(weight) over (partition by rubric_id) as share from rubric_dimension
),
scored as materialized (
    select
        graded.rollout_id,
        graded.run_id,
        graded.instance_id,
        graded.policy_id,
        stg_score.dimension,
        stg_score.low,
        share_of_weight.share
    from graded
    join stg_score using (rollout_id)
    join share_of_weight
        on share_of_weight.rubric_id = graded.rubric_id and share_of_weight.dimension = stg_score.dimension
),
-- What one unit of a dimension's low is worth in its group; 0 where it does not spread.
scales as (
    select
        run_id,
        instance_id,
        policy_id,
        dimension,
        avg(low) as mean,
        case when max(low) - min(low) > 1e-9 then any_value(share) / stddev_pop(low) else 0.0 end as scale
    from scored
    group by run_id, instance_id, policy_id, dimension
),
per_dimension as (
    select scored.rollout_id, sum((scored.low - scales.mean) * scales.scale) as advantage
    from scored
    join scales using (run_id, instance_id, policy_id, dimension)
    group by scored.rollout_id
)
select
    graded.rollout_id,
    graded.run_id,
    graded.instance_id,
    graded.policy_id,
    graded.sample,
    graded.reward,
    (graded.reward - per_group.mean) / per_group.std_population as adv_population,
    (graded.reward - per_group.mean) / per_group.std_sample as adv_sample,
    graded.reward - per_group.mean as adv_mean_only,
    (graded.reward - per_group.mean) / batches.std_batch as adv_batch,
    per_dimension.advantage as adv_per_dimension
from graded
join per_group using (run_id, instance_id, policy_id)
join batches using (run_id, policy_id)
left join per_dimension using (rollout_id);
