-- calibration_map_point: through which points does the map from a judge's verdict to the rating to be expected go?
-- grain: dimension, judge, grader_version, place
--   dimension       named quality
--   judge           model and conditions
--   grader_version  its rubric and protocol
--   place           0 and up, by judge_value; between points the map is a straight line, outside it is level
--   judge_value     verdict, 0..1
--   human_estimate  rating to be expected, 0..1
create table if not exists calibration_map_point (
    dimension varchar not null,
    judge varchar not null,
    grader_version varchar not null,
    place bigint not null,
    judge_value double not null,
    human_estimate double not null,
    primary key (dimension, judge, grader_version, place)
);
