-- stg_attempt: what did each rollout earn, and where does it belong?
-- grain: rollout_id
-- reads: rollout, instance, policy, composite, recomposition
--   rollout_id       rollout
--   run_id           run
--   instance_id      task
--   policy_id        who, in which regime
--   sample           index within the group, 0 and up
--   family           kind of task
--   policy           name of the policy
--   policy_kind      model, simulated, probe, ladder, oracle or replay
--   is_group         true for policies whose rollouts form groups: model, simulated, replay
--   operator         operator of a ladder; null elsewhere
--   severity         rung of a ladder, 0..4; null elsewhere
--   probe            name of a probe; null elsewhere
--   honest_probe     name of the probe whose output without the trick this is; null elsewhere
--   is_lost          true where infrastructure failed: no reward, and never a zero
--   is_model_failed  true where the policy refused, was cut off or ran out of steps: graded and counted
--   is_graded        true where there is a composite under the run's rubric
--   rubric_id        the run's rubric for the family: the one its graders put most of its rollouts together under
--   reward           what is proven, 0..1; null where not graded
--   reward_high      what is not ruled out, 0..1; null where not graded
--   uncapped         the same as reward, before caps, 0..1
--   is_capped        true where a cap lowered it
--   flags            list of hard failures found, as JSON text
--   work             midpoint of the share of defects dealt with, 0..1
--   assessed_weight  share of the weight that is assessed, 0..1
--   is_ready         true where enough is assessed to train on; null where not graded
create or replace view stg_attempt as
with placed as (
    select
        rollout.rollout_id,
        rollout.run_id,
        rollout.instance_id,
        rollout.policy_id,
        rollout.sample,
        rollout.status,
        instance.family,
        policy.name,
        policy.kind,
        policy.regime
    from rollout
    left join instance using (instance_id)
    left join policy using (policy_id)
),
composed as (
    select placed.run_id, placed.family, composite.rubric_id, count(*) as n_composed
    from composite
    join placed using (rollout_id)
    group by all
),
-- Composites under two rubrics must never be pooled, and what somebody asked "what if" about is not the run's own.
run_rubric as (
    select run_id, family, rubric_id
    from composed
    anti join recomposition using (run_id, rubric_id)
    qualify row_number() over (partition by run_id, family order by n_composed desc, rubric_id) = 1
)
select
    placed.rollout_id,
    placed.run_id,
    placed.instance_id,
    placed.policy_id,
    placed.sample,
    placed.family,
    placed.name as policy,
    placed.kind as policy_kind,
    coalesce(placed.kind in ('model', 'simulated', 'replay'), false) as is_group,
    case when placed.kind = 'ladder' then json_extract_string(placed.regime, '$.operator') end as operator,
    case when placed.kind = 'ladder' then cast(json_extract_string(placed.regime, '$.severity') as integer) end as severity,
    case
        when placed.kind = 'probe' and not ends_with(placed.name, '@honest')
            then regexp_replace(placed.name, '^probe/', '')
    end as probe,
    case
        when placed.kind = 'probe' and ends_with(placed.name, '@honest')
            then regexp_replace(regexp_replace(placed.name, '^probe/', ''), '@honest$', '')
    end as honest_probe,
    placed.status = 'error' as is_lost,
    placed.status in ('refused', 'truncated', 'step_limit') as is_model_failed,
    placed.status <> 'error' and composite.reward is not null as is_graded,
    run_rubric.rubric_id,
    case when placed.status <> 'error' then composite.reward end as reward,
    case when placed.status <> 'error' then composite.high end as reward_high,
    case when placed.status <> 'error' then composite.uncapped_low end as uncapped,
    coalesce(composite.reward < composite.uncapped_low, false) as is_capped,
    composite.flags,
    composite.work_low / 2 + composite.work_high / 2 as work,
    composite.assessed_weight,
    case when placed.status <> 'error' then composite.ready end as is_ready
from placed
left join run_rubric
    on run_rubric.run_id = placed.run_id and run_rubric.family is not distinct from placed.family
left join composite
    on composite.rollout_id = placed.rollout_id and composite.rubric_id = run_rubric.rubric_id;
