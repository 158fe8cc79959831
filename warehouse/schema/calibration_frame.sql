-- calibration_frame: which rollouts could have been drawn into a calibration set?
-- grain: set_id, rollout_id
--   set_id      calibration set
--   rollout_id  rollout
--   stratum     stratum it belongs to
create table if not exists calibration_frame (
    set_id varchar not null,
    rollout_id varchar not null,
    stratum varchar not null,
    primary key (set_id, rollout_id)
);
