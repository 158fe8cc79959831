-- recomposition: under which rubrics beside its own has a run been put together again?
-- grain: run_id, rubric_id
--   run_id      run
--   rubric_id   rubric that somebody asked about; the views of the run go on with its own
--   family      kind of task
--   n_rollouts  rollouts put together under it, 0 and up
--   made_at     when it was last asked
create table if not exists recomposition (
    run_id varchar not null,
    rubric_id varchar not null,
    family varchar not null,
    n_rollouts bigint not null,
    made_at timestamptz not null,
    primary key (run_id, rubric_id)
);
