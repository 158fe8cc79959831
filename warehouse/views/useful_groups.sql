-- useful_groups: which share of the groups would teach something, if groups were smaller or larger?
-- grain: run_id, family, policy_id, group_size
-- reads: stg_group_signal, policy
--   run_id                 run
--   family                 kind of task
--   policy_id              who, in which regime; models, simulated policies and replays only
--   group_size             rollouts per group: 2, 4, 8, 16, 32, 64 or 128
--   policy                 name of the policy
--   n_groups               groups with a graded rollout
--   n_measured             of those, with at least group_size graded rollouts
--   expected_useful_share  mean over groups of the chance that a group of that size differs by more than the meaningful difference, 0..1
--   method                 unbiased: counted out of the n_measured groups, the others left out; posterior: of all groups, under a prior (stg_group_signal, chance), where fewer than half are large enough. Rows of different methods are not one curve
create or replace view useful_groups as
with pooled as (
    select
        run_id,
        family,
        policy_id,
        group_size,
        count(*) as n_groups,
        count(measured) as n_measured,
        avg(measured) as mean_measured,
        avg(chance) as mean_chance
    from stg_group_signal
    -- The training group is among the sizes of stg_group_signal, whatever it is.
    where group_size in (2, 4, 8, 16, 32, 64, 128)
    group by run_id, family, policy_id, group_size
)
select
    pooled.run_id,
    pooled.family,
    pooled.policy_id,
    pooled.group_size,
    policy.name as policy,
    pooled.n_groups,
    pooled.n_measured,
    case when 2 * n_measured >= n_groups then mean_measured else mean_chance end as expected_useful_share,
    case when 2 * n_measured >= n_groups then 'unbiased' else 'posterior' end as method
from pooled
left join policy using (policy_id);
