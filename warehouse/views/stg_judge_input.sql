-- stg_judge_input: what are the figures about a judge worked out from, as of now?
-- grain: dimension, judge, grader_version
-- reads: stg_judged_rating, rollout, stg_origin
--   dimension           named quality
--   judge               model and conditions
--   grader_version      its rubric and protocol
--   n                   rollouts with a verdict and a rating, 0 and up
--   n_outputs           different outputs among these: copies that a regraded run holds of them count once
--   n_instances         tasks that these belong to
--   n_judge_unassessed  further rollouts that people rated and on which no verdict of the judge counts
--   n_human_unassessed  further rollouts that no rater could assess
--   n_other_rubric      further rollouts that people rated by another rubric than the judge's
--   inputs              hash of verdicts, ratings and weights: where it is another one, figures are out of date
create or replace view stg_judge_input as
select
    dimension,
    judge,
    grader_version,
    count(*) filter (verdict is not null and human is not null) as n,
    -- A rollout that is not kept here is one by its key.
    count(distinct coalesce(
        nullif(concat_ws(' ', stg_origin.origin, rollout.instance_id, rollout.policy_id, rollout.sample), ''), rollout_id
    )) filter (verdict is not null and human is not null) as n_outputs,
    count(distinct stg_judged_rating.instance_id) filter (verdict is not null and human is not null) as n_instances,
    count(*) filter (human is not null and verdict is null) as n_judge_unassessed,
    count(*) filter (human is null and is_same_rubric) as n_human_unassessed,
    count(*) filter (not is_same_rubric) as n_other_rubric,
    format('{}-{}', count(*), bit_xor(hash(rollout_id, human, n_ratings, verdict, weight, weighting, set_id, stratum)))
        as inputs
from stg_judged_rating
left join rollout using (rollout_id)
left join stg_origin using (run_id)
group by dimension, judge, grader_version;
