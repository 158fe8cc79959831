-- judge_drift: has what calibrated a judge changed since: its model, its rubric, or whom it judges?
-- grain: dimension, judge, kind
--   dimension      named quality
--   judge          model and conditions, as used last
--   kind           judge model, rubric or policies: what changed
--   earlier        model, version or policies before
--   later          model, version or policies now
--   n_common       outputs that both judged; null for policies
--   shift          mean of later - earlier verdict over these, or, without enough of them, of what people rated
--   shift_low      95 % interval over tasks
--   shift_high     95 % interval over tasks
--   basis          paired: the same outputs; bias: judge - human on different rated rollouts; null where there is neither
--   share_unrated  of the rollouts judged, by policies of which nobody has rated any, 0..1; null for other kinds
--   margin         largest mean shift that does not matter
--   verdict        moved: the interval leaves 0 out and the shift is not shown to be within the margin; same: it is; else unknown
--   reason         one sentence or two
create table if not exists judge_drift (
    dimension varchar not null,
    judge varchar not null,
    kind varchar not null,
    earlier varchar not null,
    later varchar not null,
    n_common bigint,
    shift double,
    shift_low double,
    shift_high double,
    basis varchar,
    share_unrated double,
    margin double not null,
    verdict varchar not null,
    reason varchar not null,
    primary key (dimension, judge, kind),
    check (kind in ('judge model', 'rubric', 'policies')),
    check (verdict in ('moved', 'same', 'unknown'))
);
