-- judge_noise: how far apart are a judge's verdicts on one and the same output?
-- grain: run_id, family, dimension, judge
-- reads: score, rollout, judge_call
--   run_id                     run
--   family                     kind of task
--   dimension                  named quality
--   judge                      model and conditions
--   n_rollouts                 rollouts with at least two of its verdicts, of all policies, 0 and up
--   n_verdicts                 verdicts on these, 0 and up
--   noise_sd                   sample standard deviation of one call within a rollout, pooled, 0..0.71, before code's frame; null where nothing was repeated
--   noise_sd_of_mean           the same of the mean of the verdicts that a rollout did get; null where nothing was repeated
--   level_agreement            share of pairs of verdicts on one rollout that are equal, 0..1; null without pairs
--   n_compared                 rollouts with a verdict in every variant that this judge gave one in; the means below are over these
--   mean_plain                 mean verdict, rubric as it is written, 0..1; null where not shown so
--   mean_reversed              the same with the levels in reverse order
--   mean_paraphrased           the same in other words
--   mean_paraphrased_reversed  the same in other words and reverse order
--   share_without_verdict      share of the times it was asked, or was to be, that left no usable verdict, 0..1
create or replace view judge_noise as
with called as (
    select
        rollout.run_id,
        score.family,
        score.dimension,
        score.grader_id as judge,
        score.rollout_id,
        score.replicate,
        score.state in ('unassessed', 'error') as is_without_verdict,
        case when score.state = 'assessed' then score.low end as value
    from score
    join rollout using (rollout_id)
    where score.source = 'judge'
),
per_cell as (
    select run_id, family, dimension, judge, avg(cast(is_without_verdict as integer)) as share_without_verdict
    from called
    group by run_id, family, dimension, judge
),
repeated as (
    select run_id, family, dimension, judge, rollout_id, count(value) as n_verdicts, var_samp(value) as variance
    from called
    group by run_id, family, dimension, judge, rollout_id
    having count(value) >= 2
),
pooled as (
    select
        run_id,
        family,
        dimension,
        judge,
        count(*) as n_rollouts,
        cast(sum(n_verdicts) as bigint) as n_verdicts,
        sqrt(sum(variance * (n_verdicts - 1)) / sum(n_verdicts - 1)) as noise_sd,
        sqrt(avg(variance / n_verdicts)) as noise_sd_of_mean,
        sum(n_verdicts * (n_verdicts - 1) / 2) as n_pairs
    from repeated
    group by run_id, family, dimension, judge
),
-- Equal verdicts are counted by value, so that no pairs have to be formed. 9 decimals: the reward quantum.
alike as (
    select run_id, family, dimension, judge, rollout_id, round(value, 9) as value, count(*) as n
    from called
    where value is not null
    group by all
),
agreed as (
    select run_id, family, dimension, judge, sum(n * (n - 1) / 2) as n_equal_pairs
    from alike
    group by run_id, family, dimension, judge
),
-- One variant for a repeat, however often it was tried.
shown as (
    select rollout_id, dimension, grader_id as judge, replicate, min(variant) as variant
    from judge_call
    where variant is not null
    group by rollout_id, dimension, grader_id, replicate
),
per_variant as (
    select
        called.run_id,
        called.family,
        called.dimension,
        called.judge,
        called.rollout_id,
        shown.variant,
        avg(called.value) as value
    from called
    join shown using (rollout_id, dimension, judge, replicate)
    where called.value is not null
    group by called.run_id, called.family, called.dimension, called.judge, called.rollout_id, shown.variant
),
used as (
    select run_id, family, dimension, judge, count(distinct variant) as n_variants
    from per_variant
    group by run_id, family, dimension, judge
),
-- The same rollouts under every variant: else the means would also differ by how good these are.
complete as (
    select per_variant.*
    from per_variant
    join used using (run_id, family, dimension, judge)
    qualify
        count(*) over (
            partition by
                per_variant.run_id, per_variant.family, per_variant.dimension, per_variant.judge, per_variant.rollout_id
        ) = used.n_variants
),
compared as (
    select
        run_id,
        family,
        dimension,
        judge,
        count(distinct rollout_id) as n_compared,
        avg(value) filter (variant = 'plain') as mean_plain,
        avg(value) filter (variant = 'reversed') as mean_reversed,
        avg(value) filter (variant = 'paraphrased') as mean_paraphrased,
        avg(value) filter (variant = 'paraphrased_reversed') as mean_paraphrased_reversed
    from complete
    group by run_id, family, dimension, judge
)
select
    per_cell.run_id,
    per_cell.family,
    per_cell.dimension,
    per_cell.judge,
    coalesce(pooled.n_rollouts, 0) as n_rollouts,
    coalesce(pooled.n_verdicts, 0) as n_verdicts,
    pooled.noise_sd,
    pooled.noise_sd_of_mean,
    agreed.n_equal_pairs / pooled.n_pairs as level_agreement,
    coalesce(compared.n_compared, 0) as n_compared,
    compared.mean_plain,
    compared.mean_reversed,
    compared.mean_paraphrased,
    compared.mean_paraphrased_reversed,
    per_cell.share_without_verdict
from per_cell
left join pooled using (run_id, family, dimension, judge)
left join agreed using (run_id, family, dimension, judge)
left join compared using (run_id, family, dimension, judge);
