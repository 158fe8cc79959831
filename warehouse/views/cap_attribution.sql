-- cap_attribution: which cap destroys the order within groups, and what would it be without it?
-- grain: run_id, family, policy_id, flag
-- reads: stg_attempt, stg_group_order, group_spread, stg_threshold, rubric, rubric_cap
--   run_id               run
--   family               kind of task
--   policy_id            who, in which regime; models, simulated policies and replays only
--   flag                 hard failure that was found at least once
--   policy               name of the policy
--   n_triggered          graded rollouts with the flag, 1 and up
--   share_triggered      share of the graded rollouts with it, 0..1
--   ceiling              what it leaves of the composite, 0..1; 1 where the rubric puts no ceiling on it
--   n_pairs              pairs within groups that differed meaningfully before caps
--   destroyed_pair_rate  share of those that are tied under all caps, 0..1; null without pairs
--   destroyed_without    the same with this cap left out and all others in force
--   destroyed_by_cap     destroyed_pair_rate - destroyed_without, -1..1. Two caps on the same rollouts hide each other: these shares do not add up to destroyed_pair_rate
--   std_capped           standard deviation within groups under all caps, pooled; null where no group has two
--   std_without          the same with this cap left out
--   dead_share           mean over groups of the share of training groups that teach nothing (dead_at_g of group_spread), 0..1; null where no group has four
--   dead_share_without   the same with this cap left out
create or replace view cap_attribution as
with graded as materialized (
    select run_id, instance_id, policy_id, family, policy, rollout_id, rubric_id, reward, uncapped, flags
    from stg_attempt
    where is_graded and is_group
),
flagged as (
    select
        rollout_id,
        run_id,
        instance_id,
        policy_id,
        rubric_id,
        reward,
        uncapped,
        unnest(list_distinct(cast(flags as varchar[]))) as flag
    from graded
    where flags <> '[]'
),
priced as materialized (
    select
        flagged.*,
        -- A flag without a ceiling is only recorded (graders/composite.py).
        coalesce(rubric_cap.ceiling, 1.0) as ceiling,
        coalesce(json_extract_string(rubric.content, '$.cap_mode'), 'scaled') as cap_mode
    from flagged
    left join rubric_cap on rubric_cap.rubric_id = flagged.rubric_id and rubric_cap.flag = flagged.flag
    left join rubric on rubric.rubric_id = flagged.rubric_id
),
-- The composite again, with every ceiling but one.
spared as materialized (
    select
        priced.rollout_id,
        priced.run_id,
        priced.instance_id,
        priced.policy_id,
        priced.flag,
        any_value(priced.ceiling) as ceiling,
        case
            when any_value(priced.ceiling) = 1 then any_value(priced.reward)
            -- Without other flags there is no other lid, and least() passes over the null.
            when any_value(priced.cap_mode) = 'hard'
                then least(any_value(priced.uncapped), min(other.ceiling))
            else any_value(priced.uncapped) * coalesce(product(other.ceiling), 1.0)
        end as reward
    from priced
    left join priced as other on other.rollout_id = priced.rollout_id and other.flag <> priced.flag
    group by priced.rollout_id, priced.run_id, priced.instance_id, priced.policy_id, priced.flag
),
-- Only groups in which the flag lowered something change.
touched as (
    select distinct run_id, instance_id, policy_id, flag from spared where ceiling < 1
),
imagined as materialized (
    select
        touched.run_id,
        touched.instance_id,
        touched.policy_id,
        touched.flag,
        graded.rollout_id,
        graded.uncapped,
        coalesce(spared.reward, graded.reward) as reward,
        coalesce(spared.reward, graded.reward) < graded.uncapped as is_capped,
        stg_threshold.meaningful_difference,
        stg_threshold.reward_quantum
    from touched
    join graded using (run_id, instance_id, policy_id)
    join stg_threshold using (run_id)
    left join spared on spared.rollout_id = graded.rollout_id and spared.flag = touched.flag
),
-- As stg_group_order does: a pair is destroyed only where an end is capped.
paired as (
    select one.run_id, one.instance_id, one.policy_id, one.flag, count(*) as n_destroyed
    from imagined as one
    join imagined as other using (run_id, instance_id, policy_id, flag)
    where
        one.is_capped
        and (not other.is_capped or one.rollout_id < other.rollout_id)
        and abs(one.uncapped - other.uncapped) > one.meaningful_difference + 1e-12
        and abs(one.reward - other.reward) <= one.reward_quantum
    group by one.run_id, one.instance_id, one.policy_id, one.flag
),
-- As stg_reach does.
ordered as (
    select
        run_id,
        instance_id,
        policy_id,
        flag,
        reward,
        count(*) over by_group as n,
        rank() over by_reward - 1
        + count(*) over (
            partition by run_id, instance_id, policy_id, flag
            order by reward
            range between current row and (meaningful_difference + 1e-12) following
        )
        - row_number() over by_reward as n_within
    from imagined
    window
        by_group as (partition by run_id, instance_id, policy_id, flag),
        by_reward as (partition by run_id, instance_id, policy_id, flag order by reward)
),
per_group as materialized (
    select
        stg_group_order.run_id,
        stg_group_order.instance_id,
        stg_group_order.policy_id,
        stg_group_order.n,
        stg_group_order.n_pairs,
        stg_group_order.n_destroyed,
        stg_group_order.ss_reward,
        group_spread.family,
        group_spread.policy,
        group_spread.g,
        group_spread.dead_at_g
    from stg_group_order
    join group_spread using (run_id, instance_id, policy_id)
    where group_spread.policy_kind in ('model', 'simulated', 'replay')
),
-- What leaving the cap out changes in each group.
changed as (
    select
        ordered.run_id,
        ordered.instance_id,
        ordered.policy_id,
        ordered.flag,
        var_pop(ordered.reward) * count(*) - any_value(per_group.ss_reward) as ss_reward,
        least(1.0, sum(
            case
                when ordered.n_within >= per_group.g - 1 then exp(
                    lgamma(ordered.n_within + 1) - lgamma(per_group.g) - lgamma(ordered.n_within - per_group.g + 2)
                    - lgamma(ordered.n + 1) + lgamma(per_group.g + 1) + lgamma(ordered.n - per_group.g + 1)
                )
                when per_group.g is not null then 0
            end
        )) - any_value(per_group.dead_at_g) as dead_at_g,
        any_value(per_group.n_destroyed) as n_destroyed_before
    from ordered
    join per_group using (run_id, instance_id, policy_id)
    group by ordered.run_id, ordered.instance_id, ordered.policy_id, ordered.flag
),
effects as (
    select
        changed.run_id,
        changed.policy_id,
        per_group.family,
        changed.flag,
        sum(changed.ss_reward) as ss_reward,
        sum(changed.dead_at_g) as dead_at_g,
        sum(coalesce(paired.n_destroyed, 0) - changed.n_destroyed_before) as n_destroyed
    from changed
    join per_group using (run_id, instance_id, policy_id)
    left join paired using (run_id, instance_id, policy_id, flag)
    group by changed.run_id, changed.policy_id, per_group.family, changed.flag
),
totals as (
    select
        run_id,
        family,
        policy_id,
        any_value(policy) as policy,
        sum(n) as n_rollouts,
        sum(n - 1) as degrees,
        cast(sum(n_pairs) as bigint) as n_pairs,
        sum(n_destroyed) as n_destroyed,
        sum(ss_reward) as ss_reward,
        sum(dead_at_g) as dead_at_g,
        count(dead_at_g) as n_sized
    from per_group
    group by run_id, family, policy_id
),
triggered as (
    select
        spared.run_id,
        per_group.family,
        spared.policy_id,
        spared.flag,
        count(*) as n_triggered,
        any_value(spared.ceiling) as ceiling
    from spared
    join per_group using (run_id, instance_id, policy_id)
    group by spared.run_id, per_group.family, spared.policy_id, spared.flag
),
-- A flag that costs nothing has no effects: nothing changes without it.
compared as (
    select
        triggered.*,
        totals.* exclude (run_id, family, policy_id),
        totals.n_destroyed + coalesce(effects.n_destroyed, 0) as n_destroyed_without,
        greatest(0.0, totals.ss_reward + coalesce(effects.ss_reward, 0)) as ss_without,
        totals.dead_at_g + coalesce(effects.dead_at_g, 0) as dead_without
    from triggered
    join totals
        on totals.run_id = triggered.run_id
        and totals.policy_id = triggered.policy_id
        and totals.family is not distinct from triggered.family
    left join effects
        on effects.run_id = triggered.run_id
        and effects.policy_id = triggered.policy_id
        and effects.family is not distinct from triggered.family
        and effects.flag = triggered.flag
)
select
    run_id,
    family,
    policy_id,
    flag,
    policy,
    n_triggered,
    n_triggered / n_rollouts as share_triggered,
    ceiling,
    n_pairs,
    n_destroyed / nullif(n_pairs, 0) as destroyed_pair_rate,
    n_destroyed_without / nullif(n_pairs, 0) as destroyed_without,
    (n_destroyed - n_destroyed_without) / nullif(n_pairs, 0) as destroyed_by_cap,
    sqrt(ss_reward / nullif(degrees, 0)) as std_capped,
    sqrt(ss_without / nullif(degrees, 0)) as std_without,
    dead_at_g / nullif(n_sized, 0) as dead_share,
    case when n_sized > 0 then greatest(0.0, dead_without / n_sized) end as dead_share_without
from compared;
