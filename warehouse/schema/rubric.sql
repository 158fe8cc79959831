-- rubric: how are dimensions put together?
-- grain: rubric_id
--   rubric_id  family and content hash
--   family     kind of task
--   content    the whole rubric
create table if not exists rubric (
    rubric_id varchar not null,
    family varchar not null,
    content json not null,
    primary key (rubric_id)
);
