-- calibration_state: from which ratings, verdicts and calibration sets were the result tables of calibration worked out?
-- grain: inputs
--   inputs  hash of all of these; where stg_calibration_input says another one, the tables are out of date
create table if not exists calibration_state (
    inputs varchar not null,
    primary key (inputs)
);
