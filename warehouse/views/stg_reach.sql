-- stg_reach: how many other rewards of its group lie within reach above each one?
-- grain: rollout_id
-- reads: stg_attempt, stg_threshold
--   rollout_id   graded rollout
--   run_id       run
--   instance_id  task
--   policy_id    who, in which regime
--   family       kind of task
--   is_group     true for policies whose rollouts form groups: model, simulated, replay
--   reward       what is proven, 0..1
--   n            graded rollouts of the group, 1 and up
--   n_within     rollouts later in the order of rewards that exceed this one by no more than the meaningful difference, 0 and up
create or replace view stg_reach as
with placed as (
    select
        stg_attempt.rollout_id,
        stg_attempt.run_id,
        stg_attempt.instance_id,
        stg_attempt.policy_id,
        stg_attempt.family,
        stg_attempt.is_group,
        stg_attempt.reward,
        count(*) over by_group as n,
        row_number() over by_reward as place,
        rank() over by_reward as first_place,
        -- 1e-12 keeps a rounding error from splitting a difference of exactly the threshold.
        count(*) over (
            partition by stg_attempt.run_id, stg_attempt.instance_id, stg_attempt.policy_id
            order by stg_attempt.reward
            range between current row and (stg_threshold.meaningful_difference + 1e-12) following
        ) as n_from_here
    from stg_attempt
    join stg_threshold using (run_id)
    where stg_attempt.is_graded
    window
        by_group as (partition by stg_attempt.run_id, stg_attempt.instance_id, stg_attempt.policy_id),
        by_reward as (
            partition by stg_attempt.run_id, stg_attempt.instance_id, stg_attempt.policy_id order by stg_attempt.reward
        )
)
select
    rollout_id,
    run_id,
    instance_id,
    policy_id,
    family,
    is_group,
    reward,
    n,
    -- The window counts all equals, the earlier ones too.
    first_place - 1 + n_from_here - place as n_within
from placed;
