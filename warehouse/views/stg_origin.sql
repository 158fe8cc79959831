-- stg_origin: which run collected what a run grades?
-- grain: run_id
-- reads: run
--   run_id  run
--   origin  the run that collected the outputs: for a regrade the first run of the chain, else the run itself
create or replace view stg_origin as
with recursive said as (
    select run_id, json_extract_string(config, '$.regraded_from') as source from run
),
-- A source that is not kept here cannot be pooled with its regrades.
known as (
    select said.run_id, source.run_id as source
    from said
    left join said as source on source.run_id = said.source
),
-- From those that collected downward: each run has one source, so none is met twice, and a circle is never entered.
descended as (
    select run_id, run_id as origin from known where source is null
    union all
    select known.run_id, descended.origin
    from known
    join descended on descended.run_id = known.source
)
select said.run_id, coalesce(descended.origin, said.run_id) as origin
from said
left join descended using (run_id);
