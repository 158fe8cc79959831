-- dimension_share: which dimension makes rewards differ, against what it was meant to weigh?
-- grain: run_id, family, policy_id, dimension
-- reads: dimension_spread, stg_threshold, policy
--   run_id           run
--   family           kind of task
--   policy_id        who, in which regime; models, simulated policies and replays only
--   dimension        named quality, or '(cap and work)' for what caps and the work factor add or take
--   policy           name of the policy
--   declared_weight  share of the rubric's weight, 0..1; null for '(cap and work)'
--   variance_share   covariance with the reward / variance of the reward within groups, pooled; sums to 1; below 0: works against it; null where no group has spread
--   n_groups         groups whose rewards differ, 0 and up
--   is_dead          true where its part in the variance is far below its weight: it teaches nothing; null below 20 such groups and for '(cap and work)'
--   is_dominant      true where its part is far above its weight; null in the same cases
create or replace view dimension_share as
with pooled as (
    select
        dimension_spread.run_id,
        dimension_spread.family,
        dimension_spread.policy_id,
        dimension_spread.dimension,
        any_value(policy.name) as policy,
        any_value(dimension_spread.weight) as declared_weight,
        sum(dimension_spread.covariance_sum) filter (dimension_spread.variance_sum > 0)
        / sum(dimension_spread.variance_sum) filter (dimension_spread.variance_sum > 0) as variance_share,
        count(*) filter (dimension_spread.variance_sum > 0) as n_groups
    from dimension_spread
    join policy using (policy_id)
    where policy.kind in ('model', 'simulated', 'replay')
    group by
        dimension_spread.run_id, dimension_spread.family, dimension_spread.policy_id, dimension_spread.dimension
)
select
    pooled.run_id,
    family,
    policy_id,
    dimension,
    policy,
    declared_weight,
    variance_share,
    n_groups,
    case when n_groups >= min_groups then abs(variance_share) < dead_weight_ratio * declared_weight end as is_dead,
    case when n_groups >= min_groups then variance_share > dominant_weight_ratio * declared_weight end as is_dominant
from pooled
join stg_threshold using (run_id);
