-- facet: which part of a dimension did the damage reach?
-- grain: rollout_id, dimension, facet, grader_id
--   rollout_id  rollout
--   dimension   named quality
--   facet       part of it
--   grader_id   who scored
--   low         what is proven, 0..1
--   high        what is not ruled out, 0..1
create table if not exists facet (
    rollout_id varchar not null,
    dimension varchar not null,
    facet varchar not null,
    grader_id varchar not null,
    low double not null,
    high double not null,
    primary key (rollout_id, dimension, facet, grader_id),
    check (0 <= low and low <= high and high <= 1)
);
