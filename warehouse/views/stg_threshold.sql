-- stg_threshold: which numbers hold for each run?
-- grain: run_id
-- reads: default_threshold, threshold, run, rollout
--   run_id                   run
--   training_group           rollouts per training group, 2 and up
--   meaningful_difference    reward units, 0..1
--   reward_quantum           reward units, 0..1
--   min_graded               rollouts, 0 and up
--   min_graded_share         0..1
--   ready_weight             0..1
--   clamped_capped_share     0..1
--   clamped_min_std          reward units, 0..1
--   clamped_pair_rate        0..1
--   dead_at_most             0..1
--   weak_dead_share          0..1
--   stuck_share              0..1
--   resolved_error           0..1
--   noisy_signal_share       0..1
--   weak_signal_share        0..1
--   min_severity             1..4
--   moves_share_at_least     0..1
--   still_share_at_most      0..1
--   detected_share_at_least  0..1
--   min_groups               groups, 0 and up
--   dead_weight_ratio        0 and up
--   dominant_weight_ratio    0 and up
--   change_margin            reward units, above 0, up to 1
create or replace view stg_threshold as
with known_run as (
    select run_id from run
    union
    select run_id from rollout
),
in_force as (
    select known_run.run_id, default_threshold.name, coalesce(threshold.value, default_threshold.value) as value
    from known_run
    cross join default_threshold
    left join threshold on threshold.run_id = known_run.run_id and threshold.name = default_threshold.name
)
select
    run_id,
    any_value(value) filter (name = 'training_group') as training_group,
    any_value(value) filter (name = 'meaningful_difference') as meaningful_difference,
    any_value(value) filter (name = 'reward_quantum') as reward_quantum,
    any_value(value) filter (name = 'min_graded') as min_graded,
    any_value(value) filter (name = 'min_graded_share') as min_graded_share,
    any_value(value) filter (name = 'ready_weight') as ready_weight,
    any_value(value) filter (name = 'clamped_capped_share') as clamped_capped_share,
    any_value(value) filter (name = 'clamped_min_std') as clamped_min_std,
    any_value(value) filter (name = 'clamped_pair_rate') as clamped_pair_rate,
    any_value(value) filter (name = 'dead_at_most') as dead_at_most,
    any_value(value) filter (name = 'weak_dead_share') as weak_dead_share,
    any_value(value) filter (name = 'stuck_share') as stuck_share,
    any_value(value) filter (name = 'resolved_error') as resolved_error,
    any_value(value) filter (name = 'noisy_signal_share') as noisy_signal_share,
    any_value(value) filter (name = 'weak_signal_share') as weak_signal_share,
    any_value(value) filter (name = 'min_severity') as min_severity,
    any_value(value) filter (name = 'moves_share_at_least') as moves_share_at_least,
    any_value(value) filter (name = 'still_share_at_most') as still_share_at_most,
    any_value(value) filter (name = 'detected_share_at_least') as detected_share_at_least,
    any_value(value) filter (name = 'min_groups') as min_groups,
    any_value(value) filter (name = 'dead_weight_ratio') as dead_weight_ratio,
    any_value(value) filter (name = 'dominant_weight_ratio') as dominant_weight_ratio,
    any_value(value) filter (name = 'change_margin') as change_margin
from in_force
group by run_id;
