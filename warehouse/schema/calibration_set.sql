-- calibration_set: which samples were drawn for rating, of what, and how?
-- grain: set_id
--   set_id           calibration set
--   dimension        named quality that raters are asked about
--   family           kind of task
--   judge            judge whose verdicts banded the frame; null: what code proves did
--   grader_version   version of that judge; null without one
--   rubric           what raters read: question, levels with anchors, when they cannot assess
--   rubric_hash      hash of it
--   top              highest level of the scale, 1 and up; a level is worth level / top
--   seed             seed of the draw
--   n_wanted         rollouts asked for, 1 and up
--   n_frame          rollouts that could be drawn, 1 and up
--   n_already_rated  further rollouts left out because they were rated before
--   frame_hash       hash of the rollouts of the frame and their strata
--   allocation       proportional, neyman or power: how the sample was shared among strata
--   tail_from        score, 0..1, from which on a rollout belongs to the high-quality tail
--   tail_factor      how often more than allocated the tail is drawn, 1 and up
--   raters           names of the raters it was dealt out to
--   raters_per_item  ratings wanted of an item that is not rated by all, 1 and up
--   share_by_all     share of the items that all raters rate, 0..1
--   config           everything else that the draw follows from
--   created_at       when it was drawn
create table if not exists calibration_set (
    set_id varchar not null,
    dimension varchar not null,
    family varchar not null,
    judge varchar,
    grader_version varchar,
    rubric json not null,
    rubric_hash varchar not null,
    top bigint not null,
    seed bigint not null,
    n_wanted bigint not null,
    n_frame bigint not null,
    n_already_rated bigint not null,
    frame_hash varchar not null,
    allocation varchar not null,
    tail_from double not null,
    tail_factor double not null,
    raters json not null,
    raters_per_item bigint not null,
    share_by_all double not null,
    config json not null,
    created_at timestamptz not null,
    primary key (set_id),
    check (top >= 1),
    check (allocation in ('proportional', 'neyman', 'power'))
);
