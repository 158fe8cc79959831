-- stg_group_signal: how likely does a group of another size hold something to learn?
-- grain: run_id, instance_id, policy_id, group_size
-- reads: stg_reach, stg_yardstick, stg_threshold
--   run_id       run
--   instance_id  task
--   policy_id    who, in which regime; models, simulated policies and replays only
--   group_size   rollouts per group: 2, 4, 8, 16, 32, 64, 128, and the training group
--   family       kind of task
--   n            graded rollouts, 1 and up
--   n_above      of those, above what no work earns by more than the meaningful difference
--   measured     share of groups of that size, drawn from these rollouts, that differ by more than the meaningful difference; unbiased; null where n < group_size
--   posterior    expected share of groups with rewards on both sides of n_above's line, under a Beta(1/2, 1/2) prior, 0..1
--   chance       the larger of posterior and the share of live groups of half of n rollouts (at most group_size): the posterior cannot see spread above its line, and a larger group is never deader
create or replace view stg_group_signal as
with counted as (
    select
        stg_reach.run_id,
        stg_reach.instance_id,
        stg_reach.policy_id,
        any_value(stg_reach.family) as family,
        count(*) as n,
        count(*) filter (
            stg_reach.reward > stg_yardstick.floor + stg_threshold.meaningful_difference + 1e-12
        ) as n_above,
        any_value(list_distinct([2, 4, 8, 16, 32, 64, 128, cast(stg_threshold.training_group as bigint)])) as sizes
    from stg_reach
    join stg_yardstick using (run_id, instance_id)
    join stg_threshold on stg_threshold.run_id = stg_reach.run_id
    where stg_reach.is_group
    group by stg_reach.run_id, stg_reach.instance_id, stg_reach.policy_id
),
-- Groups that can be drawn from the rollouts: of the sizes asked for, and half of them, the largest with any spread.
drawable as (
    select
        run_id,
        instance_id,
        policy_id,
        n,
        unnest(list_distinct(list_filter(list_append(sizes, n // 2), lambda size: size >= 2 and size <= n))) as size
    from counted
),
-- Few different numbers of neighbours occur in a group.
reached as (
    select run_id, instance_id, policy_id, n_within as k, count(*) as n_rollouts
    from stg_reach
    where is_group
    group by run_id, instance_id, policy_id, n_within
),
-- dead_at_g of group_spread, for any g.
drawn as materialized (
    select
        drawable.run_id,
        drawable.instance_id,
        drawable.policy_id,
        drawable.size,
        1 - least(1.0, sum(
            case
                when reached.k >= drawable.size - 1 then reached.n_rollouts * exp(
                    lgamma(reached.k + 1) - lgamma(drawable.size) - lgamma(reached.k - drawable.size + 2)
                    - lgamma(drawable.n + 1) + lgamma(drawable.size + 1) + lgamma(drawable.n - drawable.size + 1)
                )
                else 0
            end
        )) as live
    from drawable
    join reached using (run_id, instance_id, policy_id)
    group by drawable.run_id, drawable.instance_id, drawable.policy_id, drawable.size
),
asked as (
    select run_id, instance_id, policy_id, family, n, n_above, unnest(sizes) as group_size from counted
),
-- E[1 - p^g - (1 - p)^g] for p ~ Beta(n_above + 1/2, n - n_above + 1/2).
expected as (
    select
        *,
        1
        - exp(
            lgamma(n_above + 0.5 + group_size) - lgamma(n_above + 0.5) + lgamma(n + 1) - lgamma(n + 1 + group_size)
        )
        - exp(
            lgamma(n - n_above + 0.5 + group_size) - lgamma(n - n_above + 0.5)
            + lgamma(n + 1) - lgamma(n + 1 + group_size)
        ) as posterior
    from asked
)
select
    expected.run_id,
    expected.instance_id,
    expected.policy_id,
    expected.group_size,
    expected.family,
    expected.n,
    expected.n_above,
    whole.live as measured,
    expected.posterior,
    -- The larger of those there are: fewer than four rollouts have no half.
    greatest(expected.posterior, half.live) as chance
from expected
left join drawn as whole
    on whole.run_id = expected.run_id
    and whole.instance_id = expected.instance_id
    and whole.policy_id = expected.policy_id
    and whole.size = expected.group_size
left join drawn as half
    on half.run_id = expected.run_id
    and half.instance_id = expected.instance_id
    and half.policy_id = expected.policy_id
    and half.size = least(expected.group_size, expected.n // 2);
