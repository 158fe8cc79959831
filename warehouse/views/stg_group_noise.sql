-- stg_group_noise: how much of a group's reward variance is the judge repeating itself differently?
-- grain: run_id, instance_id, policy_id
-- reads: stg_attempt, score, composite, rubric, rubric_dimension
--   run_id          run
--   instance_id     task
--   policy_id       who, in which regime
--   noise_variance  variance of one rollout's reward from asking the judges anew, mean over the graded rollouts
--   n_repeated      rollout x dimension x judge that counts with at least two verdicts, 1 and up
create or replace view stg_group_noise as
with share_of_weight as (
    select rubric_id, dimension, weight / sum(weight) over (partition by rubric_id) as share from rubric_dimension
),
judged as materialized (
    -- One that was not trusted moves no reward, however much it wavers.
    select rollout_id, dimension, grader_id, low, state
    from score
    where source = 'judge' and coalesce(is_trusted, true)
),
-- The frame of stg_score, worked out only for the few dimensions that a judge was asked about.
coded as (
    select rollout_id, dimension, avg(low) as low, avg(high) as high
    from score
    semi join judged using (rollout_id, dimension)
    where source = 'deterministic'
    group by rollout_id, dimension, grader_id
),
framed as (
    select rollout_id, dimension, max(low) as frame_low, greatest(max(low), min(high)) as frame_high
    from coded
    group by rollout_id, dimension
),
placed as (
    select
        judged.*,
        -- Where no code looked, nothing is settled.
        coalesce(framed.frame_low, 0.0) as frame_low,
        coalesce(framed.frame_high, 1.0) as frame_high
    from judged
    left join framed using (rollout_id, dimension)
),
asked as (
    select
        rollout_id,
        dimension,
        grader_id,
        frame_high - frame_low as frame_width,
        count(*) filter (state = 'assessed') as n_verdicts,
        -- What a verdict says beyond the frame of code moves nothing.
        var_samp(least(greatest(low, frame_low), frame_high)) filter (state = 'assessed') as variance
    from placed
    group by rollout_id, dimension, grader_id, frame_width
),
measured as (
    select
        rollout_id,
        dimension,
        -- Several judges: the mean of their variances, for an end of their hull is the mean of one of them.
        -- Null where none was repeated; but what code has settled, no judge can move.
        case when frame_width <= 0 then 0.0 else avg(variance / n_verdicts) end as variance_of_mean,
        count(*) filter (n_verdicts >= 2) as n_repeated
    from asked
    group by rollout_id, dimension, frame_width
),
factored as (
    select
        stg_attempt.run_id,
        stg_attempt.instance_id,
        stg_attempt.policy_id,
        stg_attempt.rollout_id,
        stg_attempt.rubric_id,
        stg_attempt.reward,
        composite.cap,
        coalesce(json_extract_string(rubric.content, '$.cap_mode'), 'scaled') as cap_mode,
        composite.work_low,
        -- An imported rubric has no work factor: its composite is the weighted mean itself.
        coalesce(cast(json_extract_string(rubric.content, '$.work_base') as double), 1.0) as work_base
    from stg_attempt
    join composite using (rollout_id, rubric_id)
    left join rubric on rubric.rubric_id = stg_attempt.rubric_id
    where stg_attempt.is_graded
),
-- By how much the reward moves when the weighted mean does.
graded as (
    select
        *,
        least(1.0, work_base + (1 - work_base) * work_low) * case
            when cap_mode = 'scaled' then cap
            -- A hard cap is a lid: below it, the reward moves freely; at it, not at all.
            when cap < 1 and reward >= cap - 1e-9 then 0.0
            else 1.0
        end as slope
    from factored
),
sized as (
    select run_id, instance_id, policy_id, count(*) as n_graded
    from graded
    group by run_id, instance_id, policy_id
),
per_dimension as (
    select
        graded.run_id,
        graded.instance_id,
        graded.policy_id,
        share_of_weight.dimension,
        coalesce(sum(measured.variance_of_mean * (share_of_weight.share * graded.slope) ** 2), 0) as sum_of_variances,
        count(*) filter (measured.variance_of_mean is null and graded.slope > 0) as n_unknown,
        sum(measured.n_repeated) as n_repeated
    from measured
    join graded using (rollout_id)
    join share_of_weight
        on share_of_weight.rubric_id = graded.rubric_id and share_of_weight.dimension = measured.dimension
    group by graded.run_id, graded.instance_id, graded.policy_id, share_of_weight.dimension
)
select
    per_dimension.run_id,
    per_dimension.instance_id,
    per_dimension.policy_id,
    -- A rollout without a row of a judge is settled by code and counts as 0; one that a judge was asked about only
    -- once is not known and left out; a dimension that was asked about only once everywhere adds nothing.
    sum(per_dimension.sum_of_variances / nullif(sized.n_graded - per_dimension.n_unknown, 0)) as noise_variance,
    cast(sum(per_dimension.n_repeated) as bigint) as n_repeated
from per_dimension
join sized using (run_id, instance_id, policy_id)
group by per_dimension.run_id, per_dimension.instance_id, per_dimension.policy_id
having sum(per_dimension.n_repeated) > 0;
