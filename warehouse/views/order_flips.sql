-- order_flips: how often does judge noise turn the order of two rollouts of a group round?
-- grain: run_id, instance_id, policy_id
-- reads: stg_attempt, stg_group_noise, stg_threshold
--   run_id                 run
--   instance_id            task
--   policy_id              who, in which regime; models, simulated policies and replays whose judge noise is known
--   family                 kind of task
--   n                      graded rollouts, 1 and up
--   n_pairs                pairs of rollouts with different rewards, 0 and up
--   noise_sd               standard deviation of one rollout's reward from asking the judges anew, reward units
--   flip_probability       chance that a pair comes out the other way round when all is judged anew, mean over the pairs, 0..0.5; null without pairs
--   worst_pair_flip        the highest such chance, 0..0.5; null without pairs
--   min_gap_for_5_percent  difference in reward that noise turns round in 5 % of the cases; smaller ones more often
create or replace view order_flips as
with graded as (
    select
        stg_attempt.run_id,
        stg_attempt.instance_id,
        stg_attempt.policy_id,
        stg_attempt.family,
        stg_attempt.rollout_id,
        stg_attempt.reward,
        stg_threshold.reward_quantum,
        sqrt(stg_group_noise.noise_variance) as noise_sd
    from stg_attempt
    join stg_group_noise using (run_id, instance_id, policy_id)
    join stg_threshold on stg_threshold.run_id = stg_attempt.run_id
    where stg_attempt.is_graded and stg_attempt.is_group and stg_group_noise.noise_variance is not null
),
summed as (
    select run_id, instance_id, policy_id, any_value(family) as family, count(*) as n, any_value(noise_sd) as noise_sd
    from graded
    group by run_id, instance_id, policy_id
),
-- The difference of two rewards has the standard deviation noise_sd * sqrt(2), so a pair flips with the chance
-- phi(-difference / (noise_sd * sqrt(2))) = erfc(x) / 2 with x = difference / (2 * noise_sd).
paired as (
    select
        one.run_id,
        one.instance_id,
        one.policy_id,
        abs(one.reward - other.reward) / (2 * nullif(one.noise_sd, 0)) as x
    from graded as one
    join graded as other using (run_id, instance_id, policy_id)
    where one.rollout_id < other.rollout_id and abs(one.reward - other.reward) > one.reward_quantum
),
-- erfc by Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: off by at most 1.5e-7.
substituted as (
    select run_id, instance_id, policy_id, x, 1 / (1 + 0.3275911 * x) as t
    from paired
),
turned as (
    select
        run_id,
        instance_id,
        policy_id,
        -- Without noise nothing flips.
        coalesce(
            t * (
                0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
            ) * exp(-x * x) / 2,
            0.0
        ) as flip_probability
    from substituted
),
flipped as (
    select
        run_id,
        instance_id,
        policy_id,
        count(*) as n_pairs,
        avg(flip_probability) as flip_probability,
        max(flip_probability) as worst_pair_flip
    from turned
    group by run_id, instance_id, policy_id
)
select
    summed.run_id,
    summed.instance_id,
    summed.policy_id,
    summed.family,
    summed.n,
    coalesce(flipped.n_pairs, 0) as n_pairs,
    summed.noise_sd,
    flipped.flip_probability,
    flipped.worst_pair_flip,
    -- 1.6448536: the normal quantile at 95 %.
    1.6448536 * sqrt(2) * summed.noise_sd as min_gap_for_5_percent
from summed
left join flipped using (run_id, instance_id, policy_id);
