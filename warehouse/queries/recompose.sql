-- recompose: what would every rollout be worth under other weights and caps?
-- grain: rollout_id
-- reads: stg_attempt, stg_score, composite, new_rubric, new_weight, new_cap
--
-- The arithmetic of graders/composite.py, step by step; a test holds the two against each other on random rubrics.
-- Three small tables say what is asked for:
--   new_rubric  run_id, family, rubric_id, cap_mode ('scaled' or 'hard'), work_base, ready_at: one row a run and family
--   new_weight  rubric_id, dimension, weight: above 0; they need not sum to 1
--   new_cap     rubric_id, flag, ceiling: one row for every flag that occurs; 1 where it costs nothing
-- The columns are those of table composite. A rollout has no row where its run and family are not asked for, where it
-- has no composite, or where all graders of some dimension failed: no number is made up.
with asked as (
    select
        stg_attempt.rollout_id,
        new_rubric.rubric_id,
        new_rubric.cap_mode,
        new_rubric.work_base,
        new_rubric.ready_at,
        composite.work_low,
        composite.work_high,
        composite.flags
    from stg_attempt
    join new_rubric
        on new_rubric.run_id = stg_attempt.run_id and new_rubric.family is not distinct from stg_attempt.family
    join composite
        on composite.rollout_id = stg_attempt.rollout_id and composite.rubric_id = stg_attempt.rubric_id
    where stg_attempt.is_graded
),
-- Judges whose means differ in the last bit agree, as in graders/judge/narrowing.py: 1e-9 is its ROUNDING. What code
-- alone left open stays as it is.
known as (
    select
        stg_score.rollout_id,
        stg_score.dimension,
        stg_score.low,
        case
            when stg_score.high - stg_score.low < 1e-9
                and (stg_score.low, stg_score.high) is distinct from (stg_score.frame_low, stg_score.frame_high)
                then stg_score.low
            else stg_score.high
        end as high,
        stg_score.state
    from stg_score
    semi join asked using (rollout_id)
),
failed as (
    select distinct rollout_id from known where state = 'error'
),
-- A weighted dimension that nobody scored is not known: [0, 1].
weighed as (
    select
        asked.rollout_id,
        new_weight.weight,
        coalesce(known.low, 0.0) as low,
        coalesce(known.high, 1.0) as high
    from asked
    join new_weight using (rubric_id)
    left join known on known.rollout_id = asked.rollout_id and known.dimension = new_weight.dimension
    anti join failed on failed.rollout_id = asked.rollout_id
),
-- Summed with compensation, so that the order of the rows does not show.
summed as (
    select
        rollout_id,
        fsum(weight) as total,
        fsum(weight * low) as low,
        fsum(weight * high) as high,
        fsum(weight * ((low + high) / 2)) as mid,
        fsum(case when low = high then weight else 0.0 end) as assessed
    from weighed
    group by rollout_id
),
meant as (
    select
        rollout_id,
        least(1.0, greatest(0.0, low / total)) as low,
        least(1.0, greatest(0.0, low / total, high / total)) as high,
        mid / total as mean_of_mids,
        assessed / total as assessed_weight
    from summed
),
flagged as (
    select rollout_id, rubric_id, unnest(cast(flags as varchar[])) as flag
    from asked
    where flags <> '[]'
),
capped as (
    select flagged.rollout_id, product(new_cap.ceiling) as scaled_cap, min(new_cap.ceiling) as lid
    from flagged
    join new_cap using (rubric_id, flag)
    group by flagged.rollout_id
),
-- Without a flag nothing is taken away.
uncapped as (
    select
        asked.rollout_id,
        asked.rubric_id,
        asked.cap_mode = 'scaled' as is_scaled,
        asked.ready_at,
        asked.work_low,
        asked.work_high,
        asked.flags,
        meant.low * least(1.0, asked.work_base + (1 - asked.work_base) * asked.work_low) as low,
        meant.high * least(1.0, asked.work_base + (1 - asked.work_base) * asked.work_high) as high,
        meant.mean_of_mids,
        meant.assessed_weight,
        coalesce(capped.scaled_cap, 1.0) as scaled_cap,
        coalesce(capped.lid, 1.0) as lid
    from asked
    join meant using (rollout_id)
    left join capped using (rollout_id)
),
finished as (
    select
        *,
        case when is_scaled then low * scaled_cap else least(low, lid) end as reward,
        case when is_scaled then high * scaled_cap else least(high, lid) end as capped_high
    from uncapped
)
select
    rollout_id,
    rubric_id,
    low as uncapped_low,
    high as uncapped_high,
    reward as low,
    capped_high as high,
    (reward + capped_high) / 2 as mid,
    least(mean_of_mids, lid) as additive_mid,
    work_low,
    work_high,
    case when is_scaled then scaled_cap else lid end as cap,
    flags,
    assessed_weight,
    -- 1e-9: weights such as 0.35 + 0.25 + 0.2 do not add up exactly in binary.
    assessed_weight >= ready_at - 1e-9 as ready,
    reward
from finished;
