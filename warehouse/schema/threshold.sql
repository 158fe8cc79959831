-- threshold: which numbers decided the verdicts of a run?
-- grain: run_id, name
--   run_id  run
--   name    threshold
--   value   its value
create table if not exists threshold (
    run_id varchar not null,
    name varchar not null,
    value double not null,
    primary key (run_id, name)
);
