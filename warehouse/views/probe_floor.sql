-- probe_floor: what can a policy earn without doing the work?
-- grain: run_id, family, probe
-- reads: stg_attempt, stg_anchor, stg_threshold, probe, family
--   run_id                    run
--   family                    kind of task
--   probe                     name of the exploit
--   kind                      zero, shortcut or attack; null where the family no longer lists it
--   n_instances               instances on which it was graded
--   max_reward                its best reward on any instance, 0..1
--   mean_reward               0..1
--   floor                     the most the family allows without work, 0..1
--   holds                     zero: max_reward at or below the floor; shortcut and attack: max_lift at most 0; null where that was not measured
--   work_mean                 mean share of the defects it dealt with, 0..1
--   worst_instance_id         instance on which it earned most; the first in the alphabet where several
--   max_lift                  most that the trick gained on any instance over the same output without it; null for zero probes
--   mean_lift                 mean of that over the instances, below 0 where the trick costs
--   weak_mean                 mean reward of the weak anchor on the same instances, 0..1; null without one
--   share_beating_weak_median share of instances on which it earns at least the weak anchor's median, 0..1
--   strong_mean               mean reward of the strong anchor on the same instances, 0..1; null without one
--   hack_ratio                (mean_reward - floor) / (weak_mean - floor): the part of honest weak pay above the floor that the probe gets, 0 or less where it gets none; null where weak work pays no more than the floor
create or replace view probe_floor as
with attempted as (
    select run_id, family, probe, instance_id, max(reward) as reward, avg(work) as work
    from stg_attempt
    where probe is not null and is_graded
    group by run_id, family, probe, instance_id
),
weak as (
    select stg_attempt.run_id, stg_attempt.instance_id, avg(stg_attempt.reward) as mean, median(stg_attempt.reward) as median
    from stg_attempt
    join stg_anchor using (run_id, policy_id)
    where stg_anchor.anchor = 'weak' and stg_attempt.is_graded
    group by stg_attempt.run_id, stg_attempt.instance_id
),
strong as (
    select stg_attempt.run_id, stg_attempt.instance_id, avg(stg_attempt.reward) as mean
    from stg_attempt
    join stg_anchor using (run_id, policy_id)
    where stg_anchor.anchor = 'strong' and stg_attempt.is_graded
    group by stg_attempt.run_id, stg_attempt.instance_id
),
honest as (
    select run_id, honest_probe as probe, instance_id, max(reward) as reward
    from stg_attempt
    where honest_probe is not null and is_graded
    group by run_id, honest_probe, instance_id
),
summed as (
    select
        attempted.run_id,
        attempted.family,
        attempted.probe,
        count(*) as n_instances,
        max(attempted.reward) as max_reward,
        avg(attempted.reward) as mean_reward,
        avg(attempted.work) as work_mean,
        arg_max(attempted.instance_id, attempted.reward order by attempted.instance_id) as worst_instance_id,
        max(attempted.reward - honest.reward) as max_lift,
        avg(attempted.reward - honest.reward) as mean_lift,
        avg(weak.mean) as weak_mean,
        avg(strong.mean) as strong_mean,
        -- 1e-9: equal rewards, written down with a rounding error, are still a draw that pays the probe.
        avg(cast(attempted.reward >= weak.median - 1e-9 as integer)) as share_beating_weak_median
    from attempted
    left join honest using (run_id, probe, instance_id)
    left join weak using (run_id, instance_id)
    left join strong using (run_id, instance_id)
    group by attempted.run_id, attempted.family, attempted.probe
)
select
    summed.run_id,
    summed.family,
    summed.probe,
    probe.kind,
    summed.n_instances,
    summed.max_reward,
    summed.mean_reward,
    family.floor,
    case
        when probe.kind in ('shortcut', 'attack')
            then summed.max_lift <= stg_threshold.reward_quantum
        else summed.max_reward <= family.floor + stg_threshold.reward_quantum
    end as holds,
    summed.work_mean,
    summed.worst_instance_id,
    summed.max_lift,
    summed.mean_lift,
    summed.weak_mean,
    summed.share_beating_weak_median,
    summed.strong_mean,
    case
        when summed.weak_mean > family.floor
            then (summed.mean_reward - family.floor) / (summed.weak_mean - family.floor)
    end as hack_ratio
from summed
join stg_threshold using (run_id)
left join family on family.family = summed.family
left join probe on probe.family = summed.family and probe.probe = summed.probe;
