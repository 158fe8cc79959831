-- stg_group_order: what did caps do to the order within a group?
-- grain: run_id, instance_id, policy_id
-- reads: stg_attempt, stg_threshold
--   run_id         run
--   instance_id    task
--   policy_id      who, in which regime
--   family         kind of task
--   policy         name of the policy
--   n              graded rollouts, 1 and up
--   n_capped       of those, lowered by a cap
--   n_piled        of those capped, on the same reward as another capped one
--   n_pairs        pairs that differed by more than the meaningful difference before caps
--   n_destroyed    of those pairs, tied after caps
--   n_reversed     of those pairs, in the other order after caps
--   ss_uncapped    sum of squares around the group's mean before caps
--   ss_reward      sum of squares around the group's mean after caps
--   frequent_flag  the most frequent set of flags among capped rollouts, as JSON text; null where none
--   median_weight  median assessed weight, 0..1
create or replace view stg_group_order as
with graded as (
    select
        stg_attempt.run_id,
        stg_attempt.instance_id,
        stg_attempt.policy_id,
        stg_attempt.family,
        stg_attempt.policy,
        stg_attempt.rollout_id,
        stg_attempt.reward,
        stg_attempt.uncapped,
        stg_attempt.is_capped,
        stg_attempt.flags,
        stg_attempt.assessed_weight,
        stg_threshold.meaningful_difference,
        stg_threshold.reward_quantum
    from stg_attempt
    join stg_threshold using (run_id)
    where stg_attempt.is_graded
),
-- Pairs that differ are counted by rank, so that only pairs with a capped end have to be formed.
ranked as (
    select
        *,
        count(*) over (partition by run_id, instance_id, policy_id)
        - rank() over (partition by run_id, instance_id, policy_id order by uncapped) + 1
        - count(*) over (
            partition by run_id, instance_id, policy_id
            order by uncapped
            range between current row and (meaningful_difference + 1e-12) following
        ) as n_above,
        -- 9 decimals: the reward quantum of the statistics notes, section 2.2.
        count(*) over (partition by run_id, instance_id, policy_id, is_capped, round(reward, 9)) as n_here
    from graded
),
summed as (
    select
        run_id,
        instance_id,
        policy_id,
        any_value(family) as family,
        any_value(policy) as policy,
        count(*) as n,
        count(*) filter (is_capped) as n_capped,
        count(*) filter (is_capped and n_here > 1) as n_piled,
        sum(n_above) as n_pairs,
        var_pop(uncapped) * count(*) as ss_uncapped,
        var_pop(reward) * count(*) as ss_reward,
        mode(cast(flags as varchar) order by cast(flags as varchar)) filter (is_capped) as frequent_flag,
        median(assessed_weight) as median_weight
    from ranked
    group by run_id, instance_id, policy_id
),
paired as (
    select
        one.run_id,
        one.instance_id,
        one.policy_id,
        count(*) filter (abs(one.reward - other.reward) <= one.reward_quantum) as n_destroyed,
        count(*) filter ((one.uncapped - other.uncapped) * (one.reward - other.reward) < -one.reward_quantum) as n_reversed
    from graded as one
    join graded as other using (run_id, instance_id, policy_id)
    where
        one.is_capped
        and (not other.is_capped or one.rollout_id < other.rollout_id)
        and abs(one.uncapped - other.uncapped) > one.meaningful_difference + 1e-12
    group by one.run_id, one.instance_id, one.policy_id
)
select
    summed.run_id,
    summed.instance_id,
    summed.policy_id,
    summed.family,
    summed.policy,
    summed.n,
    summed.n_capped,
    summed.n_piled,
    cast(summed.n_pairs as bigint) as n_pairs,
    coalesce(paired.n_destroyed, 0) as n_destroyed,
    coalesce(paired.n_reversed, 0) as n_reversed,
    summed.ss_uncapped,
    summed.ss_reward,
    summed.frequent_flag,
    summed.median_weight
from summed
left join paired using (run_id, instance_id, policy_id);
