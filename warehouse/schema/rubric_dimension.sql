-- rubric_dimension: what does each dimension weigh?
-- grain: rubric_id, dimension
--   rubric_id  rubric
--   dimension  named quality
--   weight     above 0; weights need not sum to 1
create table if not exists rubric_dimension (
    rubric_id varchar not null,
    dimension varchar not null,
    weight double not null,
    primary key (rubric_id, dimension),
    check (weight > 0)
);
