-- monotonicity: does better work always score higher?
-- grain: run_id, family, operator, dimension
-- reads: stg_rung, stg_threshold, expectation
--   run_id          run
--   family          kind of task
--   operator        damage or compensation; neutral rewrites have no order and are left out
--   dimension       named quality, or 'composite' for the reward
--   kind            degrade or compensation
--   expected        what the family declares for this dimension: moves, still or may; null for 'composite'
--   n_instances     instances compared
--   n_pairs         pairs of severities of one instance, both graded
--   n_undetermined  further pairs that say nothing: a grader failed, or both ends unassessed
--   n_violations    pairs in which the more damaged output scored higher
--   violation_rate  share of such pairs, 0..1; null without pairs
--   max_violation   largest such rise, 0..1; 0 where none
--   somers_d        (falls - rises) / pairs, -1..1: a tie costs, since it means blindness
create or replace view monotonicity as
with compared as (
    select
        lighter.run_id,
        lighter.family,
        lighter.operator,
        lighter.dimension,
        lighter.kind,
        lighter.instance_id,
        heavier.low - lighter.low as rise,
        lighter.is_error or heavier.is_error or (lighter.is_open and heavier.is_open) as is_undetermined,
        stg_threshold.reward_quantum as tolerance
    from stg_rung as lighter
    join stg_rung as heavier
        on heavier.run_id = lighter.run_id
        and heavier.instance_id = lighter.instance_id
        and heavier.operator = lighter.operator
        and heavier.sample = lighter.sample
        and heavier.dimension = lighter.dimension
        and heavier.severity > lighter.severity
    join stg_threshold on stg_threshold.run_id = lighter.run_id
    where lighter.kind is distinct from 'neutral'
),
summed as (
    select
        run_id,
        family,
        operator,
        dimension,
        any_value(kind) as kind,
        count(distinct instance_id) filter (not is_undetermined) as n_instances,
        count(*) filter (not is_undetermined) as n_pairs,
        count(*) filter (is_undetermined) as n_undetermined,
        count(*) filter (not is_undetermined and rise > tolerance) as n_violations,
        count(*) filter (not is_undetermined and rise < -tolerance) as n_falls,
        max(rise) filter (not is_undetermined) as max_rise
    from compared
    group by run_id, family, operator, dimension
)
select
    summed.run_id,
    summed.family,
    summed.operator,
    summed.dimension,
    summed.kind,
    expectation.expected,
    summed.n_instances,
    summed.n_pairs,
    summed.n_undetermined,
    summed.n_violations,
    summed.n_violations / nullif(summed.n_pairs, 0) as violation_rate,
    case when summed.n_violations > 0 then summed.max_rise else 0.0 end as max_violation,
    (summed.n_falls - summed.n_violations) / nullif(summed.n_pairs, 0) as somers_d
from summed
left join expectation
    on expectation.family = summed.family
    and expectation.operator = summed.operator
    and expectation.dimension = summed.dimension
    and expectation.facet = '';
