-- stg_judged_rating: what do a judge and people say of the same rollout?
-- grain: rollout_id, dimension, judge
-- reads: stg_rating, score
--   rollout_id   rollout that a person rated and a judge was to be asked about
--   dimension    named quality
--   judge        model and conditions
--   instance_id  task; null where the rollout is not kept here
--   human        mean of the ratings, 0..1; null where no rater could assess it
--   verdict      mean of the judge's verdicts that count over its repeats, before code's frame, 0..1; null where it gave none
create or replace view stg_judged_rating as
with rated as (
    select rollout_id, dimension, any_value(instance_id) as instance_id, avg(score) as human
    from stg_rating
    group by rollout_id, dimension
),
asked as (
    select rollout_id, dimension, grader_id as judge, avg(low) filter (state = 'assessed') as verdict
    from score
    where source = 'judge'
    group by rollout_id, dimension, grader_id
)
select
    rated.rollout_id,
    rated.dimension,
    asked.judge,
    rated.instance_id,
    -- 9 decimals: the reward quantum; means of equal values must be equal.
    round(rated.human, 9) as human,
    round(asked.verdict, 9) as verdict
from rated
join asked using (rollout_id, dimension);
