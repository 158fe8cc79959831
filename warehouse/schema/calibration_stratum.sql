-- calibration_stratum: which strata was a calibration set drawn from, and how much of each?
-- grain: set_id, stratum
--   set_id                 calibration set
--   stratum                name of the stratum
--   policy                 policy whose rollouts are in it; null where it holds several
--   quality_band           low: below 0.4; mid: below 0.7; good: below 0.9; top; unknown; before anybody rated
--   width                  narrow or wide: how much the graders left open; null where it holds both
--   n_frame                rollouts of the frame in it, 1 and up
--   n_sampled              items drawn from it, 0 and up
--   sigma                  standard deviation of human - judge that the allocation reckoned with, 0..1
--   sigma_source           ratings: measured on earlier ratings; assumed: the same everywhere
--   inclusion_probability  n_sampled / n_frame, 0..1
create table if not exists calibration_stratum (
    set_id varchar not null,
    stratum varchar not null,
    policy varchar,
    quality_band varchar not null,
    width varchar,
    n_frame bigint not null,
    n_sampled bigint not null,
    sigma double not null,
    sigma_source varchar not null,
    inclusion_probability double not null,
    primary key (set_id, stratum),
    check (n_sampled between 0 and n_frame)
);
