-- stg_lineage: which policies are checkpoints, and what do they descend from?
-- grain: policy_id
-- reads: policy
--   policy_id     a policy that has a parent or is one
--   policy        its name
--   parent        policy_id of the parent; the name as it was given where no or no single policy here has it; null for the first
--   base          policy_id of the first of its line that is known here; null for that one itself, and in a circle
--   intervention  what was done to the parent; null where not said
--   step          training step; null where not said
create or replace view stg_lineage as
with recursive sole_name as (
    select name, any_value(policy_id) as policy_id from policy group by name having count(*) = 1
),
resolved as (
    select
        policy.policy_id,
        policy.name,
        policy.intervention,
        policy.step,
        policy.parent as said,
        coalesce(by_id.policy_id, sole_name.policy_id) as parent
    from policy
    left join policy as by_id on by_id.policy_id = policy.parent
    left join sole_name on sole_name.name = policy.parent
),
-- From the first ones downward: each policy has one parent, so none is met twice, and a circle is never entered.
descended as (
    select policy_id, policy_id as base from resolved where parent is null
    union all
    select resolved.policy_id, descended.base
    from resolved
    join descended on descended.policy_id = resolved.parent
)
select
    resolved.policy_id,
    resolved.name as policy,
    coalesce(resolved.parent, resolved.said) as parent,
    nullif(descended.base, resolved.policy_id) as base,
    resolved.intervention,
    resolved.step
from resolved
left join descended using (policy_id)
where resolved.said is not null or resolved.policy_id in (select parent from resolved where parent is not null);
