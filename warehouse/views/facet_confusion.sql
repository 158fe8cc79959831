-- facet_confusion: which part of a dimension does each damage reach?
-- grain: run_id, family, operator, dimension, facet
-- reads: stg_attempt, stg_threshold, facet, expectation, operator
--   run_id        run
--   family        kind of task
--   operator      damage or rewrite
--   dimension     named quality
--   facet         part of it
--   kind          degrade, neutral or compensation
--   expected      moves, still or may (not judged); null where undeclared
--   n_pairs       comparisons with severity 0 of the same instance, at min_severity and above
--   moved_share   share of pairs that fell (expected moves) or changed at all (else), 0..1
--   mean_drop     mean fall of what is proven, -1..1
--   agrees        true where moved_share is as expected; null where not judged
create or replace view facet_confusion as
with rung as (
    select
        stg_attempt.run_id,
        stg_attempt.family,
        stg_attempt.instance_id,
        stg_attempt.operator,
        stg_attempt.sample,
        stg_attempt.severity,
        facet.dimension,
        facet.facet,
        max(facet.low) as low,
        greatest(max(facet.low), min(facet.high)) as high
    from stg_attempt
    join facet using (rollout_id)
    where stg_attempt.policy_kind = 'ladder' and not stg_attempt.is_lost
    group by all
),
compared as (
    select
        damaged.run_id,
        damaged.family,
        damaged.operator,
        damaged.dimension,
        damaged.facet,
        intact.low - damaged.low as drop_low,
        intact.high - damaged.high as drop_high,
        stg_threshold.reward_quantum as tolerance
    from rung as damaged
    join rung as intact
        on intact.run_id = damaged.run_id
        and intact.instance_id = damaged.instance_id
        and intact.operator = damaged.operator
        and intact.sample = damaged.sample
        and intact.dimension = damaged.dimension
        and intact.facet = damaged.facet
        and intact.severity = 0
    join stg_threshold on stg_threshold.run_id = damaged.run_id
    where damaged.severity >= stg_threshold.min_severity and damaged.severity > 0
),
summed as (
    select
        run_id,
        family,
        operator,
        dimension,
        facet,
        count(*) as n_pairs,
        avg(cast(drop_low > tolerance as integer)) as fallen_share,
        avg(cast(abs(drop_low) > tolerance or abs(drop_high) > tolerance as integer)) as changed_share,
        avg(drop_low) as mean_drop
    from compared
    group by all
)
select
    summed.run_id,
    summed.family,
    summed.operator,
    summed.dimension,
    summed.facet,
    operator.kind,
    expectation.expected,
    summed.n_pairs,
    case when expectation.expected = 'moves' then summed.fallen_share else summed.changed_share end as moved_share,
    summed.mean_drop,
    case expectation.expected
        when 'moves' then summed.fallen_share >= stg_threshold.moves_share_at_least
        when 'still' then summed.changed_share <= stg_threshold.still_share_at_most
    end as agrees
from summed
join stg_threshold using (run_id)
left join operator on operator.family = summed.family and operator.operator = summed.operator
left join expectation
    on expectation.family = summed.family
    and expectation.operator = summed.operator
    and expectation.dimension = summed.dimension
    and expectation.facet = summed.facet;
