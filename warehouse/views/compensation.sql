-- compensation: does damage pay: do other dimensions rise by as much as it costs?
-- grain: run_id, family, operator
-- reads: stg_rung, stg_threshold, rubric_dimension
--   run_id          run
--   family          kind of task
--   operator        damage or compensation; neutral rewrites are left out
--   kind            degrade or compensation; null where the family no longer lists the operator
--   n_instances     instances with severity 0 and a higher one, every dimension of the rubric graded at both; the highest counts
--   n_undetermined  further instances, of which a grader failed at one end
--   n_paying        instances whose index is 1 or more, or infinite: the damage costs nothing
--   share_paying    share of those, 0..1; null without instances
--   n_infinite      of the paying ones, those in which something rose and nothing fell
--   mean_index      mean over instances of sum of weight x rises / sum of weight x falls, 0 and up, infinite ones left out; null without one
--   max_index       largest of the finite ones
create or replace view compensation as
with rung as materialized (
    select stg_rung.*, rubric_dimension.weight
    from stg_rung
    join rubric_dimension using (rubric_id, dimension)
    where stg_rung.kind is distinct from 'neutral'
),
-- The far end of each ladder.
ends as (
    select run_id, instance_id, operator, sample, max(severity) as severity
    from rung
    where severity > 0
    group by run_id, instance_id, operator, sample
),
moved as (
    select
        intact.run_id,
        intact.family,
        intact.operator,
        intact.kind,
        intact.instance_id,
        intact.weight,
        damaged.is_error or intact.is_error as is_undetermined,
        -- What moved by no more than the quantum is a rounding error, and would make an index infinite.
        case
            when abs(damaged.low - intact.low) > stg_threshold.reward_quantum then damaged.low - intact.low
            else 0.0
        end as rise
    from rung as intact
    join ends using (run_id, instance_id, operator, sample)
    join rung as damaged
        on damaged.run_id = intact.run_id
        and damaged.instance_id = intact.instance_id
        and damaged.operator = intact.operator
        and damaged.sample = intact.sample
        and damaged.dimension = intact.dimension
        and damaged.severity = ends.severity
    join stg_threshold on stg_threshold.run_id = intact.run_id
    where intact.severity = 0
),
-- Several ladders of one instance are taken together.
per_instance as (
    select
        run_id,
        family,
        operator,
        instance_id,
        any_value(kind) as kind,
        bool_or(is_undetermined) as is_undetermined,
        sum(weight * greatest(rise, 0.0)) as rises,
        sum(weight * greatest(-rise, 0.0)) as falls
    from moved
    group by run_id, family, operator, instance_id
)
select
    run_id,
    family,
    operator,
    any_value(kind) as kind,
    count(*) filter (not is_undetermined) as n_instances,
    count(*) filter (is_undetermined) as n_undetermined,
    -- 1e-9: a gain that makes up for the loss but for a rounding error does so.
    count(*) filter (not is_undetermined and rises > 0 and rises >= falls - 1e-9) as n_paying,
    count(*) filter (not is_undetermined and rises > 0 and rises >= falls - 1e-9)
    / nullif(count(*) filter (not is_undetermined), 0) as share_paying,
    count(*) filter (not is_undetermined and rises > 0 and falls = 0) as n_infinite,
    avg(rises / falls) filter (not is_undetermined and falls > 0) as mean_index,
    max(rises / falls) filter (not is_undetermined and falls > 0) as max_index
from per_instance
group by run_id, family, operator;
