-- calibration_map: which rating is to be expected where a judge says so much, and does reckoning with that help?
-- grain: dimension, judge, grader_version
--   dimension       named quality
--   judge           model and conditions
--   grader_version  its rubric and protocol
--   weighting       design or sample, as in judge_agreement
--   method          identity: as the judge says; affine: a line; platt: a logistic curve; isotonic: rising steps; null: none can be fitted
--   n               rollouts with a verdict and a rating, 1 and up
--   mae_raw         mean |judge - human|, 0..1; null without a map
--   mae_mapped      the same after the map, each rollout by a map fitted to other tasks, 0..1; null without one
--   ece_raw         calibration error of the verdicts, bins of equal weight, 0..1; null without a map
--   ece_mapped      the same after the map, each rollout by a map fitted to other tasks, 0..1; null without one
--   reason          why there is none, or why verdicts stay as they are; null elsewhere
create table if not exists calibration_map (
    dimension varchar not null,
    judge varchar not null,
    grader_version varchar not null,
    weighting varchar not null,
    method varchar,
    n bigint not null,
    mae_raw double,
    mae_mapped double,
    ece_raw double,
    ece_mapped double,
    reason varchar,
    primary key (dimension, judge, grader_version),
    check (method in ('identity', 'affine', 'platt', 'isotonic'))
);
