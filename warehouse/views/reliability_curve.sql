-- reliability_curve: where a judge says so much, what do people say?
-- grain: dimension, judge, grader_version, bin
-- reads: stg_judged_rating
--   dimension       named quality
--   judge           model and conditions
--   grader_version  its rubric and protocol
--   bin             number of the bin, 0..9; every bin has a row
--   bin_low         lower end of the judge's value, 0..0.9
--   bin_high        upper end, excluded but for the last bin, 0.1..1
--   judge_mean      mean of the judge's values in the bin, weighted, 0..1; null when n = 0
--   human_mean      mean of the ratings of the same rollouts, weighted, 0..1; null when n = 0
--   n               rollouts with a verdict and a rating, 0 and up
--   weight          rollouts of the frame that these stand for, or n without a calibration set, 0 and up
--   sd_difference   sample standard deviation of rating - verdict in the bin, 0..1.42; null when n < 2
create or replace view reliability_curve as
with placed as materialized (
    select
        dimension,
        judge,
        grader_version,
        verdict,
        human,
        weight,
        -- Ten bins of a tenth, as in difficulty_distribution; 1e-9 keeps 0.3 out of the bin below it.
        least(9, cast(floor(verdict * 10 + 1e-9) as integer)) as bin
    from stg_judged_rating
    where verdict is not null and human is not null
),
every_bin as (
    select distinct placed.dimension, placed.judge, placed.grader_version, bins.bin
    from placed
    cross join (select cast(unnest(range(10)) as integer) as bin) as bins
),
summed as (
    select
        dimension,
        judge,
        grader_version,
        bin,
        sum(weight * verdict) / sum(weight) as judge_mean,
        sum(weight * human) / sum(weight) as human_mean,
        count(*) as n,
        sum(weight) as weight,
        stddev_samp(human - verdict) as sd_difference
    from placed
    group by dimension, judge, grader_version, bin
)
select
    every_bin.dimension,
    every_bin.judge,
    every_bin.grader_version,
    every_bin.bin,
    every_bin.bin / 10 as bin_low,
    (every_bin.bin + 1) / 10 as bin_high,
    summed.judge_mean,
    summed.human_mean,
    coalesce(summed.n, 0) as n,
    coalesce(summed.weight, 0.0) as weight,
    summed.sd_difference
from every_bin
left join summed using (dimension, judge, grader_version, bin);
