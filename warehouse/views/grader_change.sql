-- grader_change: which grader holds no longer what it held in the previous run, and which does again?
-- grain: run_id, family, kind, name, dimension
-- reads: previous_run, stg_check, stg_threshold, stg_run_grader, known_limit
--   run_id           run
--   family           kind of task
--   kind             oracle (earns 1), probe (is not paid), operator (does what is expected of it) or order (worse never scores higher)
--   name             probe or operator; oracle for the oracle
--   dimension        named quality, or 'composite' for the reward
--   previous_run_id  what it is held against
--   held_before      true where it held then; null where it was not measured
--   holds            true where it holds now: no instance breaks it; of operators the share of pairs that the thresholds ask for; null where it was not measured
--   method           paired where at least half of the instances of either run are the same, and only these are compared; else apart; null where one run did not measure it
--   n_before         instances on which it was measured then; of paired ones those compared
--   n_after          the same now
--   broken_before    instances that broke it then
--   broken_after     the same now
--   n_newly_broken   paired: instances that held then and break it now; null apart
--   n_mended         paired: instances that broke it then and hold now; null apart
--   p                of no change, two-sided: exact; null where none is needed or one run did not measure it
--   p_holm           the same among all that were tested in the run (Holm)
--   status           regressed, mended, mixed (some each), same, unclear, new (not measured before) or not_measured (any more)
--   is_declared      true where the grader declares this as a known limit, as the catalogue says now
--   graders_before   names and versions then
--   graders          names and versions now
--   may_be           what differs between the runs, so what a change may be due to: instances, grader, thresholds, judge noise; nothing where none of them does, and yet it changed: the grader, family or program without a new version
create or replace view grader_change as
-- Ladders, probes and the oracle are made from the instance alone, and code grades them the same each time. So on the same
-- instances one that newly breaks is a fact and no noise, and no test is asked. Where judges count, or the instances
-- are others, it may be chance: the exact sign test on instances that turned, or Fisher's exact test (the smaller tail
-- doubled), corrected by Holm among all that are tested in the run, has to exclude that. What was proven once, that an
-- instance exists that breaks it, stands in `holds`; `status` only says whether that is a change.
with checked as materialized (
    select * from stg_check
),
held as (
    select run_id, previous_run_id, is_same_thresholds from previous_run where previous_run_id is not null
),
later as (
    select held.run_id, checked.* exclude (run_id) from held join checked using (run_id)
),
earlier as (
    select held.run_id, checked.* exclude (run_id) from held join checked on checked.run_id = held.previous_run_id
),
unit as materialized (
    select
        run_id,
        family,
        kind,
        name,
        dimension,
        coalesce(later.expected, earlier.expected) as expected,
        earlier.n_pairs as pairs_before,
        later.n_pairs as pairs_after,
        earlier.n_broken as pairs_broken_before,
        later.n_broken as pairs_broken_after,
        earlier.n_broken > 0 as is_broken_before,
        later.n_broken > 0 as is_broken_after,
        earlier.n_broken is not null and later.n_broken is not null as is_shared
    from later
    full join earlier using (run_id, family, kind, name, dimension, instance_id)
),
whole as (
    select
        run_id,
        family,
        kind,
        name,
        dimension,
        any_value(expected) as expected,
        count(*) filter (is_shared) as n_shared,
        count(pairs_before) as n_before,
        count(pairs_after) as n_after,
        count(*) filter (is_broken_before) as broken_before,
        count(*) filter (is_broken_after) as broken_after,
        count(*) filter (is_shared and is_broken_before) as shared_broken_before,
        count(*) filter (is_shared and is_broken_after) as shared_broken_after,
        count(*) filter (is_shared and is_broken_after and not is_broken_before) as n_newly_broken,
        count(*) filter (is_shared and is_broken_before and not is_broken_after) as n_mended,
        sum(pairs_broken_before) / sum(pairs_before) as pairs_share_before,
        sum(pairs_broken_after) / sum(pairs_after) as pairs_share_after,
        -- Not one minus the share above, which could miss a threshold by a rounding error.
        sum(pairs_before - pairs_broken_before) / sum(pairs_before) as pairs_held_before,
        sum(pairs_after - pairs_broken_after) / sum(pairs_after) as pairs_held_after
    from unit
    group by run_id, family, kind, name, dimension
),
placed as (
    select
        whole.* exclude (n_before, n_after, broken_before, broken_after),
        held.previous_run_id,
        held.is_same_thresholds,
        graded_before.graders as graders_before,
        graded.graders,
        graded.graders is distinct from graded_before.graders
        or graded.rubric_id is distinct from graded_before.rubric_id as is_other_grader,
        coalesce(graded.has_judges, false) or coalesce(graded_before.has_judges, false) as has_judges,
        n_before > 0 and n_after > 0 as is_in_both,
        2 * n_shared >= greatest(n_before, n_after) as is_paired,
        case when is_paired and is_in_both then n_shared else n_before end as n_before,
        case when is_paired and is_in_both then n_shared else n_after end as n_after,
        case when is_paired and is_in_both then shared_broken_before else broken_before end as broken_before,
        case when is_paired and is_in_both then shared_broken_after else broken_after end as broken_after
    from whole
    join held using (run_id)
    left join stg_run_grader as graded on graded.run_id = whole.run_id and graded.family = whole.family
    left join stg_run_grader as graded_before
        on graded_before.run_id = held.previous_run_id and graded_before.family = whole.family
),
tested as (
    select
        *,
        case
            when not is_in_both or (is_paired and not has_judges) then null
            when is_paired then least(
                1.0,
                2 * list_sum(list_transform(
                    range(0, least(n_newly_broken, n_mended) + 1),
                    lambda hits: exp(
                        lgamma(n_newly_broken + n_mended + 1) - lgamma(hits + 1)
                        - lgamma(n_newly_broken + n_mended - hits + 1) - (n_newly_broken + n_mended) * ln(2)
                    )
                ))
            )
            else least(
                1.0,
                2 * list_sum(list_transform(
                    case
                        when broken_after * n_before >= broken_before * n_after
                            then range(broken_after, least(broken_before + broken_after, n_after) + 1)
                        else range(greatest(0, broken_before + broken_after - n_before), broken_after + 1)
                    end,
                    lambda hits: exp(
                        lgamma(n_after + 1) - lgamma(hits + 1) - lgamma(n_after - hits + 1)
                        + lgamma(n_before + 1) - lgamma(broken_before + broken_after - hits + 1)
                        - lgamma(n_before - broken_before - broken_after + hits + 1)
                        - lgamma(n_before + n_after + 1) + lgamma(broken_before + broken_after + 1)
                        + lgamma(n_before + n_after - broken_before - broken_after + 1)
                    )
                ))
            )
        end as p
    from placed
),
ranked as (
    select
        *,
        -- What broke nowhere in either run cannot have changed, and is no comparison.
        p is not null and broken_before + broken_after > 0 as is_tested,
        count(*) filter (is_tested) over (partition by run_id) as n_tested,
        row_number() over (partition by run_id, is_tested order by p, family, kind, name, dimension) as place
    from tested
),
corrected as (
    select
        *,
        case
            when is_tested
                then max(least(1.0, p * (n_tested - place + 1)))
                    over (partition by run_id, is_tested order by place rows unbounded preceding)
        end as p_holm
    from ranked
)
select
    corrected.run_id,
    corrected.family,
    corrected.kind,
    corrected.name,
    corrected.dimension,
    corrected.previous_run_id,
    case corrected.expected
        when 'moves' then pairs_held_before >= before_threshold.moves_share_at_least
        when 'still' then pairs_share_before <= before_threshold.still_share_at_most
        when 'no_gain' then pairs_share_before <= before_threshold.still_share_at_most
        else pairs_share_before = 0
    end as held_before,
    case corrected.expected
        when 'moves' then pairs_held_after >= stg_threshold.moves_share_at_least
        when 'still' then pairs_share_after <= stg_threshold.still_share_at_most
        when 'no_gain' then pairs_share_after <= stg_threshold.still_share_at_most
        else pairs_share_after = 0
    end as holds,
    case when is_in_both and is_paired then 'paired' when is_in_both then 'apart' end as method,
    corrected.n_before,
    corrected.n_after,
    corrected.broken_before,
    corrected.broken_after,
    case when is_in_both and is_paired then corrected.n_newly_broken end as n_newly_broken,
    case when is_in_both and is_paired then corrected.n_mended end as n_mended,
    case when is_tested then corrected.p end as p,
    corrected.p_holm,
    case
        when n_before = 0 then 'new'
        when n_after = 0 then 'not_measured'
        when is_paired and n_newly_broken + n_mended = 0 then 'same'
        when is_paired and not has_judges and n_mended = 0 then 'regressed'
        when is_paired and not has_judges and n_newly_broken = 0 then 'mended'
        when is_paired and not has_judges then 'mixed'
        when broken_before + broken_after = 0 then 'same'
        when p_holm <= 0.05 and broken_after * n_before > broken_before * n_after then 'regressed'
        when p_holm <= 0.05 then 'mended'
        else 'unclear'
    end as status,
    exists (
        from known_limit
        where
            known_limit.family = corrected.family
            and known_limit.shown_by = corrected.name
            and list_contains(
                cast(known_limit.excuses as varchar[]), if(corrected.kind = 'probe', 'reward', corrected.dimension)
            )
    ) as is_declared,
    corrected.graders_before,
    corrected.graders,
    case
        when is_in_both then concat_ws(
            ', ',
            case when not is_paired then 'instances' end,
            case when is_other_grader then 'grader' end,
            case when not coalesce(is_same_thresholds, false) then 'thresholds' end,
            case when has_judges then 'judge noise' end
        )
        else ''
    end as may_be
from corrected
join stg_threshold on stg_threshold.run_id = corrected.run_id
join stg_threshold as before_threshold on before_threshold.run_id = corrected.previous_run_id;
