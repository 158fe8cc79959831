-- detection: at which severity does each dimension see each damage?
-- grain: run_id, family, operator, dimension, severity
-- reads: stg_rung, stg_threshold, expectation
--   run_id          run
--   family          kind of task
--   operator        damage or rewrite
--   dimension       named quality, or 'composite' for the reward
--   severity        1..4
--   kind            degrade, neutral or compensation; null where the family no longer lists the operator
--   expected        moves, still, may or, for a compensation's composite, no_gain; null where undeclared
--   n_instances     instances compared with severity 0 of their own ladder
--   n_undetermined  further instances that say nothing: a grader failed, or both ends unassessed
--   mean_low        mean of what is proven, 0..1; null where no instance was compared, like all that follows
--   detected_share  share of instances that fell by more than the meaningful difference, on each of their ladders where they have several, 0..1
--   wilson_low      lower end of its 95 % Wilson interval, 0..1
--   mean_drop       mean fall of what is proven, -1..1
create or replace view detection as
-- Materialized, as both ends of a comparison read it.
with rung as materialized (
    select * from stg_rung
),
compared as (
    select
        damaged.run_id,
        damaged.family,
        damaged.operator,
        damaged.dimension,
        damaged.severity,
        damaged.instance_id,
        damaged.kind,
        damaged.low,
        intact.low - damaged.low as drop_low,
        damaged.is_error or intact.is_error or (damaged.is_open and intact.is_open) as is_undetermined,
        -- 1e-12 keeps a rounding error from splitting a difference of exactly the threshold.
        stg_threshold.meaningful_difference + 1e-12 as difference
    from rung as damaged
    join rung as intact
        on intact.run_id = damaged.run_id
        and intact.instance_id = damaged.instance_id
        and intact.operator = damaged.operator
        and intact.sample = damaged.sample
        and intact.dimension = damaged.dimension
        and intact.severity = 0
    join stg_threshold on stg_threshold.run_id = damaged.run_id
    where damaged.severity > 0
),
per_instance as (
    select
        run_id,
        family,
        operator,
        dimension,
        severity,
        instance_id,
        any_value(kind) as kind,
        avg(low) filter (not is_undetermined) as low,
        avg(drop_low) filter (not is_undetermined) as drop_low,
        bool_and(drop_low > difference) filter (not is_undetermined) as is_detected
    from compared
    group by run_id, family, operator, dimension, severity, instance_id
),
summed as (
    select
        run_id,
        family,
        operator,
        dimension,
        severity,
        any_value(kind) as kind,
        count(is_detected) as n_instances,
        count(*) - count(is_detected) as n_undetermined,
        avg(low) as mean_low,
        avg(drop_low) as mean_drop,
        avg(cast(is_detected as integer)) as detected_share
    from per_instance
    group by run_id, family, operator, dimension, severity
)
select
    summed.run_id,
    summed.family,
    summed.operator,
    summed.dimension,
    summed.severity,
    summed.kind,
    case
        when summed.dimension <> 'composite' then expectation.expected
        when summed.kind = 'degrade' then 'moves'
        when summed.kind = 'neutral' then 'still'
        when summed.kind = 'compensation' then 'no_gain'
    end as expected,
    n_instances,
    n_undetermined,
    mean_low,
    detected_share,
    -- Wilson (1927); 1.959964: the 97.5 % point of the normal distribution. greatest() would make 0 of a null.
    case
        when n_instances > 0 then greatest(
            0.0,
            (
                detected_share + 1.959964 ** 2 / (2 * n_instances)
                - 1.959964 * sqrt(
                    detected_share * (1 - detected_share) / n_instances + 1.959964 ** 2 / (4 * n_instances ** 2)
                )
            ) / (1 + 1.959964 ** 2 / n_instances)
        )
    end as wilson_low,
    mean_drop
from summed
left join expectation
    on expectation.family = summed.family
    and expectation.operator = summed.operator
    and expectation.dimension = summed.dimension
    -- The empty facet stands for the dimension as a whole.
    and expectation.facet = '';
