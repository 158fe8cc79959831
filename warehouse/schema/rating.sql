-- rating: what did people say?
-- grain: rollout_id, dimension, rater
--   rollout_id  rollout
--   dimension   named quality
--   rater       who rated
--   score       0..1; null: cannot be assessed
--   raw_value   as the rater gave it
--   scale       scale it was given on
--   rated_at    when
--   note        remark
create table if not exists rating (
    rollout_id varchar not null,
    dimension varchar not null,
    rater varchar not null,
    score double,
    raw_value varchar,
    scale varchar,
    rated_at timestamptz,
    note varchar,
    primary key (rollout_id, dimension, rater),
    check (score between 0 and 1)
);
