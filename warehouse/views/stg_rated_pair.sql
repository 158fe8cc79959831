-- stg_rated_pair: by how much do two people differ on one rollout, and how good do others say that it is?
-- grain: rollout_id, dimension, rater, other
-- reads: stg_rating, stg_rated, calibration_stratum, stg_score
--   rollout_id    rollout
--   dimension     named quality
--   rater         who rated, or could not
--   other         another one who rated, later by name; null: the row says that `rater` could not assess the rollout
--   score         what rater said, 0..1; null: could not assess
--   other_score   what other said, 0..1; null with `other`
--   weight        2 / number of ratings of the rollout; null with `other`
--   placed_low    lower end of how good it is by others, 0..1; null where nobody says
--   placed_high   upper end
--   quality_band  low: below 0.4; mid: below 0.7; good: below 0.9; top; unknown
-- A band that followed from the ratings compared would build agreement in at both ends: two who say 0 or 1 agree.
-- So a pair is placed by the mean of the OTHER raters of the rollout; where there is nobody else, by the band that it was
-- drawn from, which is what judge and code said before anybody rated; else by what the graders prove (both ends of the
-- interval in one band), else it is 'unknown'. Who could not assess it is placed likewise.
create or replace view stg_rated_pair as
with given as materialized (
    select
        *,
        count(score) over item as n_scores,
        sum(score) over item as total
    from stg_rating
    window item as (partition by rollout_id, dimension)
),
said as (
    select
        one.rollout_id,
        one.dimension,
        one.rater,
        other.rater as other,
        one.score,
        other.score as other_score,
        2 / one.n_scores as weight,
        (one.total - one.score - other.score) / nullif(one.n_scores - 2, 0) as others_mean
    from given as one
    join given as other
        on other.rollout_id = one.rollout_id and other.dimension = one.dimension and other.rater > one.rater
    where one.score is not null and other.score is not null
    union all
    select rollout_id, dimension, rater, null, null, null, null, total / nullif(n_scores, 0)
    from given
    where score is null
),
bands as (
    from (
        values ('low', 0.0, 0.399999999), ('mid', 0.4, 0.699999999), ('good', 0.7, 0.899999999), ('top', 0.9, 1.0)
    ) as ends (quality_band, low, high)
),
drawn as materialized (
    select stg_rated.rollout_id, stg_rated.dimension, bands.low, bands.high
    from stg_rated
    join calibration_stratum using (set_id, stratum)
    join bands using (quality_band)
),
placed as (
    select
        said.* exclude (others_mean),
        -- 9 decimals: the reward quantum; a mean of 0.7 must not fall below it by a rounding error.
        round(coalesce(said.others_mean, drawn.low, stg_score.low), 9) as placed_low,
        round(coalesce(said.others_mean, drawn.high, stg_score.high), 9) as placed_high
    from said
    left join drawn using (rollout_id, dimension)
    left join stg_score using (rollout_id, dimension)
)
select
    *,
    case
        -- The bands of the design of the calibration set.
        when placed_high < 0.4 then 'low'
        when placed_low >= 0.4 and placed_high < 0.7 then 'mid'
        when placed_low >= 0.7 and placed_high < 0.9 then 'good'
        when placed_low >= 0.9 then 'top'
        else 'unknown'
    end as quality_band
from placed;
