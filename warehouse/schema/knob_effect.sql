-- knob_effect: which knobs of a family make its instances hard?
-- grain: run_id, family, knob
--   run_id                a completed run
--   family                kind of task
--   knob                  name of a knob whose settings are numbers; true and false count as 1 and 0
--   n_instances           instances behind it
--   coefficient_per_sd    change of the log odds of the reward for one standard deviation of the knob, policies and other knobs held fixed; below 0: harder; null with a reason
--   coefficient_per_unit  the same for one unit of the knob
--   se                    standard error of coefficient_per_sd, clustered by instance
--   ci_low                95 % interval of coefficient_per_sd
--   ci_high               95 % interval of coefficient_per_sd
--   p_holm                of no effect, after Holm over the knobs, 0..1
--   reason                why it was not estimated; null where it was
create table if not exists knob_effect (
    run_id varchar not null,
    family varchar not null,
    knob varchar not null,
    n_instances bigint not null,
    coefficient_per_sd double,
    coefficient_per_unit double,
    se double,
    ci_low double,
    ci_high double,
    p_holm double,
    reason varchar,
    primary key (run_id, family, knob),
    check ((coefficient_per_sd is null) = (reason is not null))
);
