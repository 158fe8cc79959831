-- grader_confusion: which damage does each dimension see, miss, or wrongly react to?
-- grain: run_id, family, operator, dimension
-- reads: stg_rung, stg_threshold, expectation, operator, planned, policy, instance
--   run_id            run
--   family            kind of task
--   operator          damage or rewrite
--   dimension         named quality, or 'composite' for the reward
--   kind              degrade, neutral or compensation
--   expected          moves, still, may (not judged) or, for a compensation's composite, no_gain; null where undeclared
--   n_pairs           comparisons with severity 0 of the same instance, at min_severity and above; 0 where one is declared and none was possible, in a run that has others
--   n_undetermined    further comparisons that say nothing: a grader failed, or both ends unassessed
--   n_not_applicable  instance x severity where the operator had no target
--   min_severity      severity from which the effect must show, 1..4
--   moved_share       share of pairs that fell (expected moves), rose (no_gain) or changed at all (else), 0..1; null without pairs
--   mean_drop         mean fall of what is proven, -1..1
--   max_drop          largest fall, -1..1
--   agrees            true where moved_share is as expected; null where not judged
create or replace view grader_confusion as
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
        damaged.kind,
        intact.low - damaged.low as drop_low,
        intact.high - damaged.high as drop_high,
        damaged.is_error or intact.is_error or (damaged.is_open and intact.is_open) as is_undetermined,
        stg_threshold.reward_quantum as tolerance
    from rung as damaged
    join rung as intact
        on intact.run_id = damaged.run_id
        and intact.instance_id = damaged.instance_id
        and intact.operator = damaged.operator
        and intact.sample = damaged.sample
        and intact.dimension = damaged.dimension
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
        any_value(kind) as kind,
        count(*) filter (not is_undetermined) as n_pairs,
        count(*) filter (is_undetermined) as n_undetermined,
        avg(cast(drop_low > tolerance as integer)) filter (not is_undetermined) as fallen_share,
        avg(cast(drop_low < -tolerance as integer)) filter (not is_undetermined) as risen_share,
        avg(cast(abs(drop_low) > tolerance or abs(drop_high) > tolerance as integer)) filter (not is_undetermined)
            as changed_share,
        avg(drop_low) filter (not is_undetermined) as mean_drop,
        max(drop_low) filter (not is_undetermined) as max_drop
    from compared
    group by run_id, family, operator, dimension
),
without_target as (
    select
        planned.run_id,
        instance.family,
        json_extract_string(policy.regime, '$.operator') as operator,
        cast(sum(planned.n_not_applicable) as bigint) as n_not_applicable
    from planned
    join policy on policy.policy_id = planned.policy_id and policy.kind = 'ladder'
    join instance using (instance_id)
    join stg_threshold on stg_threshold.run_id = planned.run_id
    where
        cast(json_extract_string(policy.regime, '$.severity') as integer) >= stg_threshold.min_severity
    group by all
),
-- What a family declares for an operator of the run is a cell, even where no instance has a target for it or
-- no grader knows the dimension: an expectation that nothing can meet must not look like one that is met.
declared as (
    select run_id, family, operator, 'composite' as dimension from without_target
    union
    select without_target.run_id, without_target.family, without_target.operator, expectation.dimension
    from without_target
    join expectation using (family, operator)
    where expectation.facet = ''
),
every_cell as (
    select * from summed
    union all by name
    select
        declared.run_id,
        declared.family,
        declared.operator,
        declared.dimension,
        operator.kind,
        0 as n_pairs,
        0 as n_undetermined
    from declared
    left join operator using (family, operator)
    -- A run without any comparison stays empty: to its readers that means that nothing was measured.
    semi join summed using (run_id)
    anti join summed using (run_id, family, operator, dimension)
),
expected as (
    select
        every_cell.*,
        case
            when every_cell.dimension <> 'composite' then expectation.expected
            when every_cell.kind = 'degrade' then 'moves'
            when every_cell.kind = 'neutral' then 'still'
            when every_cell.kind = 'compensation' then 'no_gain'
        end as expected
    from every_cell
    left join expectation
        on expectation.family = every_cell.family
        and expectation.operator = every_cell.operator
        and expectation.dimension = every_cell.dimension
        -- The empty facet stands for the dimension as a whole.
        and expectation.facet = ''
),
measured as (
    select
        *,
        case expected
            when 'moves' then fallen_share
            when 'no_gain' then risen_share
            else changed_share
        end as moved_share
    from expected
)
select
    measured.run_id,
    measured.family,
    measured.operator,
    measured.dimension,
    measured.kind,
    measured.expected,
    measured.n_pairs,
    measured.n_undetermined,
    coalesce(without_target.n_not_applicable, 0) as n_not_applicable,
    cast(stg_threshold.min_severity as bigint) as min_severity,
    measured.moved_share,
    measured.mean_drop,
    measured.max_drop,
    case measured.expected
        when 'moves' then measured.moved_share >= stg_threshold.moves_share_at_least
        when 'still' then measured.moved_share <= stg_threshold.still_share_at_most
        when 'no_gain' then measured.moved_share <= stg_threshold.still_share_at_most
    end as agrees
from measured
join stg_threshold using (run_id)
left join without_target
    on without_target.run_id = measured.run_id
    and without_target.family = measured.family
    and without_target.operator = measured.operator;
