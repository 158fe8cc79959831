-- stg_run_grader: who graded a family in a run, in which version, and under which rubric?
-- grain: run_id, family
-- reads: score, rollout, stg_attempt
--   run_id      run
--   family      kind of task
--   graders     names and versions as text, of judges those that count
--   rubric_id   the run's rubric for the family; null where nothing was put together
--   has_judges  true where verdicts of a judge count: the same output may score otherwise the next time
create or replace view stg_run_grader as
with seen as (
    select distinct rollout.run_id, score.family, score.grader_id, score.grader_version, score.source
    from score
    join rollout using (rollout_id)
    where coalesce(score.is_trusted, true)
),
named as (
    select
        run_id,
        family,
        string_agg(grader_id || ' ' || grader_version, ', ' order by grader_id, grader_version) as graders,
        bool_or(source = 'judge') as has_judges
    from seen
    group by run_id, family
),
rubrics as (
    select run_id, family, max(rubric_id) as rubric_id
    from stg_attempt
    group by run_id, family
)
select named.run_id, named.family, named.graders, rubrics.rubric_id, named.has_judges
from named
left join rubrics using (run_id, family);
