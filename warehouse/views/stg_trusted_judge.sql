-- stg_trusted_judge: which judges may narrow a reward, on which dimension and in which version?
-- grain: dimension, judge, grader_version
-- reads: judge_calibration, stg_judged_rating, score
--   dimension       named quality
--   judge           model and conditions
--   grader_version  rubric and protocol that people's ratings were held against: under another one it is not trusted
create or replace view stg_trusted_judge as
-- judge_calibration calibrates nobody whose verdicts come from several versions: what is left is one.
with compared as (
    select stg_judged_rating.dimension, stg_judged_rating.judge, min(score.grader_version) as grader_version
    from stg_judged_rating
    join score
        on score.rollout_id = stg_judged_rating.rollout_id
        and score.dimension = stg_judged_rating.dimension
        and score.grader_id = stg_judged_rating.judge
    where score.source = 'judge' and stg_judged_rating.verdict is not null and stg_judged_rating.human is not null
    group by stg_judged_rating.dimension, stg_judged_rating.judge
    having min(score.grader_version) = max(score.grader_version)
)
select judge_calibration.dimension, judge_calibration.judge, compared.grader_version
from judge_calibration
join compared using (dimension, judge)
where judge_calibration.status = 'calibrated';
