-- group_spread: do rollouts of one instance differ enough to learn from?
-- grain: run_id, instance_id, policy_id
-- reads: stg_attempt, stg_reach, stg_threshold, planned, instance, policy
--   run_id              run that produced the group
--   instance_id         task
--   policy_id           who, in which regime
--   family              kind of task
--   policy              name of the policy
--   policy_kind         model, simulated, probe, ladder, oracle or replay
--   n                   graded rollouts; 0 also where a group was planned and nothing of it has arrived
--   n_planned           rollouts planned, those without a target left out; rollouts found where no plan is kept
--   n_failed            rollouts lost to infrastructure; no part of any figure here
--   n_model_failed      graded or not: refused, truncated or out of steps
--   n_ungraded          rollouts that arrived but whose grader failed
--   mean_reward         0..1; null when n = 0
--   std_reward          sample standard deviation, 0..0.71; null when n < 2
--   min_reward          0..1
--   max_reward          0..1
--   distinct_rewards    different rewards, told apart to 9 decimals
--   zero_variance       true where all rewards are equal; null when n < 2
--   g                   group size that dead_at_g is for: the training group, at most n / 2; null when n < 4
--   dead_at_g           chance that g of these rollouts differ by no more than the meaningful difference, 0..1
--   mean_abs_advantage  mean |reward - mean| / population standard deviation, 0..1; null at zero variance
--   std_uncapped        sample standard deviation before caps; null when n < 2
--   median_assessed_weight  median share of the weight that is assessed, 0..1; null when n = 0
create or replace view group_spread as
with arrived as (
    select
        run_id,
        instance_id,
        policy_id,
        any_value(family) as family,
        any_value(policy) as policy,
        any_value(policy_kind) as policy_kind,
        count(*) as n_arrived,
        count(*) filter (is_graded) as n,
        count(*) filter (is_lost) as n_failed,
        count(*) filter (is_model_failed) as n_model_failed,
        count(*) filter (not is_graded and not is_lost) as n_ungraded,
        avg(reward) as mean_reward,
        stddev_samp(reward) as std_reward,
        stddev_pop(reward) as std_population,
        min(reward) as min_reward,
        max(reward) as max_reward,
        -- 9 decimals: the reward quantum of the statistics notes, section 2.2.
        count(distinct round(reward, 9)) as distinct_rewards,
        stddev_samp(uncapped) as std_uncapped,
        median(assessed_weight) filter (is_graded) as median_assessed_weight
    from stg_attempt
    group by run_id, instance_id, policy_id
),
-- A run that was cut off leaves groups without a single rollout: planned, so counted.
not_arrived as (
    select
        planned.run_id,
        planned.instance_id,
        planned.policy_id,
        instance.family,
        policy.name as policy,
        policy.kind as policy_kind,
        0 as n_arrived,
        0 as n,
        0 as n_failed,
        0 as n_model_failed,
        0 as n_ungraded,
        0 as distinct_rewards
    from planned
    left join instance using (instance_id)
    left join policy using (policy_id)
    anti join arrived using (run_id, instance_id, policy_id)
    where planned.n_samples > planned.n_not_applicable
),
every_group as (
    select * from arrived
    union all by name
    select * from not_arrived
),
sized as (
    select
        every_group.*,
        stg_threshold.reward_quantum,
        -- A group half the size is the largest whose deadness n rollouts can estimate with any spread.
        case when every_group.n >= 4 then least(stg_threshold.training_group, every_group.n // 2) end as g
    from every_group
    join stg_threshold using (run_id)
),
-- dead_at_g = sum over i of C(k_i, g - 1) / C(n, g), with k_i the later rewards within the threshold of the i-th.
drawn as (
    select
        stg_reach.run_id,
        stg_reach.instance_id,
        stg_reach.policy_id,
        sum(
            case
                when stg_reach.n_within >= sized.g - 1 then exp(
                    lgamma(stg_reach.n_within + 1) - lgamma(sized.g) - lgamma(stg_reach.n_within - sized.g + 2)
                    - lgamma(sized.n + 1) + lgamma(sized.g + 1) + lgamma(sized.n - sized.g + 1)
                )
                when sized.g is not null then 0
            end
        ) as dead_at_g,
        avg(abs(stg_reach.reward - sized.mean_reward)) as mean_abs_deviation
    from stg_reach
    join sized using (run_id, instance_id, policy_id)
    group by stg_reach.run_id, stg_reach.instance_id, stg_reach.policy_id
)
select
    sized.run_id,
    sized.instance_id,
    sized.policy_id,
    sized.family,
    sized.policy,
    sized.policy_kind,
    sized.n,
    coalesce(planned.n_samples - planned.n_not_applicable, sized.n_arrived) as n_planned,
    sized.n_failed,
    sized.n_model_failed,
    sized.n_ungraded,
    sized.mean_reward,
    sized.std_reward,
    sized.min_reward,
    sized.max_reward,
    sized.distinct_rewards,
    case when sized.n >= 2 then sized.max_reward - sized.min_reward <= sized.reward_quantum end as zero_variance,
    cast(sized.g as bigint) as g,
    case when sized.g is not null then least(1.0, drawn.dead_at_g) end as dead_at_g,
    case
        when sized.max_reward - sized.min_reward > sized.reward_quantum
            then drawn.mean_abs_deviation / sized.std_population
    end as mean_abs_advantage,
    sized.std_uncapped,
    sized.median_assessed_weight
from sized
left join drawn using (run_id, instance_id, policy_id)
left join planned using (run_id, instance_id, policy_id);
