-- stg_grader: who grades a policy in a run, in which version?
-- grain: run_id, policy_id, family, dimension
-- reads: score, rollout, policy
--   run_id     run
--   policy_id  a model, a simulated policy or a replay
--   family     kind of task
--   dimension  named quality, or 'composite' for all of them
--   graders    names and versions as text, of judges those that count: numbers under different ones are not compared
--   is_mixed   true where one of them graded the policy in several versions, of which none is said to be the right one
create or replace view stg_grader as
with seen as materialized (
    select distinct
        rollout.run_id, rollout.policy_id, score.family, score.dimension, score.grader_id, score.grader_version
    from score
    join rollout using (rollout_id)
    join policy using (policy_id)
    where policy.kind in ('model', 'simulated', 'replay') and coalesce(score.is_trusted, true)
),
of_policy as (
    select
        run_id,
        policy_id,
        family,
        dimension,
        grader_id,
        string_agg(grader_version, ' and ' order by grader_version) as versions,
        count(*) > 1 as is_mixed
    from seen
    group by run_id, policy_id, family, dimension, grader_id
),
of_run as (
    select
        run_id,
        family,
        dimension,
        grader_id,
        string_agg(distinct grader_version, ' and ' order by grader_version) as versions
    from seen
    group by run_id, family, dimension, grader_id
),
-- A judge that is asked what code leaves open has nothing to say of a policy whose every answer code settles, and
-- still is one of those who grade it.
named as (
    select
        arm.run_id,
        arm.policy_id,
        arm.family,
        of_run.dimension,
        of_run.grader_id || ' ' || coalesce(of_policy.versions, of_run.versions) as who,
        coalesce(of_policy.is_mixed, false) as is_mixed
    from (select distinct run_id, policy_id, family from seen) as arm
    join of_run using (run_id, family)
    left join of_policy using (run_id, policy_id, family, dimension, grader_id)
)
select run_id, policy_id, family, dimension, string_agg(who, ', ' order by who) as graders, bool_or(is_mixed) as is_mixed
from named
group by run_id, policy_id, family, dimension
union all
select
    run_id,
    policy_id,
    family,
    'composite' as dimension,
    string_agg(distinct who, ', ' order by who) as graders,
    bool_or(is_mixed) as is_mixed
from named
group by run_id, policy_id, family;
