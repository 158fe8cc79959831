-- checkpoint_change: did a checkpoint move a dimension, against its parent and against the base of its line?
-- grain: family, split, base_policy, policy_id, dimension
--   family        kind of task
--   split         train, heldout, stress, ...
--   base_policy   what it is compared with: its parent, or the first of its line
--   policy_id     checkpoint
--   dimension     named quality, or 'composite' for the reward
--   n_instances   instances that both attempted and on which it is assessed for both, 0 and up
--   n_left_out    instances that both attempted and on which it is not
--   delta         mean over instances of the difference, -1..1; null without instances
--   se            standard error by instance; null below two instances
--   ci_low        95 % interval over instances; null below ten
--   ci_high       95 % interval over instances; null below ten
--   p             of no change at all, 0..1; null below ten instances
--   p_holm        the same among all comparisons of the family and split (Holm)
--   tost_p        of a change of the margin or more, 0..1; null below ten instances, and where no difference varies
--   margin        smallest change that matters: change_margin of the checkpoint's latest run
--   n_to_decide   instances that would probably decide it; null where it is decided or nothing can be planned
--   status        moved, flat, regressed or unclear
--   reason        one sentence or two: what was seen, what stands in the way
--   graders       who graded both sides, in which version; null where no common ones did
create table if not exists checkpoint_change (
    family varchar not null,
    split varchar not null,
    base_policy varchar not null,
    policy_id varchar not null,
    dimension varchar not null,
    n_instances bigint not null,
    n_left_out bigint not null,
    delta double,
    se double,
    ci_low double,
    ci_high double,
    p double,
    p_holm double,
    tost_p double,
    margin double not null,
    n_to_decide bigint,
    status varchar not null,
    reason varchar not null,
    graders varchar,
    primary key (family, split, base_policy, policy_id, dimension),
    check (status in ('moved', 'flat', 'regressed', 'unclear'))
);
