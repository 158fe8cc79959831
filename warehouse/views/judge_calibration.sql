-- judge_calibration: does a judge say what people say, and may it be trusted with a reward?
-- grain: dimension, judge, grader_version
-- reads: stg_judge_input, judge_agreement
--   dimension           named quality
--   judge               model and conditions
--   grader_version      its rubric and protocol; versions are never pooled
--   n                   rollouts with a verdict and a rating, 0 and up; all figures below are over these
--   n_outputs           different outputs among them: copies that a regraded run holds of them count once
--   n_effective         as many rollouts of equal weight would say as much; null when n = 0
--   n_instances         tasks that these belong to
--   n_judge_unassessed  further rollouts that people rated and on which no verdict of the judge counts
--   n_human_unassessed  further rollouts that no rater could assess
--   n_other_rubric      further rollouts that people rated by another rubric than the judge's; they decide nothing
--   n_versions          versions of this judge that were rated on this dimension, 1 and up
--   weighting           design: figures are of the frame of a calibration set; sample: of what happened to be rated
--   set_id              that calibration set; null where none or several weigh
--   share_covered       of the frame, strata with a rating, 0..1; null without weights
--   bias                mean of judge - human, -1..1; null when n = 0
--   bias_low            95 % interval
--   bias_high           95 % interval
--   mae                 mean |judge - human|, 0..1; null when n = 0
--   mae_human           mean |rating - mean of the other raters|, 0..1; null where no rollout has two ratings
--   spearman            rank correlation, ties at their mean rank, -1..1; null where either does not vary
--   kendall             tau-b, -1..1; null where either does not vary
--   weighted_kappa      quadratic weights, both rounded to 0, 0.25, 0.5, 0.75, 1 (halves up), at most 1; null where all are one level
--   agreement           share within 0.125, half a level of five, 0..1; null when n = 0
--   agreement_low       lower end of its 95 % interval
--   agreement_high      upper end
--   ece                 expected calibration error, 0..1; null when n = 0
--   null_ece            what ece would be about of a judge without any error but this scatter; null where not known
--   status              calibrated, uncalibrated or excluded
--   n_to_decide         further rollouts to rate that would decide it if they agree as these do; null where decided or never
--   reason              a few sentences: why that status, what would decide it
--   is_current          false where verdicts, ratings or weights have changed since: then no figure is given
create or replace view judge_calibration as
with told as (
    select *
    from judge_agreement
    where quality_band = 'all'
),
joined as (
    select
        stg_judge_input.dimension,
        stg_judge_input.judge,
        stg_judge_input.grader_version,
        stg_judge_input.n,
        stg_judge_input.n_outputs,
        stg_judge_input.n_instances,
        stg_judge_input.n_judge_unassessed,
        stg_judge_input.n_human_unassessed,
        stg_judge_input.n_other_rubric,
        count(*) over (partition by stg_judge_input.dimension, stg_judge_input.judge) as n_versions,
        told.* exclude (dimension, judge, grader_version, n, n_instances, n_judge_unassessed, n_human_unassessed),
        told.dimension is not null as is_current
    from stg_judge_input
    left join told
        on told.dimension = stg_judge_input.dimension
        and told.judge = stg_judge_input.judge
        and told.grader_version = stg_judge_input.grader_version
        and told.inputs = stg_judge_input.inputs
),
decided as (
    select
        *,
        -- The gate of the reference harness: 0.80 and 0.70 of agreement, but on the interval and from 30 rollouts on
        -- (a judgement: at 30, 29 that agree are just enough). They hold for all runs, so no run overrules them.
        case
            when not is_current or n_outputs < 30 then 'uncalibrated'
            -- An interval says nothing of strata that nobody has rated (a tenth: judgement).
            when share_covered < 0.9 then 'uncalibrated'
            when agreement_low >= 0.80 then 'calibrated'
            when agreement_high < 0.70 then 'excluded'
            else 'uncalibrated'
        end as status
    from joined
)
select
    dimension,
    judge,
    grader_version,
    n,
    n_outputs,
    n_effective,
    n_instances,
    n_judge_unassessed,
    n_human_unassessed,
    n_other_rubric,
    n_versions,
    weighting,
    set_id,
    share_covered,
    bias,
    bias_low,
    bias_high,
    mae,
    mae_human,
    spearman,
    kendall,
    weighted_kappa,
    agreement,
    agreement_low,
    agreement_high,
    ece,
    null_ece,
    status,
    case
        when status = 'uncalibrated' then greatest(n_to_decide, case when n_outputs < 30 then 30 - n_outputs end)
    end as n_to_decide,
    case
        when not is_current
            then 'Verdicts or ratings came in after the figures; `assay calibrate report` works them out again.'
        when n < 30 then format('{} rollouts have a verdict and a rating; 30 are needed to decide anything.', n)
        when n_outputs < 30
            then format('{} rollouts are {} different outputs; 30 are needed to decide anything.', n, n_outputs)
        when share_covered < 0.9 then format(
            'Agreement {:.2f} where people rated, but strata with {:.0f} % of the frame have no rating: rate some of each.',
            agreement, 100 * (1 - share_covered)
        )
        when status = 'calibrated' then format(
            'Agreement {:.2f}, at least {:.2f} with 95 % confidence; 0.80 are needed.', agreement, agreement_low
        )
        when status = 'excluded' then format(
            'Agreement {:.2f}, at most {:.2f} with 95 % confidence; below 0.70 a judge is of no use.',
            agreement, agreement_high
        )
        when agreement_low is null then format(
            'Agreement {:.2f}, without an interval: {}.', agreement, json_extract_string(reason, '$.agreement_low')
        )
        when n_to_decide is null then format(
            'Agreement {:.2f} ({:.2f} to {:.2f}): at this agreement no number of ratings decides it; sharpen the rubric.',
            agreement, agreement_low, agreement_high
        )
        else format(
            'Agreement {:.2f} ({:.2f} to {:.2f}): not surely 0.80, not surely below 0.70; {} more would decide it.',
            agreement, agreement_low, agreement_high, n_to_decide
        )
    end
    -- Whoever leaves out what is hard agrees on the rest.
    || case
        when is_current and n_judge_unassessed > 0 and n > 0
            then format(' It gave no verdict on {} of {} rated rollouts.', n_judge_unassessed, n + n_judge_unassessed)
        else ''
    end
    || case
        when is_current and n_other_rubric > 0
            then format(' {} more were rated by another rubric than its own.', n_other_rubric)
        else ''
    end as reason,
    is_current
from decided;
