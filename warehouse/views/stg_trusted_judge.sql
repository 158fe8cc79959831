-- stg_trusted_judge: which judges may narrow a reward, on which dimension and in which version?
-- grain: dimension, judge, grader_version
-- reads: judge_calibration
--   dimension       named quality
--   judge           model and conditions
--   grader_version  rubric and protocol that people's ratings were held against: under another one it is not trusted
create or replace view stg_trusted_judge as
select dimension, judge, grader_version
from judge_calibration
where status = 'calibrated';
