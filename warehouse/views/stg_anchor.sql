-- stg_anchor: which policy is the weak and which the strong one of a run?
-- grain: run_id, anchor
-- reads: run, policy, rollout
--   run_id     run
--   anchor     weak or strong
--   policy     name, as the run's config has it under the keys weak and strong
--   policy_id  the policy of that name in the run; the first one where it took part in several regimes
create or replace view stg_anchor as
with named as (
    select run_id, 'weak' as anchor, json_extract_string(config, '$.weak') as policy from run
    union all
    select run_id, 'strong' as anchor, json_extract_string(config, '$.strong') as policy from run
),
taking_part as (
    select distinct run_id, policy_id from rollout
)
select named.run_id, named.anchor, named.policy, min(taking_part.policy_id) as policy_id
from named
join taking_part using (run_id)
join policy on policy.policy_id = taking_part.policy_id
where policy.name = named.policy or policy.policy_id = named.policy
group by named.run_id, named.anchor, named.policy;
