-- judge_calibration: does a judge say what people say, and may it be trusted with a reward?
-- grain: dimension, judge
-- reads: stg_judged_rating, reliability_curve, score
--   dimension           named quality
--   judge               model and conditions
--   n                   rollouts with a verdict and a rating, 0 and up; all figures below are over these, each counted once
--   n_instances         tasks that these belong to; where it is far below n the intervals are too narrow
--   n_judge_unassessed  further rollouts that people rated and on which no verdict of the judge counts
--   n_human_unassessed  further rollouts that no rater could assess
--   n_versions          versions of this judge (rubric, protocol) among its scores of these; more than 1 must not be pooled
--   bias                mean of judge - human, -1..1; null when n = 0
--   mae                 mean |judge - human|, 0..1; null when n = 0
--   spearman            rank correlation, ties at their mean rank, -1..1; null where either does not vary
--   weighted_kappa      quadratic weights, both rounded to 0, 0.25, 0.5, 0.75, 1 (halves up), at most 1; null where all are one level
--   agreement           share within 0.125, half a level of five, 0..1; null when n = 0
--   agreement_low       lower end of its 95 % Wilson interval
--   agreement_high      upper end
--   ece                 expected calibration error over the bins of reliability_curve, 0..1; null when n = 0
--   null_ece            what ece would be about of a judge without any error but this scatter; null where no bin has two
--   status              calibrated, uncalibrated or excluded
--   reason              one sentence: why that status
-- Quadratic kappa in closed form: 1 - mean (j - h)^2 / (var j + var h + (mean j - mean h)^2), population variances;
-- J. Cohen (1968), Weighted kappa, Psychological Bulletin 70.
-- ece = sum of n_b / n * |judge - human| over bins. Were judge and people to agree but for a scatter of standard deviation s,
-- a bin of n_b would still be off by s * sqrt(2 / (pi * n_b)) on average: null_ece adds these up. s is pooled within bins.
create or replace view judge_calibration as
with compared as materialized (
    select *, verdict is not null and human is not null as is_both
    from stg_judged_rating
),
ranked as (
    select
        *,
        -- The mean rank among equals.
        rank() over (partition by dimension, judge, is_both order by verdict)
        + (count(*) over (partition by dimension, judge, is_both, verdict) - 1) / 2 as judge_rank,
        rank() over (partition by dimension, judge, is_both order by human)
        + (count(*) over (partition by dimension, judge, is_both, human) - 1) / 2 as human_rank,
        round(verdict * 4) / 4 as judge_level,
        round(human * 4) / 4 as human_level
    from compared
),
summed as (
    select
        dimension,
        judge,
        count(*) filter (is_both) as n,
        count(distinct instance_id) filter (is_both) as n_instances,
        count(*) filter (human is not null and verdict is null) as n_judge_unassessed,
        count(*) filter (human is null) as n_human_unassessed,
        avg(verdict - human) filter (is_both) as bias,
        avg(abs(verdict - human)) filter (is_both) as mae,
        -- Half a level of a five-level scale: no level lies nearer to what people say on average.
        count(*) filter (is_both and abs(verdict - human) <= 0.125 + 1e-9) as n_agreed,
        corr(judge_rank, human_rank) filter (is_both) as spearman,
        avg((judge_level - human_level) ** 2) filter (is_both) as level_error,
        var_pop(judge_level) filter (is_both) + var_pop(human_level) filter (is_both)
        + (avg(judge_level) filter (is_both) - avg(human_level) filter (is_both)) ** 2 as level_chance
    from ranked
    group by dimension, judge
),
versions as (
    select compared.dimension, compared.judge, count(distinct score.grader_version) as n_versions
    from compared
    join score
        on score.rollout_id = compared.rollout_id
        and score.dimension = compared.dimension
        and score.grader_id = compared.judge
    where compared.is_both and score.source = 'judge'
    group by compared.dimension, compared.judge
),
binned as (
    select
        dimension,
        judge,
        sum(n * abs(judge_mean - human_mean)) / sum(n) as ece,
        sqrt(sum((n - 1) * sd_difference ** 2) / nullif(sum(n - 1) filter (n >= 2), 0)) as scatter,
        sum(sqrt(n)) / sum(n) * sqrt(2 / pi()) as null_ece_per_scatter
    from reliability_curve
    group by dimension, judge
),
agreed as (
    select *, n_agreed / nullif(n, 0) as agreement from summed
),
-- Wilson score interval, z = 1.96 (E. B. Wilson 1927, JASA 22).
bounded as (
    select
        *,
        (agreement + 1.959963984540054 ** 2 / (2 * n)) / (1 + 1.959963984540054 ** 2 / n) as middle,
        1.959963984540054 * sqrt(agreement * (1 - agreement) / n + 1.959963984540054 ** 2 / (4 * n ** 2))
        / (1 + 1.959963984540054 ** 2 / n) as half_width
    from agreed
),
decided as (
    select
        *,
        -- By cases, as greatest and least pass over a null.
        case when middle is not null then greatest(0.0, middle - half_width) end as agreement_low,
        case when middle is not null then least(1.0, middle + half_width) end as agreement_high,
        -- The gate of the reference harness: 0.80 and 0.70 of agreement, but on the interval and from 30 rollouts on
        -- (a judgement: at 30, 29 that agree are just enough). They hold for all runs, so no run overrules them.
        case
            when n < 30 or coalesce(versions.n_versions, 1) > 1 then 'uncalibrated'
            when middle - half_width >= 0.80 then 'calibrated'
            when middle + half_width < 0.70 then 'excluded'
            else 'uncalibrated'
        end as status
    from bounded
    left join versions using (dimension, judge)
)
select
    decided.dimension,
    decided.judge,
    decided.n,
    decided.n_instances,
    decided.n_judge_unassessed,
    decided.n_human_unassessed,
    coalesce(decided.n_versions, 0) as n_versions,
    decided.bias,
    decided.mae,
    case when not isnan(decided.spearman) then decided.spearman end as spearman,
    1 - decided.level_error / nullif(decided.level_chance, 0) as weighted_kappa,
    decided.agreement,
    decided.agreement_low,
    decided.agreement_high,
    binned.ece,
    binned.scatter * binned.null_ece_per_scatter as null_ece,
    decided.status,
    case
        when decided.n < 30 then format(
            '{} rollouts have a verdict and a rating; 30 are needed to decide anything.', decided.n
        )
        when decided.n_versions > 1 then format(
            'The verdicts come from {} versions of the judge; judge the rated rollouts with one.', decided.n_versions
        )
        when decided.status = 'calibrated' then format(
            'Agreement {:.2f}, at least {:.2f} with 95 % confidence; 0.80 are needed.', decided.agreement, decided.agreement_low
        )
        when decided.status = 'excluded' then format(
            'Agreement {:.2f}, at most {:.2f} with 95 % confidence; below 0.70 a judge is of no use.',
            decided.agreement, decided.agreement_high
        )
        else format(
            'Agreement {:.2f} ({:.2f} to {:.2f}): not surely 0.80, not surely below 0.70; sharpen the rubric or rate more.',
            decided.agreement, decided.agreement_low, decided.agreement_high
        )
    end as reason
from decided
left join binned using (dimension, judge);
