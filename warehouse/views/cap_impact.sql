-- cap_impact: do caps destroy the order that rollouts had before them?
-- grain: run_id, family, policy_id
-- reads: stg_group_order
--   run_id               run
--   family               kind of task
--   policy_id            who, in which regime
--   policy               name of the policy
--   n_groups             groups with a graded rollout
--   n_rollouts           graded rollouts
--   share_capped         share of rollouts lowered by a cap, 0..1
--   std_uncapped         standard deviation within groups before caps, pooled; null where no group has two
--   std_capped           the same after caps
--   mass_at_cap          share of rollouts that caps piled on a reward shared with another capped one, 0..1
--   n_pairs              pairs within groups that differed meaningfully before caps
--   destroyed_pair_rate  share of those that are tied after caps, 0..1; null without pairs
--   reversed_pair_rate   share of those in the other order after caps, 0..1; null without pairs
create or replace view cap_impact as
with summed as (
    select
        run_id,
        family,
        policy_id,
        any_value(policy) as policy,
        count(*) as n_groups,
        cast(sum(n) as bigint) as n_rollouts,
        sum(n_capped) as n_capped,
        sum(n_piled) as n_piled,
        cast(sum(n_pairs) as bigint) as n_pairs,
        sum(n_destroyed) as n_destroyed,
        sum(n_reversed) as n_reversed,
        sum(ss_uncapped) as ss_uncapped,
        sum(ss_reward) as ss_reward,
        sum(n - 1) as degrees
    from stg_group_order
    group by run_id, family, policy_id
)
select
    run_id,
    family,
    policy_id,
    policy,
    n_groups,
    n_rollouts,
    n_capped / n_rollouts as share_capped,
    sqrt(ss_uncapped / nullif(degrees, 0)) as std_uncapped,
    sqrt(ss_reward / nullif(degrees, 0)) as std_capped,
    n_piled / n_rollouts as mass_at_cap,
    n_pairs,
    n_destroyed / nullif(n_pairs, 0) as destroyed_pair_rate,
    n_reversed / nullif(n_pairs, 0) as reversed_pair_rate
from summed;
