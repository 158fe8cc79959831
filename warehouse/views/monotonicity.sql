-- monotonicity: does better work always score higher?
-- grain: run_id, family, operator, dimension
-- reads: stg_rung, stg_threshold, expectation, detection
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
--   n_violated      instances with such a pair
--   violation_upper95  upper 95 % bound of the share of instances with one (one-sided, Clopper-Pearson, within 1e-9): pairs of one instance are not independent; null without instances
--   smallest_detectable_dose  smallest severity that provably shows in enough instances (wilson_low of detection at or above detected_share_at_least) while no heavier one was seen in fewer, 1..4; null where none does
create or replace view monotonicity as
-- Materialized, as both ends of a comparison read it.
with rung as materialized (
    select * from stg_rung
),
compared as (
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
    from rung as lighter
    join rung as heavier
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
        count(distinct instance_id) filter (not is_undetermined and rise > tolerance) as n_violated,
        count(*) filter (not is_undetermined and rise < -tolerance) as n_falls,
        max(rise) filter (not is_undetermined) as max_rise
    from compared
    group by run_id, family, operator, dimension
),
seen as (
    select
        detection.run_id,
        detection.family,
        detection.operator,
        detection.dimension,
        detection.severity,
        coalesce(detection.wilson_low >= stg_threshold.detected_share_at_least, false) as is_proven,
        -- Ladders run out of targets: the few instances left at a heavy severity need not prove it anew, but must
        -- not contradict it.
        coalesce(detection.detected_share < stg_threshold.detected_share_at_least, false) as is_missed
    from detection
    join stg_threshold using (run_id)
),
missed as (
    select
        *,
        max(severity) filter (is_missed) over (partition by run_id, family, operator, dimension) as last_missed
    from seen
),
doses as (
    select run_id, family, operator, dimension, min(severity) as dose
    from missed
    where is_proven and (last_missed is null or severity > last_missed)
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
    (summed.n_falls - summed.n_violations) / nullif(summed.n_pairs, 0) as somers_d,
    summed.n_violated,
    -- The largest share at which so few hits (k or fewer) still have a chance of 5 %, found bit by bit.
    case
        when summed.n_instances = 0 then null
        when summed.n_violated = summed.n_instances then 1.0
        else list_reduce(
            list_transform(range(1, 31), lambda bit: 0.5 ** bit),
            lambda reached, step: case
                when list_sum(list_transform(
                    range(0, summed.n_violated + 1),
                    lambda hits: exp(
                        lgamma(summed.n_instances + 1) - lgamma(hits + 1) - lgamma(summed.n_instances - hits + 1)
                        + hits * ln(reached + step) + (summed.n_instances - hits) * ln(1 - reached - step)
                    )
                )) > 0.05 then reached + step
                else reached
            end,
            0.0
        )
    end as violation_upper95,
    doses.dose as smallest_detectable_dose
from summed
left join doses
    on doses.run_id = summed.run_id
    and doses.family = summed.family
    and doses.operator = summed.operator
    and doses.dimension = summed.dimension
left join expectation
    on expectation.family = summed.family
    and expectation.operator = summed.operator
    and expectation.dimension = summed.dimension
    and expectation.facet = '';
