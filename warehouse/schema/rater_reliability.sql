-- rater_reliability: how well do people who rate the same output agree, and do they agree as well on bad work as on good?
-- grain: dimension, quality_band
--   dimension              named quality
--   quality_band           low: below 0.4; mid: below 0.7; good: below 0.9; top; unknown; 'all' is every pair of ratings; of a pair it follows from others than these two: stg_rated_pair
--   weighting              design: rollouts weigh 1 / inclusion probability; sample: all the same, since some were not sampled; 'sample, tail-enriched': the same, and some were sampled more often than others
--   n_items                rollouts with a pair of ratings in the band, 0 and up; one with several raters can be in several bands
--   n_raters               raters with a rating in such a pair
--   n_ratings              ratings in such pairs
--   n_cannot_assess        times that a rater could not assess a rollout; the bands add up to 'all'
--   alpha_nominal          Krippendorff's alpha, levels the same or not, at most 1; this and what follows up to icc_reason but for ac1: null beside bands, and null with a reason
--   alpha_nominal_low      95 % interval; jackknife over rollouts, as all intervals here but that of icc
--   alpha_nominal_high     95 % interval
--   alpha_nominal_reason   why figure or interval is missing; null where neither is
--   alpha_ordinal          the same by ranks
--   alpha_ordinal_low      95 % interval
--   alpha_ordinal_high     95 % interval
--   alpha_ordinal_reason   why figure or interval is missing
--   alpha_interval         the same by differences
--   alpha_interval_low     95 % interval
--   alpha_interval_high    95 % interval
--   alpha_interval_reason  why figure or interval is missing
--   alpha_ratio            the same by differences relative to the size
--   alpha_ratio_low        95 % interval
--   alpha_ratio_high       95 % interval
--   alpha_ratio_reason     why figure or interval is missing
--   ac1                    Gwet's AC1 of the yes/no verdict "acceptable": a rating of 0.7 and up, -1..1; beside a band among its pairs, where it moves with the share that is acceptable, so that bands are not compared by it
--   ac1_low                95 % interval
--   ac1_high               95 % interval
--   ac1_reason             why figure or interval is missing
--   ac2                    Gwet's AC2 of the levels, quadratic weights, at most 1
--   ac2_low                95 % interval
--   ac2_high               95 % interval
--   ac2_reason             why figure or interval is missing
--   icc                    ICC(2,1), absolute agreement of one rater with any other, at most 1; rollouts weigh the same, whatever the weighting
--   icc_low                95 % interval, for other raters too
--   icc_high               95 % interval
--   icc_reason             why figure or interval is missing
--   within_item_sd         standard deviation of one rating around its rollout's mean, pooled, 0..0.71: what bands are compared by
--   within_item_sd_low     95 % interval
--   within_item_sd_high    95 % interval
--   within_item_sd_reason  why figure or interval is missing
--   mean_abs_difference    mean |difference| of two ratings of one rollout, 0..1; null without pairs
--   asymmetry              within-item sd of pairs that others place below 0.4, over that of pairs placed above 0.6; above 1: people disagree more on bad work; null beside bands, and null with a reason
--   asymmetry_low          95 % interval
--   asymmetry_high         95 % interval
--   asymmetry_p            of a ratio of 1, two-sided, 0..1
--   asymmetry_reason       why it is missing; null where it is not
-- Alpha, AC2 and ICC fall with the range of what is rated, so there are none by band. The two parts that asymmetry
-- compares are each other's mirror image, since the ends of a scale press ratings together by themselves.
create table if not exists rater_reliability (
    dimension varchar not null,
    quality_band varchar not null,
    weighting varchar not null,
    n_items bigint not null,
    n_raters bigint not null,
    n_ratings bigint not null,
    n_cannot_assess bigint not null,
    alpha_nominal double,
    alpha_nominal_low double,
    alpha_nominal_high double,
    alpha_nominal_reason varchar,
    alpha_ordinal double,
    alpha_ordinal_low double,
    alpha_ordinal_high double,
    alpha_ordinal_reason varchar,
    alpha_interval double,
    alpha_interval_low double,
    alpha_interval_high double,
    alpha_interval_reason varchar,
    alpha_ratio double,
    alpha_ratio_low double,
    alpha_ratio_high double,
    alpha_ratio_reason varchar,
    ac1 double,
    ac1_low double,
    ac1_high double,
    ac1_reason varchar,
    ac2 double,
    ac2_low double,
    ac2_high double,
    ac2_reason varchar,
    icc double,
    icc_low double,
    icc_high double,
    icc_reason varchar,
    within_item_sd double,
    within_item_sd_low double,
    within_item_sd_high double,
    within_item_sd_reason varchar,
    mean_abs_difference double,
    asymmetry double,
    asymmetry_low double,
    asymmetry_high double,
    asymmetry_p double,
    asymmetry_reason varchar,
    primary key (dimension, quality_band),
    check (weighting in ('design', 'sample', 'sample, tail-enriched')),
    check (quality_band = 'all' or coalesce(alpha_nominal, alpha_ordinal, alpha_interval, alpha_ratio) is null),
    check (quality_band = 'all' or coalesce(ac2, icc, asymmetry) is null)
);
