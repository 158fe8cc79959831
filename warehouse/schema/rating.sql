-- rating: what did people say?
-- grain: rollout_id, dimension, rater
--   rollout_id   rollout
--   dimension    named quality
--   rater        who rated
--   score        0..1; null: cannot be assessed
--   raw_value    as the rater gave it
--   scale        scale it was given on
--   rated_at     when
--   note         remark
--   set_id       calibration set it was asked for in; null where there was none
--   rubric_hash  hash of what the rater read; null where that is not known
--   source       where it came from: the rating page, or the name of a file; null where that is not known
create table if not exists rating (
    rollout_id varchar not null,
    dimension varchar not null,
    rater varchar not null,
    score double,
    raw_value varchar,
    scale varchar,
    rated_at timestamptz,
    note varchar,
    -- Columns that came later can be null: they are added to the tables of older files.
    set_id varchar,
    rubric_hash varchar,
    source varchar,
    primary key (rollout_id, dimension, rater),
    check (score between 0 and 1)
);
