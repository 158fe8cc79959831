-- stg_judged_rating: what do a judge and people say of the same rollout?
-- grain: rollout_id, dimension, judge, grader_version
-- reads: stg_rated, score, rating
--   rollout_id      rollout that a person rated and a judge was to be asked about
--   dimension       named quality
--   judge           model and conditions
--   grader_version  its rubric and protocol
--   instance_id     task; null where the rollout is not kept here
--   human           mean of the ratings, 0..1; null where no rater could assess it, or is_same_rubric is false
--   is_same_rubric  false where somebody rated by another rubric than the judge's: these are no answers to one question
--   n_ratings       ratings in it, 0 and up
--   verdict         mean of the judge's verdicts that count over its repeats, before code's frame, 0..1; null where it gave none
--   set_id          latest calibration set that drew it; null where none did
--   stratum         stratum it was drawn from
--   n_stratum       rollouts of the frame in that stratum
--   weighting       design: every rollout of this judge and version was drawn for a calibration set; else sample
--   weight          design: rollouts of the frame it stands for; sample: 1
create or replace view stg_judged_rating as
with asked as (
    select rollout_id, dimension, grader_id as judge, grader_version, avg(low) filter (state = 'assessed') as verdict
    from score
    where source = 'judge'
    group by rollout_id, dimension, grader_id, grader_version
),
-- What raters read, where that is known. A version of our judges begins with the hash of their rubric.
asked_people as (
    select rollout_id, dimension, list(distinct rubric_hash) as rubrics
    from rating
    where rubric_hash is not null
    group by rollout_id, dimension
),
joined as (
    select
        stg_rated.*,
        asked_people.rubrics is null
            or not regexp_matches(asked.grader_version, '^[0-9a-f]{12}-')
            or asked_people.rubrics = [left(asked.grader_version, 12)] as is_same_rubric,
        asked.judge,
        asked.grader_version,
        -- 9 decimals: the reward quantum; means of equal values must be equal.
        round(asked.verdict, 9) as verdict,
        bool_and(stg_rated.weight is not null)
            over (partition by stg_rated.dimension, asked.judge, asked.grader_version) as is_drawn
    from stg_rated
    join asked using (rollout_id, dimension)
    left join asked_people using (rollout_id, dimension)
)
select
    rollout_id,
    dimension,
    judge,
    grader_version,
    instance_id,
    case when is_same_rubric then human end as human,
    is_same_rubric,
    n_ratings,
    verdict,
    set_id,
    stratum,
    n_stratum,
    case when is_drawn then 'design' else 'sample' end as weighting,
    case when is_drawn then weight else 1.0 end as weight
from joined;
