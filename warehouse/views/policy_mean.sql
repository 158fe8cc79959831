-- policy_mean: what does each policy earn on a family, and how surely?
-- grain: run_id, family, policy_id
-- reads: stg_attempt, stg_student_t
--   run_id       run
--   family       kind of task
--   policy_id    who, in which regime
--   policy       name of the policy
--   policy_kind  model, simulated, probe, ladder, oracle or replay
--   n_instances  instances with a graded rollout, 0 and up
--   n_rollouts   graded rollouts, 0 and up
--   mean_reward  mean over instances of the mean of their rollouts, 0..1; null without graded rollouts
--   se           standard error with the instance as the unit; null with fewer than two instances
--   ci_low       lower end of the 95 % interval (t, n_instances - 1 degrees of freedom), not cut at 0; null below 10 instances or where all instances earn the same
--   ci_high      upper end, not cut at 1
--   mean_width   mean of high - low, 0..1: mean_reward + mean_width is the most that is not ruled out
--   share_ready  share of graded rollouts of which enough is assessed to train on, 0..1
--   n_failed     rollouts lost to infrastructure; no part of any figure here
create or replace view policy_mean as
with per_instance as (
    select
        run_id,
        family,
        policy_id,
        any_value(policy) as policy,
        any_value(policy_kind) as policy_kind,
        count(*) filter (is_graded) as n_rollouts,
        count(*) filter (is_lost) as n_failed,
        count(*) filter (is_graded and is_ready) as n_ready,
        avg(reward) as mean_reward,
        avg(reward_high - reward) as mean_width
    from stg_attempt
    group by run_id, family, policy_id, instance_id
),
summed as (
    select
        run_id,
        family,
        policy_id,
        any_value(policy) as policy,
        any_value(policy_kind) as policy_kind,
        count(mean_reward) as n_instances,
        cast(sum(n_rollouts) as bigint) as n_rollouts,
        avg(mean_reward) as mean_reward,
        stddev_samp(mean_reward) / sqrt(count(mean_reward)) as se,
        max(mean_reward) - min(mean_reward) as span,
        avg(mean_width) as mean_width,
        sum(n_ready) as n_ready,
        cast(sum(n_failed) as bigint) as n_failed
    from per_instance
    group by run_id, family, policy_id
),
bounded as (
    select
        summed.*,
        -- Fewer than 10 units bear no interval; equal ones (1e-9: the reward quantum) would get one of no width, which
        -- claims a certainty that nobody has.
        case when n_instances >= 10 and span > 1e-9 then se * stg_student_t.t_97_5 end as half_width
    from summed
    left join stg_student_t on stg_student_t.df = least(summed.n_instances - 1, 10000)
)
select
    run_id,
    family,
    policy_id,
    policy,
    policy_kind,
    n_instances,
    n_rollouts,
    mean_reward,
    se,
    mean_reward - half_width as ci_low,
    mean_reward + half_width as ci_high,
    mean_width,
    n_ready / nullif(n_rollouts, 0) as share_ready,
    n_failed
from bounded;
