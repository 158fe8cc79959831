-- calibration_map: which rating is to be expected where a judge says so much, and does reckoning with that help?
-- grain: dimension, judge, grader_version
--   dimension       named quality
--   judge           model and conditions
--   grader_version  its rubric and protocol
--   weighting       design or sample, as in judge_agreement
--   method          identity: as the judge says; affine: a straight line; isotonic: rising steps; the points are in calibration_map_point
--   n               rollouts with a verdict and a rating, 1 and up
--   mae_raw         mean |judge - human|, 0..1
--   mae_mapped      the same after the map, each rollout by a map fitted without its task, 0..1; null where none was fitted
--   ece_raw         calibration error as the judge says, 0..1
--   ece_mapped      the same after the map, out of fold, 0..1; null where none was fitted
--   reason          why that method; null where there is nothing to say
create table if not exists calibration_map (
    dimension varchar not null,
    judge varchar not null,
    grader_version varchar not null,
    weighting varchar not null,
    method varchar not null,
    n bigint not null,
    mae_raw double,
    mae_mapped double,
    ece_raw double,
    ece_mapped double,
    reason varchar,
    primary key (dimension, judge, grader_version),
    check (method in ('identity', 'affine', 'isotonic'))
);
