-- score: what did each grader prove about each dimension?
-- grain: rollout_id, dimension, grader_id, replicate
--   rollout_id      rollout
--   dimension       named quality
--   grader_id       who scored
--   replicate       repeat of the same grader, 0 and up
--   family          kind of task
--   low             what is proven, 0..1
--   high            what is not ruled out, 0..1
--   state           assessed, partial, unassessed or error
--   source          deterministic or judge
--   reason          a few words: what settled it
--   evidence        counts and places
--   grader_version  version of the grader
--   is_trusted      verdict of a judge: it may narrow what code left open; null for code, and in files from before it was asked
create table if not exists score (
    rollout_id varchar not null,
    dimension varchar not null,
    grader_id varchar not null,
    replicate bigint not null,
    family varchar not null,
    low double not null,
    high double not null,
    state varchar not null,
    source varchar not null,
    reason varchar not null,
    evidence json not null,
    grader_version varchar not null,
    -- Columns that came later can be null: they are added to the tables of older files.
    is_trusted boolean,
    primary key (rollout_id, dimension, grader_id, replicate),
    check (0 <= low and low <= high and high <= 1),
    check (state in ('assessed', 'partial', 'unassessed', 'error')),
    check ((state = 'assessed') = (low = high)),
    check (state not in ('unassessed', 'error') or (low = 0 and high = 1)),
    check (source in ('deterministic', 'judge'))
);
