-- run: what was run, with which configuration, and did it end?
-- grain: run_id
--   run_id        sortable time and random suffix
--   config        settings of the run; keys weak and strong name the anchor policies
--   config_hash   content hash of config
--   taskset_hash  content hash of the instance ids
--   code_version  version of the program that ran
--   started_at    when collecting began
--   ended_at      when loading ended; null while under way
--   status        running, completed, cancelled or failed
--   n_planned     rollouts planned, 0 and up
--   deployment    name of the scheduled deployment it belongs to; null where started by hand, and in older files
create table if not exists run (
    run_id varchar not null,
    config json not null,
    config_hash varchar not null,
    taskset_hash varchar not null,
    code_version varchar not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    status varchar not null,
    n_planned bigint not null,
    -- Columns that came later can be null: they are added to the tables of older files.
    deployment varchar,
    primary key (run_id),
    check (status in ('running', 'completed', 'cancelled', 'failed'))
);
