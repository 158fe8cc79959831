-- judge_agreement: what does a judge say beside what people say of the same rollouts, and how sure is that?
-- grain: dimension, judge, grader_version, quality_band
--   dimension            named quality
--   judge                model and conditions
--   grader_version       its rubric and protocol; versions are never pooled
--   quality_band         'all', or by the judge's own verdict low: below 0.4; mid: below 0.7; good: below 0.9; top
--   weighting            design: each rollout counts for those of the frame it was drawn for; sample: each for itself alone
--   set_id               the calibration set that weighs them; null where none or several do
--   share_covered        of the frame, strata with a rating, 0..1; null without weights
--   n                    rollouts with a verdict and a rating, 0 and up; all figures below are over these
--   n_effective          as many rollouts of equal weight would say as much, 0 and up; null when n = 0
--   n_instances          tasks that these belong to
--   n_judge_unassessed   further rollouts that people rated and on which no verdict of the judge counts; null in a band
--   n_human_unassessed   further rollouts that no rater could assess
--   mean_judge           mean of the verdicts, 0..1; null when n = 0
--   mean_human           mean of the ratings, 0..1; null when n = 0
--   bias                 mean of judge - human, -1..1; null when n = 0
--   bias_low             95 % interval over tasks
--   bias_high            95 % interval over tasks
--   mae                  mean |judge - human|, 0..1; null when n = 0
--   mae_low              95 % interval over tasks
--   mae_high             95 % interval over tasks
--   mae_human            mean |rating - mean of the other raters|, 0..1; null where no rollout has two ratings
--   spearman             rank correlation, -1..1; null in a band, and where either does not vary
--   spearman_low         95 % interval over tasks
--   spearman_high        95 % interval over tasks
--   kendall              tau-b, -1..1; null as spearman
--   kendall_low          95 % interval over tasks
--   kendall_high         95 % interval over tasks
--   weighted_kappa       quadratic weights, both rounded to 0, 0.25, 0.5, 0.75, 1 (halves up), at most 1; null in a band
--   weighted_kappa_low   95 % interval over tasks
--   weighted_kappa_high  95 % interval over tasks
--   agreement            share within 0.125, half a level of five, 0..1; null when n = 0
--   agreement_low        95 % interval
--   agreement_high       95 % interval
--   ece                  expected calibration error, 0..1; null when n = 0
--   null_ece             what ece would be about of a judge without any error but this scatter; null where not known
--   n_to_decide          further rollouts to rate that would decide it if they agree as these do; null where decided or never
--   reason               what is not defined and why, as JSON: column -> sentence
--   inputs               hash of verdicts, ratings and weights behind the row of 'all'; null in a band
create table if not exists judge_agreement (
    dimension varchar not null,
    judge varchar not null,
    grader_version varchar not null,
    quality_band varchar not null,
    weighting varchar not null,
    set_id varchar,
    share_covered double,
    n bigint not null,
    n_effective double,
    n_instances bigint not null,
    n_judge_unassessed bigint,
    n_human_unassessed bigint not null,
    mean_judge double,
    mean_human double,
    bias double,
    bias_low double,
    bias_high double,
    mae double,
    mae_low double,
    mae_high double,
    mae_human double,
    spearman double,
    spearman_low double,
    spearman_high double,
    kendall double,
    kendall_low double,
    kendall_high double,
    weighted_kappa double,
    weighted_kappa_low double,
    weighted_kappa_high double,
    agreement double,
    agreement_low double,
    agreement_high double,
    ece double,
    null_ece double,
    n_to_decide bigint,
    reason json not null,
    inputs varchar,
    primary key (dimension, judge, grader_version, quality_band),
    check (quality_band in ('all', 'low', 'mid', 'good', 'top')),
    check (weighting in ('design', 'sample'))
);
