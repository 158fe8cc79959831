-- dimension_spread: which dimension makes the rewards of a group differ?
-- grain: run_id, instance_id, policy_id, dimension
-- reads: stg_attempt, stg_score, rubric_dimension
--   run_id            run
--   instance_id       task
--   policy_id         who, in which regime
--   dimension         named quality, or '(cap and work)' for what caps and the work factor add or take
--   family            kind of task
--   n                 graded rollouts, 1 and up
--   weight            share of the rubric's weight, 0..1; null for '(cap and work)'
--   mean_low          mean of what is proven, 0..1; null for '(cap and work)'
--   mean_high         mean of what is not ruled out, 0..1; null for '(cap and work)'
--   std_low           sample standard deviation of what is proven; null when n < 2
--   share_unassessed  share of rollouts in state unassessed or error, 0..1; null for '(cap and work)'
--   variance_share    covariance with the reward / variance of the reward; sums to 1 per group; below 0: works against it; null at zero variance
--   covariance_sum    cross-product with the reward around the group's means: add these up to pool groups
--   variance_sum      sum of squares of the reward around the group's mean: pooled share = sum / sum
create or replace view dimension_spread as
with share_of_weight as (
    select rubric_id, dimension, weight / sum(weight) over (partition by rubric_id) as weight from rubric_dimension
),
scored as (
    select
        stg_attempt.run_id,
        stg_attempt.instance_id,
        stg_attempt.policy_id,
        stg_attempt.family,
        stg_score.dimension,
        stg_score.low,
        stg_score.high,
        stg_score.state,
        share_of_weight.weight,
        stg_attempt.reward
    from stg_attempt
    join stg_score using (rollout_id)
    join share_of_weight
        on share_of_weight.rubric_id = stg_attempt.rubric_id and share_of_weight.dimension = stg_score.dimension
    where stg_attempt.is_graded
),
per_dimension as (
    select
        run_id,
        instance_id,
        policy_id,
        dimension,
        any_value(family) as family,
        count(*) as n,
        any_value(weight) as weight,
        avg(low) as mean_low,
        avg(high) as mean_high,
        stddev_samp(low) as std_low,
        avg(cast(state in ('unassessed', 'error') as integer)) as share_unassessed,
        any_value(weight) * covar_pop(low, reward) * count(*) as covariance_sum,
        -- 1e-9 squared: rewards closer than the quantum are equal, whatever is left is rounding.
        case when max(reward) - min(reward) > 1e-9 then var_pop(reward) * count(*) else 0 end as variance_sum
    from scored
    group by run_id, instance_id, policy_id, dimension
),
remainder as (
    select
        run_id,
        instance_id,
        policy_id,
        '(cap and work)' as dimension,
        any_value(family) as family,
        max(n) as n,
        max(variance_sum) - sum(covariance_sum) as covariance_sum,
        max(variance_sum) as variance_sum
    from per_dimension
    group by run_id, instance_id, policy_id
),
every_row as (
    select * from per_dimension
    union all by name
    select * from remainder
)
select
    run_id,
    instance_id,
    policy_id,
    dimension,
    family,
    n,
    weight,
    mean_low,
    mean_high,
    std_low,
    share_unassessed,
    case when variance_sum > 0 then covariance_sum / variance_sum end as variance_share,
    covariance_sum,
    variance_sum
from every_row;
