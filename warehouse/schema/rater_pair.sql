-- rater_pair: how do two people differ on what both rated?
-- grain: dimension, rater, other
--   dimension             named quality
--   rater                 who rated
--   other                 who rated too; later by name, so that two people have one row
--   n_items               rollouts that both could assess, 1 and up; each counts once, whatever it weighs
--   mean_difference       mean of rater - other, -1..1; above 0: rater is the milder one
--   mean_abs_difference   mean |rater - other|, 0..1
--   weighted_kappa        Cohen's kappa, quadratic weights, -1..1; null where all ratings of both are equal; it falls with the range of what is rated
--   weighted_kappa_low    95 % interval, jackknife over rollouts
--   weighted_kappa_high   95 % interval
--   reason                why kappa or its interval is missing; null where neither is
create table if not exists rater_pair (
    dimension varchar not null,
    rater varchar not null,
    other varchar not null,
    n_items bigint not null,
    mean_difference double not null,
    mean_abs_difference double not null,
    weighted_kappa double,
    weighted_kappa_low double,
    weighted_kappa_high double,
    reason varchar,
    primary key (dimension, rater, other),
    check (rater < other)
);
