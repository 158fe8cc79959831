-- stg_group_noise: how much of a group's reward variance is the judge repeating itself differently?
-- grain: run_id, instance_id, policy_id
-- reads: stg_attempt, stg_score, score, composite, rubric, rubric_dimension
--   run_id          run
--   instance_id     task
--   policy_id       who, in which regime
--   noise_variance  variance of one rollout's reward from asking the judges anew, mean over the graded rollouts
--   n_repeated      rollout x dimension x judge with at least two verdicts, 1 and up
create or replace view stg_group_noise as
with share_of_weight as (
    select rubric_id, dimension, weight / sum(weight) over (partition by rubric_id) as share from rubric_dimension
),
asked as (
    select
        score.rollout_id,
        score.dimension,
        score.grader_id,
        stg_score.frame_high - stg_score.frame_low as frame_width,
        count(*) filter (score.state = 'assessed') as n_verdicts,
        -- What a verdict says beyond the frame of code moves nothing.
        var_samp(least(greatest(score.low, stg_score.frame_low), stg_score.frame_high))
            filter (score.state = 'assessed') as variance
    from score
    join stg_score using (rollout_id, dimension)
    where score.source = 'judge'
    group by score.rollout_id, score.dimension, score.grader_id, frame_width
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
