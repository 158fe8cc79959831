-- verdict_change: which share of a family's instances became trainable, saturated, ... since the previous run?
-- grain: run_id, family, policy_id, verdict
-- reads: previous_run, task_verdict, stg_run_grader
--   run_id           run
--   family           kind of task
--   policy_id        who, in the same regime in both runs
--   verdict          one that either run gave; insufficient_data is none: what was lost says nothing of a task
--   policy           name of the policy
--   previous_run_id  what it is held against
--   method           paired where at least half of the instances of either run are the same, and only these count; else apart
--   n_before         instances with a verdict then
--   n_after          instances with a verdict now
--   share_before     share of them with this verdict then, 0..1
--   share_after      the same now
--   n_into           paired: instances that turned into this verdict; null apart
--   n_out_of         paired: instances that turned away from it; null apart
--   ci_low           lower end of the 95 % interval of share_after - share_before, of this comparison alone
--   ci_high          upper end
--   p                of no change, two-sided: exact, within 1e-9
--   p_holm           the same among all comparisons of the run (Holm): what status goes by
--   status           rose or fell where p_holm is at most .05; unchanged where paired and no instance turned; else unclear
--   may_be           what differs between the runs beside the attempts, so what a change may be due to: policy, and where they differ instances, grader, thresholds
create or replace view verdict_change as
-- Why tests and not shares side by side: a verdict of sixteen rollouts falls otherwise the next night by chance, and with
-- other instances so does the share of tasks. The unit is the instance, since rollouts of one instance stand or fall
-- together. Apart: Fisher's exact test (the smaller tail doubled) and Newcombe's (1998) interval from two Wilson
-- intervals. Instances that happen to be in both make that too careful, never too bold. Paired: only instances that
-- turned say anything, and by chance as many turn into a verdict as away from it: the exact sign test (McNemar), with the
-- interval of Bonett and Price (2012). Many policies and verdicts are looked at every night: without Holm's correction
-- one of twenty quiet comparisons would be called a change. Materialized, as several steps read it.
with verdict as materialized (
    select run_id, instance_id, policy_id, family, policy, verdict from task_verdict where verdict <> 'insufficient_data'
),
held as (
    select run_id, previous_run_id, is_same_thresholds
    from previous_run
    where previous_run_id is not null
),
later as (
    select held.run_id, verdict.* exclude (run_id) from held join verdict using (run_id)
),
earlier as (
    select held.run_id, verdict.* exclude (run_id) from held join verdict on verdict.run_id = held.previous_run_id
),
unit as materialized (
    select
        coalesce(later.run_id, earlier.run_id) as run_id,
        coalesce(later.family, earlier.family) as family,
        coalesce(later.policy_id, earlier.policy_id) as policy_id,
        coalesce(later.policy, earlier.policy) as policy,
        earlier.verdict as before,
        later.verdict as after
    from later
    full join earlier using (run_id, family, policy_id, instance_id)
),
arm as (
    select
        run_id,
        family,
        policy_id,
        any_value(policy) as policy,
        2 * count(*) filter (before is not null and after is not null) >= greatest(count(before), count(after))
            as is_paired
    from unit
    group by run_id, family, policy_id
    having count(before) > 0 and count(after) > 0
),
counted as (
    select
        arm.*,
        unit.before,
        unit.after,
        count(unit.before) over arms as n_before,
        count(unit.after) over arms as n_after
    from arm
    join unit using (run_id, family, policy_id)
    where not arm.is_paired or (unit.before is not null and unit.after is not null)
    window arms as (partition by run_id, family, policy_id)
),
-- One row for each side of each unit: what it left, and what it reached.
sided as (
    select
        *,
        before as verdict,
        1 as k_before,
        0 as k_after,
        0 as n_in,
        cast(after is distinct from before as integer) as n_out
    from counted
    where before is not null
    union all by name
    select
        *,
        after as verdict,
        0 as k_before,
        1 as k_after,
        cast(before is distinct from after as integer) as n_in,
        0 as n_out
    from counted
    where after is not null
),
cell as (
    select
        run_id,
        family,
        policy_id,
        verdict,
        any_value(policy) as policy,
        any_value(is_paired) as is_paired,
        any_value(n_before) as n_before,
        any_value(n_after) as n_after,
        cast(sum(k_before) as bigint) as k_before,
        cast(sum(k_after) as bigint) as k_after,
        cast(sum(n_in) as bigint) as n_into,
        cast(sum(n_out) as bigint) as n_out_of
    from sided
    group by run_id, family, policy_id, verdict
),
tested as (
    select
        *,
        case
            when is_paired then least(
                1.0,
                2 * list_sum(list_transform(
                    range(0, least(n_into, n_out_of) + 1),
                    lambda hits: exp(
                        lgamma(n_into + n_out_of + 1) - lgamma(hits + 1) - lgamma(n_into + n_out_of - hits + 1)
                        - (n_into + n_out_of) * ln(2)
                    )
                ))
            )
            else least(
                1.0,
                2 * list_sum(list_transform(
                    -- The smaller tail: from the count that was seen away from the one that was to be expected.
                    case
                        when k_after * n_before >= k_before * n_after
                            then range(k_after, least(k_before + k_after, n_after) + 1)
                        else range(greatest(0, k_before + k_after - n_before), k_after + 1)
                    end,
                    lambda hits: exp(
                        lgamma(n_after + 1) - lgamma(hits + 1) - lgamma(n_after - hits + 1)
                        + lgamma(n_before + 1) - lgamma(k_before + k_after - hits + 1)
                        - lgamma(n_before - k_before - k_after + hits + 1)
                        - lgamma(n_before + n_after + 1) + lgamma(k_before + k_after + 1)
                        + lgamma(n_before + n_after - k_before - k_after + 1)
                    )
                ))
            )
        end as p,
        (n_into + 1) / (n_after + 2) as into_share,
        (n_out_of + 1) / (n_after + 2) as out_share,
        k_before / n_before as share_before,
        k_after / n_after as share_after
    from cell
),
bounded as (
    select
        *,
        -- Wilson (1927); 1.959964: the 97.5 % point of the normal distribution.
        (share_before + 1.959964 ** 2 / (2 * n_before)) / (1 + 1.959964 ** 2 / n_before) as middle_before,
        (share_after + 1.959964 ** 2 / (2 * n_after)) / (1 + 1.959964 ** 2 / n_after) as middle_after,
        1.959964 * sqrt(share_before * (1 - share_before) / n_before + 1.959964 ** 2 / (4 * n_before ** 2))
        / (1 + 1.959964 ** 2 / n_before) as half_before,
        1.959964 * sqrt(share_after * (1 - share_after) / n_after + 1.959964 ** 2 / (4 * n_after ** 2))
        / (1 + 1.959964 ** 2 / n_after) as half_after,
        1.959964 * sqrt((into_share + out_share - (into_share - out_share) ** 2) / (n_after + 2)) as half_paired,
        count(*) over (partition by run_id) as n_compared,
        row_number() over (partition by run_id order by p, family, policy_id, verdict) as place
    from tested
),
corrected as (
    select
        *,
        max(least(1.0, p * (n_compared - place + 1)))
            over (partition by run_id order by place rows unbounded preceding) as p_holm
    from bounded
)
select
    corrected.run_id,
    corrected.family,
    corrected.policy_id,
    corrected.verdict,
    corrected.policy,
    held.previous_run_id,
    case when corrected.is_paired then 'paired' else 'apart' end as method,
    corrected.n_before,
    corrected.n_after,
    corrected.share_before,
    corrected.share_after,
    case when corrected.is_paired then corrected.n_into end as n_into,
    case when corrected.is_paired then corrected.n_out_of end as n_out_of,
    case
        when corrected.is_paired then greatest(-1.0, into_share - out_share - half_paired)
        else share_after - share_before - sqrt(
            (share_after - middle_after + half_after) ** 2 + (middle_before + half_before - share_before) ** 2
        )
    end as ci_low,
    case
        when corrected.is_paired then least(1.0, into_share - out_share + half_paired)
        else share_after - share_before + sqrt(
            (middle_after + half_after - share_after) ** 2 + (share_before - middle_before + half_before) ** 2
        )
    end as ci_high,
    corrected.p,
    corrected.p_holm,
    case
        when corrected.p_holm <= 0.05 and share_after > share_before then 'rose'
        when corrected.p_holm <= 0.05 then 'fell'
        when corrected.is_paired and n_into + n_out_of = 0 then 'unchanged'
        else 'unclear'
    end as status,
    concat_ws(
        ', ',
        'policy',
        case when not corrected.is_paired then 'instances' end,
        case
            when graded.graders is distinct from graded_before.graders
                or graded.rubric_id is distinct from graded_before.rubric_id
                then 'grader'
        end,
        case when not coalesce(held.is_same_thresholds, false) then 'thresholds' end
    ) as may_be
from corrected
join held using (run_id)
left join stg_run_grader as graded on graded.run_id = corrected.run_id and graded.family = corrected.family
left join stg_run_grader as graded_before
    on graded_before.run_id = held.previous_run_id and graded_before.family = corrected.family;
