-- calibration_item: which rollouts were sampled for rating, with what probability?
-- grain: set_id, rollout_id, dimension
--   set_id                 calibration set
--   rollout_id             rollout
--   dimension              named quality
--   stratum                stratum it was drawn from
--   inclusion_probability  0..1, above 0
--   weight                 1 / inclusion_probability
--   raters_wanted          1 and up
--   item_id                what raters know it by; it tells nothing of the rollout
--   text_hash              hash of what raters read of it
create table if not exists calibration_item (
    set_id varchar not null,
    rollout_id varchar not null,
    dimension varchar not null,
    stratum varchar not null,
    inclusion_probability double not null,
    weight double not null,
    raters_wanted bigint not null,
    -- Columns that came later can be null: they are added to the tables of older files.
    item_id varchar,
    text_hash varchar,
    primary key (set_id, rollout_id, dimension),
    check (inclusion_probability > 0 and inclusion_probability <= 1)
);
