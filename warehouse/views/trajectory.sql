-- trajectory: what did each step of training move, and what did it not?
-- grain: family, split, policy_id, dimension
-- reads: stg_checkpoint_mean, stg_lineage, stg_student_t, checkpoint_change
--   family             kind of task
--   split              train, heldout, stress, ...
--   policy_id          checkpoint
--   dimension          named quality, or 'composite' for the reward
--   policy             name of the checkpoint
--   parent             policy_id of its parent; null for the first of a line
--   base               policy_id of the first of its line; null for that one
--   intervention       what was done to the parent; null where not said
--   step               training step; null where not said
--   n_instances        instances with a mean, 0 and up
--   n_rollouts         graded rollouts behind them, over all completed runs under the same graders
--   mean               mean over instances of the mean of what is proven, 0..1; null without instances
--   ci_low             95 % interval over instances, 0..1; null below 10 instances
--   ci_high            95 % interval over instances, 0..1; null below 10 instances
--   delta_from_parent  change on shared instances, -1..1: not quite the difference of the two means where others are not shared; null without any
--   delta_parent_low   95 % interval; null below 10 shared instances
--   delta_parent_high  95 % interval; null below 10 shared instances
--   delta_from_base    the same against the base; null for the base
--   delta_base_low     95 % interval
--   delta_base_high    95 % interval
--   margin             smallest change that matters; null for the base
--   n_to_decide        instances that would decide the comparison with the parent; null where it is decided
--   status             against the parent: moved, flat (shown to be within the margin), regressed or unclear; null for the base
--   status_from_base   against the base; null for the base
--   reason             one sentence about the comparison with the parent; null for the base
--   share_at_ceiling   share of instances with a mean of .995 and more, 0..1: where it is near 1 there is nothing left to gain
--   n_unassessed       graded rollouts about which nothing is known on the dimension, left out; for 'composite' those not ready, which count
--   n_other_graders    further graded rollouts under other graders or another rubric, left out
--   graders            who graded
create or replace view trajectory as
with every_one as materialized (
    select * from stg_checkpoint_mean
),
-- Numbers of different graders are not pooled: those that graded most of the checkpoint's rollouts count.
per_graders as (
    select family, split, policy_id, dimension, graders, sum(n_rollouts) as n_rollouts
    from every_one
    group by family, split, policy_id, dimension, graders
),
chosen as (
    select
        *,
        sum(n_rollouts) over (partition by family, split, policy_id, dimension) - n_rollouts as n_other_graders
    from per_graders
    qualify
        row_number() over (partition by family, split, policy_id, dimension order by n_rollouts desc, graders desc) = 1
),
per_instance as (
    select
        every_one.family,
        every_one.split,
        every_one.policy_id,
        every_one.dimension,
        every_one.instance_id,
        any_value(every_one.graders) as graders,
        any_value(chosen.n_other_graders) as n_other_graders,
        sum(every_one.n_rollouts) as n_rollouts,
        sum(every_one.n_unassessed) as n_unassessed,
        -- Over runs, every rollout that counts weighs the same.
        case
            when every_one.dimension = 'composite'
                then sum(every_one.mean * every_one.n_rollouts) / sum(every_one.n_rollouts)
            else sum(every_one.mean * (every_one.n_rollouts - every_one.n_unassessed))
                / nullif(sum(every_one.n_rollouts - every_one.n_unassessed), 0)
        end as mean
    from every_one
    join chosen using (family, split, policy_id, dimension, graders)
    group by every_one.family, every_one.split, every_one.policy_id, every_one.dimension, every_one.instance_id
),
summed as (
    select
        family,
        split,
        policy_id,
        dimension,
        any_value(graders) as graders,
        any_value(n_other_graders) as n_other_graders,
        count(mean) as n_instances,
        sum(n_rollouts) as n_rollouts,
        sum(n_unassessed) as n_unassessed,
        avg(mean) as mean,
        stddev_samp(mean) as std,
        max(mean) - min(mean) as spread,
        count(*) filter (mean >= 0.995) / nullif(count(mean), 0) as share_at_ceiling
    from per_instance
    group by family, split, policy_id, dimension
),
-- Means that do not vary: up to 1 - .025^(1/n) of the instances may be other than all that were seen (Clopper, Pearson).
bounded as (
    select
        summed.*,
        case
            when n_instances < 10 then null
            -- 1e-9: the reward quantum.
            when spread <= 1e-9 then mean - (1 - 0.025 ** (1 / n_instances)) * mean
            else greatest(0.0, mean - stg_student_t.t_97_5 * std / sqrt(n_instances))
        end as ci_low,
        case
            when n_instances < 10 then null
            when spread <= 1e-9 then mean + (1 - 0.025 ** (1 / n_instances)) * (1 - mean)
            else least(1.0, mean + stg_student_t.t_97_5 * std / sqrt(n_instances))
        end as ci_high
    from summed
    left join stg_student_t on stg_student_t.df = least(summed.n_instances - 1, 10000)
)
select
    bounded.family,
    bounded.split,
    bounded.policy_id,
    bounded.dimension,
    stg_lineage.policy,
    stg_lineage.parent,
    stg_lineage.base,
    stg_lineage.intervention,
    stg_lineage.step,
    bounded.n_instances,
    cast(bounded.n_rollouts as bigint) as n_rollouts,
    bounded.mean,
    bounded.ci_low,
    bounded.ci_high,
    from_parent.delta as delta_from_parent,
    from_parent.ci_low as delta_parent_low,
    from_parent.ci_high as delta_parent_high,
    from_base.delta as delta_from_base,
    from_base.ci_low as delta_base_low,
    from_base.ci_high as delta_base_high,
    from_parent.margin,
    from_parent.n_to_decide,
    from_parent.status,
    from_base.status as status_from_base,
    from_parent.reason,
    bounded.share_at_ceiling,
    cast(bounded.n_unassessed as bigint) as n_unassessed,
    cast(bounded.n_other_graders as bigint) as n_other_graders,
    bounded.graders
from bounded
join stg_lineage using (policy_id)
left join checkpoint_change as from_parent
    on from_parent.family = bounded.family
    and from_parent.split = bounded.split
    and from_parent.base_policy = stg_lineage.parent
    and from_parent.policy_id = bounded.policy_id
    and from_parent.dimension = bounded.dimension
left join checkpoint_change as from_base
    on from_base.family = bounded.family
    and from_base.split = bounded.split
    and from_base.base_policy = stg_lineage.base
    and from_base.policy_id = bounded.policy_id
    and from_base.dimension = bounded.dimension;
