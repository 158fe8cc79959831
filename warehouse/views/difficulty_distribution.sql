-- difficulty_distribution: how are the instances spread over what a policy earns on them?
-- grain: run_id, family, policy_id, bin_low
-- reads: group_spread
--   run_id           run
--   family           kind of task
--   policy_id        who, in which regime; models, simulated policies and replays only
--   policy           name of the policy
--   bin_low          lower end of the mean reward, 0..0.9
--   bin_high         upper end, excluded but for the last bin, 0.1..1
--   n_instances      instances with a mean reward in the bin, 0 and up; every bin has a row
--   share_instances  share of the policy's instances of the family, 0..1
--   bin              number of the bin, 0..9
create or replace view difficulty_distribution as
with placed as (
    select
        run_id,
        family,
        policy_id,
        policy,
        -- Ten bins of a tenth, as the design says; 1e-9 keeps 0.3 out of the bin below it.
        least(9, cast(floor(mean_reward * 10 + 1e-9) as integer)) as bin
    from group_spread
    where n > 0 and policy_kind in ('model', 'simulated', 'replay')
),
every_bin as (
    select distinct placed.run_id, placed.family, placed.policy_id, placed.policy, bins.bin
    from placed
    cross join (select cast(unnest(range(10)) as integer) as bin) as bins
),
counted as (
    select run_id, family, policy_id, bin, count(*) as n_instances from placed group by all
)
select
    every_bin.run_id,
    every_bin.family,
    every_bin.policy_id,
    every_bin.policy,
    every_bin.bin / 10 as bin_low,
    (every_bin.bin + 1) / 10 as bin_high,
    coalesce(counted.n_instances, 0) as n_instances,
    coalesce(counted.n_instances, 0)
    / sum(counted.n_instances) over (partition by every_bin.run_id, every_bin.family, every_bin.policy_id)
        as share_instances,
    every_bin.bin
from every_bin
left join counted
    on counted.run_id = every_bin.run_id
    and counted.family is not distinct from every_bin.family
    and counted.policy_id = every_bin.policy_id
    and counted.bin = every_bin.bin;
