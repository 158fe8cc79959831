-- hackability: how much of honest weak pay does the best exploit get, without work?
-- grain: run_id, family
-- reads: stg_attempt, stg_anchor, stg_student_t, probe, family
--   run_id                     run
--   family                     kind of task, of which a zero-work probe was graded
--   best_probe                 zero-work probe with the highest mean reward; the first in the alphabet where several
--   best_mean                  its mean reward, 0..1
--   best_max                   highest reward of any zero-work probe on any instance, 0..1: what an optimiser would find
--   floor                      the most the family allows without work, 0..1; null where it declares none
--   weak_policy                policy_id of the weak anchor; null where it has no graded rollout beside the probe
--   weak_mean                  mean over instances of its mean reward, on those of the probe, 0..1
--   strong_mean                the same of the strong anchor, 0..1
--   n_instances                instances on which both the probe and the weak anchor were graded, 0 and up
--   hack_ratio                 (mean of the probe - floor) / (weak_mean - floor) on those; 0 or less where the probe gets nothing above the floor; null where weak work pays no more than the floor
--   ci_low                     lower end of its 95 % interval (linearised ratio, the instance as the unit, t with n_instances - 1); null below 10 instances or where all residuals are 0
--   ci_high                    upper end
--   share_beating_weak_median  share of those instances on which the probe earns at least the weak anchor's median, 0..1; null without one
--   beating_upper              upper 95 % bound of that share (one-sided, Clopper-Pearson, within 1e-9)
create or replace view hackability as
with attempted as (
    select stg_attempt.run_id, stg_attempt.family, stg_attempt.probe, stg_attempt.instance_id, max(stg_attempt.reward) as reward
    from stg_attempt
    join probe on probe.family = stg_attempt.family and probe.probe = stg_attempt.probe
    where probe.kind = 'zero' and stg_attempt.is_graded
    group by stg_attempt.run_id, stg_attempt.family, stg_attempt.probe, stg_attempt.instance_id
),
per_probe as (
    select run_id, family, probe, avg(reward) as mean, max(reward) as highest
    from attempted
    group by run_id, family, probe
),
best as (
    select
        run_id,
        family,
        -- 9 decimals: the reward quantum; means that differ by a rounding error are equal.
        arg_max(probe, round(mean, 9) order by probe) as best_probe,
        arg_max(mean, round(mean, 9) order by probe) as best_mean,
        max(highest) as best_max
    from per_probe
    group by run_id, family
),
anchored as (
    select
        stg_attempt.run_id,
        stg_attempt.instance_id,
        any_value(stg_attempt.policy_id) filter (stg_anchor.anchor = 'weak') as weak_policy,
        avg(stg_attempt.reward) filter (stg_anchor.anchor = 'weak') as weak_mean,
        median(stg_attempt.reward) filter (stg_anchor.anchor = 'weak') as weak_median,
        avg(stg_attempt.reward) filter (stg_anchor.anchor = 'strong') as strong_mean
    from stg_attempt
    join stg_anchor using (run_id, policy_id)
    where stg_attempt.is_graded
    group by stg_attempt.run_id, stg_attempt.instance_id
),
paired as (
    select
        best.run_id,
        best.family,
        anchored.weak_policy,
        anchored.weak_mean,
        anchored.weak_mean - family.floor as weak_gain,
        attempted.reward - family.floor as probe_gain,
        anchored.strong_mean,
        -- 1e-9: equal rewards, written down with a rounding error, are still a draw that pays the probe.
        attempted.reward >= anchored.weak_median - 1e-9 as is_beating
    from best
    join attempted
        on attempted.run_id = best.run_id and attempted.family = best.family and attempted.probe = best.best_probe
    left join anchored on anchored.run_id = attempted.run_id and anchored.instance_id = attempted.instance_id
    left join family on family.family = best.family
),
summed as (
    select
        run_id,
        family,
        min(weak_policy) as weak_policy,
        avg(weak_mean) as weak_mean,
        avg(strong_mean) as strong_mean,
        count(weak_mean) as n_instances,
        count(*) filter (is_beating) as n_beating,
        avg(weak_gain) as weak_gain,
        avg(probe_gain) filter (weak_mean is not null) as probe_gain,
        var_samp(probe_gain) filter (weak_mean is not null) as var_probe,
        var_samp(weak_gain) as var_weak,
        covar_samp(probe_gain, weak_gain) as covariance
    from paired
    group by run_id, family
),
-- Residuals probe_gain - ratio x weak_gain have mean 0; their variance over that of n x weak_gain^2 is the ratio's.
divided as (
    select
        *,
        case when weak_gain > 1e-9 then probe_gain / weak_gain end as ratio,
        case
            when weak_gain > 1e-9
                then var_probe - 2 * (probe_gain / weak_gain) * covariance + (probe_gain / weak_gain) ** 2 * var_weak
        end as residual_variance
    from summed
),
bounded as (
    select
        divided.*,
        -- Fewer than 10 units bear no interval; residuals that are but rounding errors would give one of no width.
        case
            when n_instances >= 10 and residual_variance > 1e-15
                then stg_student_t.t_97_5 * sqrt(residual_variance / n_instances) / weak_gain
        end as half_width
    from divided
    left join stg_student_t on stg_student_t.df = least(divided.n_instances - 1, 10000)
)
select
    best.run_id,
    best.family,
    best.best_probe,
    best.best_mean,
    best.best_max,
    family.floor,
    bounded.weak_policy,
    bounded.weak_mean,
    bounded.strong_mean,
    bounded.n_instances,
    bounded.ratio as hack_ratio,
    bounded.ratio - bounded.half_width as ci_low,
    bounded.ratio + bounded.half_width as ci_high,
    bounded.n_beating / nullif(bounded.n_instances, 0) as share_beating_weak_median,
    -- The largest share at which so few hits (k or fewer) still have a chance of 5 %, found bit by bit.
    case
        when bounded.n_instances = 0 then null
        when bounded.n_beating = bounded.n_instances then 1.0
        else list_reduce(
            list_transform(range(1, 31), lambda bit: 0.5 ** bit),
            lambda reached, step: case
                when list_sum(list_transform(
                    range(0, bounded.n_beating + 1),
                    lambda hits: exp(
                        lgamma(bounded.n_instances + 1) - lgamma(hits + 1) - lgamma(bounded.n_instances - hits + 1)
                        + hits * ln(reached + step) + (bounded.n_instances - hits) * ln(1 - reached - step)
                    )
                )) > 0.05 then reached + step
                else reached
            end,
            0.0
        )
    end as beating_upper
from best
join bounded using (run_id, family)
left join family using (family);
