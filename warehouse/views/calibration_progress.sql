-- calibration_progress: how far is each calibration set with its ratings, and each of its raters?
-- grain: set_id, rater
-- reads: calibration_set, calibration_item, calibration_assignment, rating
--   set_id           calibration set
--   rater            who rates; 'all': everybody together
--   dimension        named quality that raters are asked about
--   n_assigned       items that the rater was asked to rate, for 'all' ratings wanted; null: nobody asked this rater
--   n_rated          items of the set that the rater gave a score, for 'all' such ratings, 0 and up
--   n_cannot_assess  items that the rater could not assess, for 'all' such ratings, 0 and up
--   n_left           items still to be rated by the rater, for 'all' ratings; null where n_assigned is null
--   last_rated_at    when the latest of these ratings was given; null where none was, or none says when
-- What a rater said of a rollout counts in every set that holds it, also where it was said before the set was drawn.
-- For 'all' a rating more than an item wants makes up for no other item's lack.
create or replace view calibration_progress as
with given as (
    select calibration_item.set_id, calibration_item.item_id, rating.rater, rating.score, rating.rated_at
    from calibration_item
    join rating using (rollout_id, dimension)
    where rating.rater <> 'all'
),
-- One row for each item and rater that was asked for a rating or gave one.
paired as (
    select
        set_id,
        rater,
        calibration_assignment.item_id is not null as is_assigned,
        given.item_id is not null as is_given,
        given.score,
        given.rated_at
    from calibration_assignment
    full join given using (set_id, item_id, rater)
),
per_rater as (
    select
        set_id,
        rater,
        nullif(count(*) filter (is_assigned), 0) as n_assigned,
        count(score) as n_rated,
        count(*) filter (is_given and score is null) as n_cannot_assess,
        count(*) filter (is_assigned and not is_given) as n_left,
        max(rated_at) as last_rated_at
    from paired
    group by set_id, rater
),
per_item as (
    select
        calibration_item.set_id,
        any_value(calibration_item.raters_wanted) as n_wanted,
        count(given.rater) as n_given,
        count(given.score) as n_rated,
        max(given.rated_at) as last_rated_at
    from calibration_item
    left join given using (set_id, item_id)
    group by calibration_item.set_id, calibration_item.item_id
),
together as (
    select
        set_id,
        'all' as rater,
        cast(sum(n_wanted) as bigint) as n_assigned,
        cast(sum(n_rated) as bigint) as n_rated,
        cast(sum(n_given - n_rated) as bigint) as n_cannot_assess,
        cast(sum(greatest(n_wanted - n_given, 0)) as bigint) as n_left,
        max(last_rated_at) as last_rated_at
    from per_item
    group by set_id
)
select
    set_id,
    rater,
    calibration_set.dimension,
    n_assigned,
    n_rated,
    n_cannot_assess,
    case when n_assigned is not null then n_left end as n_left,
    last_rated_at
from (from per_rater union all by name from together)
join calibration_set using (set_id);
