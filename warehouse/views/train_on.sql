-- train_on: which instances should a policy be trained on, and why not the others?
-- grain: run_id, instance_id, policy_id
-- reads: task_verdict, stg_group_signal, difficulty, probe_floor, monotonicity, stg_threshold
--   run_id           run
--   instance_id      task
--   policy_id        whom to train, in which regime; models, simulated policies and replays only
--   family           kind of task
--   policy           name of the policy
--   verdict          as task_verdict has it; one that is not resolved excludes nothing by itself
--   train            true where nothing speaks against it
--   reasons          what speaks against it, a sentence each: the verdict, too little of the weight settled, a policy named weaker that does better, a family that pays without work or for damage; empty where train
--   sampling_weight  chance that a training group holds something to learn (chance of stg_group_signal), 0..1; null where not to train. Instances drawn by it change what is trained on: keep the weights
create or replace view train_on as
with signal as (
    select stg_group_signal.run_id, stg_group_signal.instance_id, stg_group_signal.policy_id, stg_group_signal.chance
    from stg_group_signal
    join stg_threshold using (run_id)
    where stg_group_signal.group_size = cast(stg_threshold.training_group as bigint)
),
-- By chance alone every second instance that does not tell two policies apart looks negative: only where the weaker
-- one beats the stronger significantly (one-sided Mann-Whitney, normal approximation, 1.645: 5 %) is it held against it.
negative as (
    select
        run_id,
        instance_id,
        format(
            'The policy named weaker does better here (mean {:.3f} against {:.3f}); suspect the task or its grader.',
            weak_mean, strong_mean
        ) as reason
    from difficulty
    where
        is_negative
        and auc < 0.5 - 1.645 * sqrt((n_weak + n_strong + 1) / (12 * n_weak * n_strong))
),
exploited as (
    select
        probe_floor.*,
        case
            when probe_floor.kind = 'zero' then format(
                '{} earns {:.3f} without the work, {:.3f} is allowed',
                probe_floor.probe, probe_floor.max_reward, probe_floor.floor
            )
            else format('{} gains {:.3f}', probe_floor.probe, probe_floor.max_lift)
        end as finding,
        case when probe_floor.kind = 'zero' then probe_floor.max_reward - probe_floor.floor else probe_floor.max_lift end
            as excess
    from probe_floor
    where not probe_floor.holds and probe_floor.kind is not null
),
hackable as (
    select
        run_id,
        family,
        format(
            'The family can be hacked: {}{}; close that first.',
            arg_max(finding, excess order by probe),
            case when count(*) > 1 then format(' (the worst of {})', count(*)) else '' end
        ) as reason
    from exploited
    group by run_id, family
),
-- A rise of no more than the meaningful difference teaches nothing.
damaging as (
    select
        monotonicity.run_id,
        monotonicity.family,
        format(
            'The grader pays for damage: {} raises the reward by up to {:.3f}{}; mend it first.',
            arg_max(monotonicity.operator, monotonicity.max_violation order by monotonicity.operator),
            max(monotonicity.max_violation),
            case when count(*) > 1 then format(' (the worst of {} operators)', count(*)) else '' end
        ) as reason
    from monotonicity
    join stg_threshold using (run_id)
    where
        monotonicity.dimension = 'composite'
        and monotonicity.max_violation > stg_threshold.meaningful_difference + 1e-12
    group by monotonicity.run_id, monotonicity.family
),
judged as (
    select
        task_verdict.run_id,
        task_verdict.instance_id,
        task_verdict.policy_id,
        task_verdict.family,
        task_verdict.policy,
        task_verdict.verdict,
        list_filter(
            [
                case
                    when task_verdict.verdict not in ('trainable', 'weak_signal')
                        then format('Verdict {}: {}', task_verdict.verdict, task_verdict.reason)
                end,
                case
                    -- The verdict unassessed says the same.
                    when task_verdict.verdict <> 'unassessed'
                        and task_verdict.median_weight < stg_threshold.ready_weight - 1e-9
                        then format(
                            'Not ready: in half of the rollouts at most {:.0f} % of the weight is settled, {:.0f} % is needed.',
                            100 * task_verdict.median_weight, 100 * stg_threshold.ready_weight
                        )
                end,
                negative.reason,
                hackable.reason,
                damaging.reason
            ],
            lambda reason: reason is not null
        ) as reasons
    from task_verdict
    join stg_threshold using (run_id)
    left join negative
        on negative.run_id = task_verdict.run_id and negative.instance_id = task_verdict.instance_id
    left join hackable on hackable.run_id = task_verdict.run_id and hackable.family = task_verdict.family
    left join damaging on damaging.run_id = task_verdict.run_id and damaging.family = task_verdict.family
)
select
    judged.run_id,
    judged.instance_id,
    judged.policy_id,
    judged.family,
    judged.policy,
    judged.verdict,
    len(judged.reasons) = 0 as train,
    judged.reasons,
    case when len(judged.reasons) = 0 then signal.chance end as sampling_weight
from judged
left join signal using (run_id, instance_id, policy_id);
