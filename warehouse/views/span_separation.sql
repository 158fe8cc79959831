-- span_separation: do the policies that a difficulty is quoted against differ, in the order they were named?
-- grain: run_id, family, lower_policy, higher_policy
-- reads: run, policy, stg_attempt, stg_student_t
--   run_id         run
--   family         kind of task
--   lower_policy   policy_id of the one named as weaker
--   higher_policy  policy_id of the one named as stronger
--   is_whole_span  true for the two anchors; false for neighbours within a span of three or more
--   n_instances    instances on which both have graded rollouts
--   lower_mean     mean over instances of its mean reward, 0..1
--   higher_mean    the same for the one named as stronger
--   gap            mean over instances of the difference, -1..1
--   ci_low         lower end of the 95 % interval of the gap; null with fewer than two instances
--   ci_high        upper end
--   separation     separate: the interval lies above 0; reversed: below 0; not_separate: it holds 0; unknown: no interval
--   lower_regime   conditions of the weaker, as JSON text
--   higher_regime  conditions of the stronger, as JSON text
create or replace view span_separation as
with named as (
    select
        run_id,
        case
            when coalesce(json_array_length(config, '$.span'), 0) >= 2 then cast(json_extract(config, '$.span') as varchar[])
            else [json_extract_string(config, '$.weak'), json_extract_string(config, '$.strong')]
        end as names
    from run
),
placed as (
    select run_id, unnest(names) as policy, generate_subscripts(names, 1) as place, len(names) as n_named
    from named
),
-- A name that took part in several regimes stands for the first of them, as an anchor does.
taking_part as (
    select placed.run_id, placed.place, placed.n_named, min(policy.policy_id) as policy_id
    from placed
    join policy on policy.name = placed.policy or policy.policy_id = placed.policy
    join (select distinct run_id, policy_id from stg_attempt) as seen
        on seen.run_id = placed.run_id and seen.policy_id = policy.policy_id
    group by placed.run_id, placed.place, placed.n_named
),
pairs as (
    select
        lower.run_id,
        lower.policy_id as lower_policy,
        higher.policy_id as higher_policy,
        lower.place = 1 and higher.place = lower.n_named as is_whole_span
    from taking_part as lower
    join taking_part as higher using (run_id)
    where
        lower.policy_id <> higher.policy_id
        and (higher.place = lower.place + 1 or (lower.place = 1 and higher.place = lower.n_named))
),
means as (
    select run_id, family, instance_id, policy_id, avg(reward) as reward
    from stg_attempt
    where is_graded
    group by run_id, family, instance_id, policy_id
),
-- The instance is the unit: two policies are compared on the same ones, which takes out how hard these are.
compared as (
    select
        pairs.run_id,
        lower.family,
        pairs.lower_policy,
        pairs.higher_policy,
        pairs.is_whole_span,
        count(*) as n_instances,
        avg(lower.reward) as lower_mean,
        avg(higher.reward) as higher_mean,
        avg(higher.reward - lower.reward) as gap,
        stddev_samp(higher.reward - lower.reward) / sqrt(count(*)) as standard_error
    from pairs
    join means as lower on lower.run_id = pairs.run_id and lower.policy_id = pairs.lower_policy
    join means as higher
        on higher.run_id = pairs.run_id and higher.policy_id = pairs.higher_policy
        and higher.instance_id = lower.instance_id
    group by all
),
bounded as (
    select
        compared.*,
        standard_error * stg_student_t.t_97_5 as half_width
    from compared
    -- One instance has no interval.
    left join stg_student_t on stg_student_t.df = least(compared.n_instances - 1, 10000)
)
select
    bounded.run_id,
    bounded.family,
    lower_policy,
    higher_policy,
    is_whole_span,
    n_instances,
    lower_mean,
    higher_mean,
    gap,
    gap - half_width as ci_low,
    gap + half_width as ci_high,
    case
        when half_width is null then 'unknown'
        -- 1e-9: the reward quantum; policies that earn the same everywhere have an interval of no width.
        when gap - half_width > 1e-9 then 'separate'
        when gap + half_width < -1e-9 then 'reversed'
        else 'not_separate'
    end as separation,
    lower_spec.regime as lower_regime,
    higher_spec.regime as higher_regime
from bounded
left join policy as lower_spec on lower_spec.policy_id = lower_policy
left join policy as higher_spec on higher_spec.policy_id = higher_policy;
