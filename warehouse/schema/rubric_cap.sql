-- rubric_cap: what ceiling does each flag put on the composite?
-- grain: rubric_id, flag
--   rubric_id  rubric
--   flag       hard failure
--   ceiling    0..1
create table if not exists rubric_cap (
    rubric_id varchar not null,
    flag varchar not null,
    ceiling double not null,
    primary key (rubric_id, flag),
    check (ceiling between 0 and 1)
);
