-- calibration_assignment: who was asked to rate which item, and in what order?
-- grain: set_id, item_id, rater
--   set_id   calibration set
--   item_id  item
--   rater    who is asked
--   place    0 and up: where it stands in the rater's own, shuffled order
create table if not exists calibration_assignment (
    set_id varchar not null,
    item_id varchar not null,
    rater varchar not null,
    place bigint not null,
    primary key (set_id, item_id, rater)
);
