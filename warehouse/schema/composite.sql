-- composite: what is a rollout worth under a rubric?
-- grain: rollout_id, rubric_id
--   rollout_id       rollout
--   rubric_id        family and hash of weights and caps
--   uncapped_low     low end before caps, 0..1
--   uncapped_high    high end before caps, 0..1
--   low              low end, 0..1
--   high             high end, 0..1
--   mid              midpoint, 0..1
--   additive_mid     plain weighted mean with hard caps, 0..1: the reference formula
--   work_low         proven share of defects dealt with, 0..1
--   work_high        share not ruled out, 0..1
--   cap              what the flags leave, 0..1; 1 where none
--   flags            list of hard failures found
--   assessed_weight  share of the weight that is assessed, 0..1
--   ready            enough is assessed to train on
--   reward           the low end: what is proven
create table if not exists composite (
    rollout_id varchar not null,
    rubric_id varchar not null,
    uncapped_low double not null,
    uncapped_high double not null,
    low double not null,
    high double not null,
    mid double not null,
    additive_mid double not null,
    work_low double not null,
    work_high double not null,
    cap double not null,
    flags json not null,
    assessed_weight double not null,
    ready boolean not null,
    reward double not null,
    primary key (rollout_id, rubric_id),
    check (0 <= low and low <= high and high <= 1),
    check (reward = low)
);
