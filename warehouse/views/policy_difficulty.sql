-- policy_difficulty: how hard is each instance for one policy, once luck is taken out?
-- grain: run_id, instance_id, policy_id
-- reads: stg_attempt
--   run_id         run
--   instance_id    task
--   policy_id      for whom, in which regime: difficulty is always for one policy; models, simulated policies and replays only
--   family         kind of task
--   policy         name of the policy
--   n              graded rollouts, 1 and up
--   mean_reward    0..1
--   shrunken_mean  (n x mean_reward + kappa x mu) / (n + kappa), 0..1; null where kappa is
--   logit          log odds of the mean, half a rollout added at either end: ln((s + .5) / (n - s + .5)), s = n x mean_reward
--   logit_se       its standard error if rewards were 0 or 1; for rewards in between, which vary less, an upper bound
--   mu             mean reward of all rollouts of the policy on the family, 0..1
--   kappa          rollouts that mu is worth, 0 and up: variance within instances / variance between them, by moments; null where that is not known: fewer than 4 instances, no instance with two rollouts, or no variance between instances beyond chance
create or replace view policy_difficulty as
with graded as (
    select
        run_id,
        instance_id,
        policy_id,
        any_value(family) as family,
        any_value(policy) as policy,
        count(*) as n,
        avg(reward) as mean_reward,
        var_pop(reward) * count(*) as ss_within
    from stg_attempt
    where is_graded and is_group
    group by run_id, instance_id, policy_id
),
pooled as (
    select
        run_id,
        family,
        policy_id,
        count(*) as n_instances,
        sum(n * mean_reward) / sum(n) as mu,
        sum(ss_within) / nullif(sum(n - 1), 0) as variance_within,
        -- Mean size of a group, less what unequal sizes take from it.
        (sum(n) - sum(n * n) / sum(n)) / nullif(count(*) - 1, 0) as n_effective
    from graded
    group by run_id, family, policy_id
),
-- One-way analysis of variance: E[mean square between] = variance within + n_effective x variance between.
between_instances as (
    select
        graded.run_id,
        graded.family,
        graded.policy_id,
        any_value(pooled.mu) as mu,
        any_value(pooled.n_instances) as n_instances,
        any_value(pooled.variance_within) as variance_within,
        (
            sum(graded.n * (graded.mean_reward - pooled.mu) ** 2) / nullif(any_value(pooled.n_instances) - 1, 0)
            - any_value(pooled.variance_within)
        ) / nullif(any_value(pooled.n_effective), 0) as variance_between
    from graded
    join pooled
        on pooled.run_id = graded.run_id
        and pooled.policy_id = graded.policy_id
        and pooled.family is not distinct from graded.family
    group by graded.run_id, graded.family, graded.policy_id
),
fitted as (
    select
        run_id,
        family,
        policy_id,
        mu,
        -- 4 instances: with fewer, shrinking towards a mean that was itself estimated need not help (James and Stein).
        -- 1e-12: what is smaller is a rounding error.
        case when n_instances >= 4 and variance_between > 1e-12 then variance_within / variance_between end as kappa
    from between_instances
)
select
    graded.run_id,
    graded.instance_id,
    graded.policy_id,
    graded.family,
    graded.policy,
    graded.n,
    graded.mean_reward,
    (graded.n * graded.mean_reward + fitted.kappa * fitted.mu) / (graded.n + fitted.kappa) as shrunken_mean,
    ln((graded.n * graded.mean_reward + 0.5) / (graded.n - graded.n * graded.mean_reward + 0.5)) as logit,
    sqrt(
        1 / (graded.n * graded.mean_reward + 0.5) + 1 / (graded.n - graded.n * graded.mean_reward + 0.5)
    ) as logit_se,
    fitted.mu,
    fitted.kappa
from graded
join fitted
    on fitted.run_id = graded.run_id
    and fitted.policy_id = graded.policy_id
    and fitted.family is not distinct from graded.family;
