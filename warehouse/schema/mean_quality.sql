-- mean_quality: how good are the rollouts of a frame, by few ratings and many verdicts together?
-- grain: dimension, set_id, judge, grader_version, domain
--   dimension       named quality
--   set_id          calibration set whose frame is meant
--   judge           model and conditions, whose verdicts help
--   grader_version  its rubric and protocol
--   domain          'all', or the policy whose rollouts are meant
--   n_frame         rollouts of the frame in the domain, 1 and up
--   n_judged        those of them with a verdict
--   n_rated         those of them with a rating
--   judge_mean      mean of the verdicts, 0..1: the judge's own answer, with all its errors; null without verdicts
--   rated_mean      mean by ratings alone, weighted by stratum, 0..1; null where it cannot be told
--   rated_low       95 % interval
--   rated_high      95 % interval
--   mean            mean by verdicts, corrected by the ratings (prediction-powered), 0..1; null where it cannot be told
--   low             95 % interval
--   high            95 % interval
--   reason          one sentence or two: what cannot be told or is restricted, and why; null where nothing is
create table if not exists mean_quality (
    dimension varchar not null,
    set_id varchar not null,
    judge varchar not null,
    grader_version varchar not null,
    domain varchar not null,
    n_frame bigint not null,
    n_judged bigint not null,
    n_rated bigint not null,
    judge_mean double,
    rated_mean double,
    rated_low double,
    rated_high double,
    mean double,
    low double,
    high double,
    reason varchar,
    primary key (dimension, set_id, judge, grader_version, domain)
);
