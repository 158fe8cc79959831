-- stg_judged_rating: what do a judge and people say of the same rollout?
-- grain: rollout_id, dimension, judge, grader_version
-- reads: stg_rated, score
--   rollout_id      rollout that a person rated and a judge was to be asked about
--   dimension       named quality
--   judge           model and conditions
--   grader_version  its rubric and protocol
--   instance_id     task; null where the rollout is not kept here
--   human           mean of the ratings, 0..1; null where no rater could assess it
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
joined as (
    select
        stg_rated.*,
        asked.judge,
        asked.grader_version,
        -- 9 decimals: the reward quantum; means of equal values must be equal.
        round(asked.verdict, 9) as verdict,
        bool_and(stg_rated.weight is not null)
            over (partition by stg_rated.dimension, asked.judge, asked.grader_version) as is_drawn
    from stg_rated
    join asked using (rollout_id, dimension)
)
select
    rollout_id,
    dimension,
    judge,
    grader_version,
    instance_id,
    human,
    n_ratings,
    verdict,
    set_id,
    stratum,
    n_stratum,
    case when is_drawn then 'design' else 'sample' end as weighting,
    case when is_drawn then weight else 1.0 end as weight
from joined;
