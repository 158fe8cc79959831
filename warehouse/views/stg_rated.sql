-- stg_rated: what do people say of a rollout, and for how many does it stand?
-- grain: rollout_id, dimension
-- reads: stg_rating, calibration_item, calibration_set, calibration_stratum
--   rollout_id   rollout that a person rated
--   dimension    named quality
--   instance_id  task; null where the rollout is not kept here
--   human        mean of the ratings, 0..1; null where no rater could assess it
--   n_ratings    ratings in it, 0 and up
--   set_id       latest calibration set that drew it; null where none did
--   stratum      stratum it was drawn from
--   n_stratum    rollouts of the frame in that stratum
--   n_rated      those of them that were rated
--   n_items      items of the set, of all strata, that no later set drew
--   n_set_rated  those of them that were rated
--   weight       n_stratum / n_rated, times n_set_rated / n_items; null where no set drew it
-- Once all that was drawn is rated the weight is 1 / inclusion probability. Before, those that were rated stand for the
-- rest of their stratum, too: the order in which raters get items is random. Beside other sets a set counts as far as it
-- is rated, else the first rating of a new one would stand for a whole stratum and outweigh all earlier ones.
create or replace view stg_rated as
with rated as (
    select
        rollout_id,
        dimension,
        any_value(instance_id) as instance_id,
        -- 9 decimals: the reward quantum; means of equal values must be equal.
        round(avg(score), 9) as human,
        count(score) as n_ratings
    from stg_rating
    group by rollout_id, dimension
),
drawn as (
    select
        calibration_item.rollout_id,
        calibration_item.dimension,
        arg_max(
            {'set_id': calibration_item.set_id, 'stratum': calibration_item.stratum},
            (calibration_set.created_at, calibration_set.set_id)
        ) as latest
    from calibration_item
    join calibration_set using (set_id)
    group by calibration_item.rollout_id, calibration_item.dimension
),
placed as (
    select
        rated.*,
        drawn.latest.set_id,
        drawn.latest.stratum
    from rated
    left join drawn using (rollout_id, dimension)
),
counted as (
    select set_id, dimension, stratum, count(*) as n_rated, sum(n_rated) over (partition by set_id) as n_set_rated
    from placed
    where set_id is not null
    group by set_id, dimension, stratum
),
sized as (
    select latest.set_id as set_id, count(*) as n_items
    from drawn
    group by latest.set_id
)
select
    placed.rollout_id,
    placed.dimension,
    placed.instance_id,
    placed.human,
    placed.n_ratings,
    placed.set_id,
    placed.stratum,
    calibration_stratum.n_frame as n_stratum,
    counted.n_rated,
    sized.n_items,
    counted.n_set_rated,
    calibration_stratum.n_frame / counted.n_rated * (counted.n_set_rated / sized.n_items) as weight
from placed
left join counted using (set_id, dimension, stratum)
left join sized using (set_id)
left join calibration_stratum using (set_id, stratum);
