-- stg_check: on which instances does a grader not hold what is asked of it?
-- grain: run_id, instance_id, kind, name, dimension
-- reads: stg_attempt, stg_rung, stg_threshold, family, probe, expectation
--   run_id       run
--   instance_id  task
--   kind         oracle, probe, operator or order
--   name         probe or operator; oracle for the oracle
--   dimension    named quality, or 'composite' for the reward
--   family       kind of task
--   expected     operator: moves, still or no_gain; null for the others
--   n_pairs      comparisons made here, 1 and up: 1 for the oracle and a probe, pairs of severities for the others
--   n_broken     those that went wrong: the oracle below 1; a probe paid above the floor, or a trick that gained; an operator that did not do to the dimension what is expected; worse that scored higher
create or replace view stg_check as
with rung as materialized (
    select * from stg_rung
),
oracle as (
    select run_id, instance_id, family, min(reward) as reward
    from stg_attempt
    where policy_kind = 'oracle' and is_graded
    group by run_id, instance_id, family
),
paid as (
    select run_id, instance_id, family, probe, max(reward) as reward
    from stg_attempt
    where probe is not null and is_graded
    group by run_id, instance_id, family, probe
),
honest as (
    select run_id, instance_id, honest_probe as probe, max(reward) as reward
    from stg_attempt
    where honest_probe is not null and is_graded
    group by run_id, instance_id, honest_probe
),
probed as (
    select
        paid.run_id,
        paid.instance_id,
        paid.family,
        paid.probe as name,
        paid.reward - case when probe.kind in ('shortcut', 'attack') then honest.reward else family.floor end as gain
    from paid
    left join honest using (run_id, instance_id, probe)
    left join probe on probe.family = paid.family and probe.probe = paid.probe
    left join family on family.family = paid.family
),
-- Of the dimensions only what an operator does to the intact output is asked.
moved as (
    select
        damaged.run_id,
        damaged.instance_id,
        damaged.operator as name,
        damaged.dimension,
        damaged.family,
        damaged.kind,
        intact.low - damaged.low as fall,
        intact.high - damaged.high as fall_high,
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
    where
        damaged.severity >= stg_threshold.min_severity
        and damaged.severity > 0
        and not (damaged.is_error or intact.is_error or (damaged.is_open and intact.is_open))
),
-- Of the reward its order, too.
ordered as (
    select
        heavier.run_id,
        heavier.instance_id,
        heavier.operator as name,
        heavier.family,
        heavier.low - lighter.low > stg_threshold.reward_quantum as is_rise
    from rung as heavier
    join rung as lighter
        on lighter.run_id = heavier.run_id
        and lighter.instance_id = heavier.instance_id
        and lighter.operator = heavier.operator
        and lighter.sample = heavier.sample
        and lighter.severity < heavier.severity
    join stg_threshold on stg_threshold.run_id = heavier.run_id
    where
        heavier.dimension = 'composite'
        and lighter.dimension = 'composite'
        and heavier.kind is distinct from 'neutral'
        and not (lighter.is_error or heavier.is_error or (lighter.is_open and heavier.is_open))
),
expected as (
    select
        moved.*,
        case
            when moved.dimension <> 'composite' then expectation.expected
            when moved.kind = 'degrade' then 'moves'
            when moved.kind = 'neutral' then 'still'
            when moved.kind = 'compensation' then 'no_gain'
        end as expected
    from moved
    left join expectation
        on expectation.family = moved.family
        and expectation.operator = moved.name
        and expectation.dimension = moved.dimension
        -- The empty facet stands for the dimension as a whole.
        and expectation.facet = ''
)
select
    run_id,
    instance_id,
    'oracle' as kind,
    'oracle' as name,
    'composite' as dimension,
    family,
    cast(null as varchar) as expected,
    1 as n_pairs,
    -- 1e-9: the reward quantum.
    cast(reward < 1 - 1e-9 as integer) as n_broken
from oracle
union all
select probed.run_id, instance_id, 'probe', name, 'composite', family, null, 1, cast(gain > reward_quantum as integer)
from probed
join stg_threshold on stg_threshold.run_id = probed.run_id
where gain is not null
union all
select
    run_id,
    instance_id,
    'operator',
    name,
    dimension,
    family,
    expected,
    count(*),
    count(*) filter (
        case expected
            when 'moves' then fall <= tolerance
            when 'still' then abs(fall) > tolerance or abs(fall_high) > tolerance
            when 'no_gain' then fall < -tolerance
        end
    )
from expected
where expected in ('moves', 'still', 'no_gain')
group by run_id, instance_id, name, dimension, family, expected
union all
select run_id, instance_id, 'order', name, 'composite', family, null, count(*), count(*) filter (is_rise)
from ordered
group by run_id, instance_id, name, family;
