-- task_verdict: is there something to learn from this group, and if not, why?
-- grain: run_id, instance_id, policy_id
-- reads: group_spread, stg_group_order, stg_group_noise, stg_yardstick, stg_attempt, stg_threshold
--   run_id               run
--   instance_id          task
--   policy_id            who, in which regime; models, simulated policies and replays only
--   family               kind of task
--   policy               name of the policy
--   verdict              first that holds: insufficient_data, unassessed, clamped, no_signal, saturated, flat, noisy, weak_signal, trainable
--   resolved             false where more rollouts could still overturn the verdict
--   reason               one sentence: what was seen, and what to change
--   mean_reward          0..1; null when n = 0
--   std_reward           sample standard deviation; null when n < 2
--   n                    graded rollouts
--   n_planned            rollouts planned
--   dead_at_g            chance that a group of g learns nothing, 0..1; null when n < 4
--   g                    group size that dead_at_g is for
--   signal_share         share of reward variance that is not judge noise, 0..1; null without repeats
--   share_capped         share of graded rollouts lowered by a cap, 0..1
--   destroyed_pair_rate  share of pairs ordered before caps that are tied after, 0..1; null without pairs
--   median_weight        median assessed weight, 0..1
--   floor                reward of doing no work here, 0..1; null where nothing of the group arrived
--   ceiling              reward of the oracle here, 0..1; null where nothing of the group arrived
create or replace view task_verdict as
-- Materialized, as two steps read it: without the word it is worked out twice.
with spread as materialized (
    select * from group_spread where policy_kind in ('model', 'simulated', 'replay')
),
placed as (
    select
        stg_attempt.run_id,
        stg_attempt.instance_id,
        stg_attempt.policy_id,
        any_value(stg_yardstick.floor) as floor,
        any_value(stg_yardstick.ceiling) as ceiling,
        count(*) filter (
            stg_attempt.reward > stg_yardstick.floor + stg_threshold.meaningful_difference + 1e-12
        ) as n_above_floor,
        count(*) filter (
            stg_attempt.reward < stg_yardstick.ceiling - stg_threshold.meaningful_difference - 1e-12
        ) as n_below_ceiling,
        count(*) filter (
            abs(stg_attempt.reward - spread.mean_reward) > stg_threshold.meaningful_difference + 1e-12
        ) as n_off_mean
    from stg_attempt
    join spread using (run_id, instance_id, policy_id)
    join stg_yardstick using (run_id, instance_id)
    join stg_threshold on stg_threshold.run_id = stg_attempt.run_id
    group by stg_attempt.run_id, stg_attempt.instance_id, stg_attempt.policy_id
),
seen as (
    select
        spread.*,
        stg_threshold.* exclude (run_id),
        placed.* exclude (run_id, instance_id, policy_id),
        stg_group_order.median_weight,
        stg_group_order.frequent_flag,
        stg_group_order.n_capped / stg_group_order.n as share_capped,
        stg_group_order.n_destroyed / nullif(stg_group_order.n_pairs, 0) as destroyed_pair_rate,
        case
            when stg_group_noise.noise_variance is not null and spread.std_reward > 0
                then greatest(0.0, 1 - stg_group_noise.noise_variance / spread.std_reward ** 2)
        end as signal_share
    from spread
    -- A group of which nothing arrived has no place.
    left join placed using (run_id, instance_id, policy_id)
    join stg_threshold on stg_threshold.run_id = spread.run_id
    left join stg_group_order
        on stg_group_order.run_id = spread.run_id
        and stg_group_order.instance_id = spread.instance_id
        and stg_group_order.policy_id = spread.policy_id
    left join stg_group_noise
        on stg_group_noise.run_id = spread.run_id
        and stg_group_noise.instance_id = spread.instance_id
        and stg_group_noise.policy_id = spread.policy_id
),
judged as (
    select
        *,
        case
            when n < min_graded or n < min_graded_share * n_planned or dead_at_g is null then 'insufficient_data'
            when median_weight < ready_weight - 1e-9 then 'unassessed'
            when share_capped >= clamped_capped_share
                and std_uncapped >= clamped_min_std
                and destroyed_pair_rate >= clamped_pair_rate then 'clamped'
            when dead_at_g > dead_at_most and n_above_floor <= stuck_share * n then 'no_signal'
            when dead_at_g > dead_at_most and n_below_ceiling <= stuck_share * n then 'saturated'
            when dead_at_g > dead_at_most then 'flat'
            when signal_share < noisy_signal_share then 'noisy'
            when dead_at_g > weak_dead_share or signal_share < weak_signal_share then 'weak_signal'
            else 'trainable'
        end as verdict
    from seen
),
-- 1e-300 stands for 0 where a run sets dead_at_most to 0 or 1: a logarithm of 0 would fail the whole view.
-- Stuck groups: k of n rollouts were elsewhere. With a chance of `escape` each, dead_at_most of the training
-- groups would still be dead; so few as k must be improbable at that chance (one-sided Clopper-Pearson).
tested as (
    select
        *,
        1 - dead_at_most ** (1 / training_group) as escape,
        case verdict
            when 'no_signal' then n_above_floor
            when 'saturated' then n_below_ceiling
            when 'flat' then n_off_mean
        end as k
    from judged
),
proven as (
    select
        *,
        case
            when k is not null then list_sum(list_transform(
                range(0, k + 1),
                lambda i: exp(
                    lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * ln(greatest(escape, 1e-300)) + (n - i) * ln(greatest(1 - escape, 1e-300))
                )
            )) <= resolved_error
        end as is_proven_stuck
    from tested
)
select
    run_id,
    instance_id,
    policy_id,
    family,
    policy,
    verdict,
    case verdict
        when 'insufficient_data' then false
        when 'no_signal' then is_proven_stuck
        when 'saturated' then is_proven_stuck
        when 'flat' then is_proven_stuck
        -- dead_at_g falls as g grows: a group tested below the training size may yet prove trainable there.
        when 'weak_signal' then g >= training_group or coalesce(signal_share < weak_signal_share, false)
        else true
    end as resolved,
    case verdict
        when 'insufficient_data' then case
            -- Even all of them would be too few; below 4 (group_spread) no chance can be estimated at all.
            when n_planned < greatest(min_graded, 4) then format(
                '{} of {} planned rollouts could be graded ({} lost to infrastructure); plan at least {:.0f} per group.',
                n, n_planned, n_failed, greatest(min_graded, 4)
            )
            else format(
                '{} of {} planned rollouts could be graded ({} lost to infrastructure); run the missing ones again.',
                n, n_planned, n_failed
            )
        end
        when 'unassessed' then format(
            'In half of the rollouts at most {:.0f} % of the weight is settled, {:.0f} % is needed; enable a judge, or let code settle more (list further wordings).',
            100 * median_weight, 100 * ready_weight
        )
        when 'clamped' then format(
            '{:.0f} % of the rollouts are capped ({}) and {:.0f} % of the ordered pairs became ties; scale the cap instead of cutting off.',
            100 * share_capped,
            -- JSON text of a list of names, read as words.
            trim(replace(replace(coalesce(frequent_flag, ''), '"', ''), ',', ', '), '[]'),
            100 * destroyed_pair_rate
        )
        when 'no_signal' then format(
            '{} of {} rollouts earn more than doing no work ({:.3f}); make the task easier or sample a stronger policy.',
            n_above_floor, n, floor
        )
        when 'saturated' then format(
            '{} of {} rollouts earn less than the oracle ({:.3f}); make the task harder.',
            n_below_ceiling, n, ceiling
        )
        when 'flat' then format(
            'Rewards stay near {:.3f}, between no work ({:.3f}) and the oracle ({:.3f}); find the dimension or gate that pins them.',
            mean_reward, floor, ceiling
        )
        when 'noisy' then format(
            'Only {:.0f} % of the variance is not judge noise; repeat the judge or sharpen its rubric.', 100 * signal_share
        )
        when 'weak_signal' then case
            when dead_at_g > weak_dead_share then format(
                '{:.0f} % of groups of {} would teach nothing; use larger groups or re-weight.', 100 * dead_at_g, g
            )
            else format(
                '{:.0f} % of the variance is not judge noise; repeat the judge or sharpen its rubric.', 100 * signal_share
            )
        end
        else format(
            'Rewards spread from {:.3f} to {:.3f}; {:.0f} % of groups of {} would teach nothing.',
            min_reward, max_reward, 100 * dead_at_g, g
        )
    end
    || case
        when is_proven_stuck is false then format(
            ' Not proven yet: all that {} rollouts show is compatible with a signal in more than {:.0f} % of groups of {:.0f}.',
            n, 100 * (1 - dead_at_most), training_group
        )
        else ''
    end as reason,
    mean_reward,
    std_reward,
    n,
    n_planned,
    dead_at_g,
    g,
    signal_share,
    share_capped,
    destroyed_pair_rate,
    median_weight,
    floor,
    ceiling
from proven;
