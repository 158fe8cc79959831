-- previous_run: which completed run is a run held against?
-- grain: run_id
-- reads: run, threshold
--   run_id               run
--   deployment           name of the scheduled deployment; null where started by hand
--   started_at           when collecting began
--   previous_run_id      the completed run that began last before it: of the same deployment, or of the same configuration where there is none; null where there was none
--   previous_started_at  when that one began
--   is_same_taskset      true where both asked the same instances; null without a previous run
--   is_same_thresholds   true where the same numbers decide about verdicts; null where one of them recorded none
--   code_version         version of the program that ran
--   previous_code_version  version that ran the previous one
create or replace view previous_run as
-- A deployment may ask other instances every night, so its configuration differs from run to run; by hand there is
-- nothing but the configuration that makes two runs belong together.
with series as (
    select
        run_id,
        deployment,
        started_at,
        taskset_hash,
        code_version,
        status,
        case when deployment is null then 'configuration ' || config_hash else 'deployment ' || deployment end as series
    from run
),
-- Two that began in the same microsecond are told apart by name, so that the answer is the same each time.
completed as (
    select run_id, started_at, taskset_hash, code_version, series
    from series
    where status = 'completed'
    qualify row_number() over (partition by series, started_at order by run_id desc) = 1
),
decided as (
    select run_id, string_agg(name || '=' || value, ' ' order by name) as thresholds
    from threshold
    group by run_id
)
select
    series.run_id,
    series.deployment,
    series.started_at,
    completed.run_id as previous_run_id,
    completed.started_at as previous_started_at,
    series.taskset_hash = completed.taskset_hash as is_same_taskset,
    of_this.thresholds = of_previous.thresholds as is_same_thresholds,
    series.code_version,
    completed.code_version as previous_code_version
from series
asof left join completed
    on completed.series = series.series and series.started_at > completed.started_at
left join decided as of_this on of_this.run_id = series.run_id
left join decided as of_previous on of_previous.run_id = completed.run_id;
