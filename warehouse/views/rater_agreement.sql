-- rater_agreement: do people who rate the same output agree, and do they agree as well on good work as on bad?
-- grain: dimension, quality_band
-- reads: stg_rating, stg_rated_pair
--   dimension            named quality
--   quality_band         low: below 0.4; mid: below 0.7; good: below 0.9; top; unknown; 'all' is every pair, whatever its band
--   n_items              rollouts with a pair of ratings in the band, 0 and up; one with several raters can be in several bands
--   n_raters             raters with a rating in such a pair
--   n_pairs              pairs of ratings of one rollout
--   n_cannot_assess      times that a rater could not assess a rollout, 0 and up; the bands add up to 'all'
--   krippendorff_alpha   interval metric, at most 1; only for 'all'; null where it is not defined
--   within_item_sd       standard deviation of one rating around its rollout's mean, pooled, 0..0.71; null without pairs
--   mean_abs_difference  mean |difference| of two ratings of one rollout, 0..1; null without pairs
--   reason               why alpha is null; null where it is not
-- The band of a pair follows from others than these two: stg_rated_pair.
-- alpha = 1 - (sum over rollouts of n_u * var_u) / n / var, with the sample variances of a rollout's n_u ratings and of
-- all n together: the closed form of K. Krippendorff (2011), Computing Krippendorff's alpha-reliability, section C,
-- for the interval metric. Alpha falls with the range of what is rated, so it is not given by band.
-- A pair weighs 2 / n_u, so that a rollout counts by its degrees of freedom, n_u - 1, in the two means.
create or replace view rater_agreement as
with banded as (
    select
        rollout_id,
        dimension,
        if(other is null, [], [rater, other]) as raters,
        abs(score - other_score) as difference,
        weight,
        if(other is null, 1, 0) as n_cannot_assess,
        unnest(['all', quality_band]) as quality_band
    from stg_rated_pair
),
given as (
    select *, count(score) over (partition by rollout_id, dimension) as n_scores
    from stg_rating
),
summed as (
    select
        dimension,
        quality_band,
        count(distinct rollout_id) filter (weight is not null) as n_items,
        len(list_distinct(flatten(list(distinct raters)))) as n_raters,
        count(weight) as n_pairs,
        cast(sum(n_cannot_assess) as bigint) as n_cannot_assess,
        sqrt(sum(weight * difference ** 2 / 2) / sum(weight)) as within_item_sd,
        sum(weight * difference) / sum(weight) as mean_abs_difference
    from banded
    group by dimension, quality_band
),
-- Every dimension that was rated, also where nobody rated what another did.
rated as (
    select dimension, 'all' as quality_band from given
    union
    select dimension, quality_band from summed
),
per_item as (
    select dimension, rollout_id, count(*) as n, var_samp(score) as variance
    from given
    where score is not null and n_scores >= 2
    group by dimension, rollout_id
),
within as (
    select dimension, sum(n * variance) / sum(n) as variance from per_item group by dimension
),
overall as (
    select dimension, var_samp(score) as variance, max(score) - min(score) as extent
    from given
    where score is not null and n_scores >= 2
    group by dimension
),
alpha as (
    select
        within.dimension,
        -- 1e-9: the reward quantum; a variance that is a rounding error is none.
        case when overall.extent > 1e-9 then 1 - within.variance / overall.variance end as krippendorff_alpha
    from within
    join overall using (dimension)
)
select
    rated.dimension,
    rated.quality_band,
    coalesce(summed.n_items, 0) as n_items,
    coalesce(summed.n_raters, 0) as n_raters,
    coalesce(summed.n_pairs, 0) as n_pairs,
    coalesce(summed.n_cannot_assess, 0) as n_cannot_assess,
    alpha.krippendorff_alpha,
    summed.within_item_sd,
    summed.mean_abs_difference,
    case
        when rated.quality_band <> 'all'
            then 'alpha falls with the range of what is rated, so bands are compared by within_item_sd'
        when coalesce(summed.n_pairs, 0) = 0 then 'no rollout has two ratings'
        when alpha.krippendorff_alpha is null then 'all ratings are equal: agreement cannot be told from indifference'
    end as reason
from rated
left join summed using (dimension, quality_band)
left join alpha on alpha.dimension = rated.dimension and rated.quality_band = 'all';
