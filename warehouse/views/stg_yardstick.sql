-- stg_yardstick: between which rewards does an instance lie: no work done, and the oracle?
-- grain: run_id, instance_id
-- reads: stg_attempt, family, probe
--   run_id       run
--   instance_id  task
--   floor        best reward of a zero-work probe here, else what the family declares, else 0; 0..1
--   ceiling      reward of the oracle here, else 1; 0..1
create or replace view stg_yardstick as
with measured as (
    select
        stg_attempt.run_id,
        stg_attempt.instance_id,
        any_value(stg_attempt.family) as family,
        max(stg_attempt.reward) filter (probe.kind = 'zero') as zero_work,
        max(stg_attempt.reward) filter (stg_attempt.policy_kind = 'oracle') as oracle
    from stg_attempt
    left join probe on probe.family = stg_attempt.family and probe.probe = stg_attempt.probe
    group by stg_attempt.run_id, stg_attempt.instance_id
)
select
    measured.run_id,
    measured.instance_id,
    -- A family that declares no floor promises that nothing is earned without work.
    coalesce(measured.zero_work, family.floor, 0.0) as floor,
    coalesce(measured.oracle, 1.0) as ceiling
from measured
left join family using (family);
