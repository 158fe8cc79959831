-- instance_change: which instances have another verdict than in the previous run?
-- grain: run_id, instance_id, policy_id
-- reads: previous_run, task_verdict
--   run_id           run
--   instance_id      task that the previous run asked of the same policy, too; others are not here
--   policy_id        who, in which regime
--   family           kind of task
--   policy           name of the policy
--   previous_run_id  what it is held against
--   verdict_before   verdict in the previous run
--   verdict          verdict in this run
--   is_changed       true where they differ; null where one of the groups had too little data for a verdict
--   is_proven        true where they differ and more rollouts would overturn neither; a verdict that is not resolved may turn by chance alone
--   mean_before      mean reward then, 0..1
--   mean_reward      mean reward now, 0..1
create or replace view instance_change as
-- Materialized, as both sides of the comparison read it.
with verdict as materialized (
    select run_id, instance_id, policy_id, family, policy, verdict, resolved, mean_reward from task_verdict
)
select
    later.run_id,
    later.instance_id,
    later.policy_id,
    later.family,
    later.policy,
    previous_run.previous_run_id,
    earlier.verdict as verdict_before,
    later.verdict,
    case
        when 'insufficient_data' not in (earlier.verdict, later.verdict) then earlier.verdict <> later.verdict
    end as is_changed,
    case
        when 'insufficient_data' not in (earlier.verdict, later.verdict)
            then earlier.verdict <> later.verdict and earlier.resolved and later.resolved
    end as is_proven,
    earlier.mean_reward as mean_before,
    later.mean_reward
from verdict as later
join previous_run using (run_id)
join verdict as earlier
    on earlier.run_id = previous_run.previous_run_id
    and earlier.instance_id = later.instance_id
    and earlier.policy_id = later.policy_id;
