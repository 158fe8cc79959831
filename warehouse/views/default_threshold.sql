-- default_threshold: which numbers decide, where a run names no others?
-- grain: name
-- reads:
--   name   threshold; a row of the table threshold with this name overrules it for one run
--   value  its value; shares in 0..1, differences in reward units
--   means  what it decides
create or replace view default_threshold as
-- Argued, each with its source, in docs/statistics.md; those marked "judgement" there are starting values,
-- to be overruled per run.
select name, value, means
from (
    values
        ('training_group', 16.0, 'rollouts per group in training, whose chance of being dead is asked for'),
        ('meaningful_difference', 0.02, 'two rewards closer than this teach nothing'),
        ('reward_quantum', 1e-9, 'two rewards closer than this are equal; deterministic graders have no tolerance'),
        ('min_graded', 8.0, 'fewer graded rollouts than this say nothing'),
        ('min_graded_share', 0.75, 'smaller shares of the planned rollouts say nothing'),
        ('ready_weight', 0.8, 'median assessed weight below which a group is unassessed'),
        ('clamped_capped_share', 0.5, 'share of capped rollouts from which caps may have destroyed the order'),
        ('clamped_min_std', 0.05, 'standard deviation before caps from which there was an order to destroy'),
        ('clamped_pair_rate', 0.5, 'share of ordered pairs that became ties from which a group is clamped'),
        ('dead_at_most', 0.8, 'share of dead groups above which nothing is learned'),
        ('weak_dead_share', 0.2, 'share of dead groups above which a signal is weak'),
        ('stuck_share', 0.2, 'largest share of rollouts off the floor or ceiling that still counts as stuck there'),
        ('resolved_error', 0.05, 'one-sided error allowed when calling a stuck group proven'),
        ('noisy_signal_share', 0.5, 'share of reward variance that is not judge noise, below which a group is noisy'),
        ('weak_signal_share', 0.7, 'the same share, below which a signal is weak'),
        ('min_severity', 2.0, 'severity from which an operator must show its effect'),
        ('moves_share_at_least', 0.99, 'share of pairs that must fall where damage is expected to be seen'),
        ('still_share_at_most', 0.01, 'share of pairs that may change where nothing is expected to change'),
        ('detected_share_at_least', 0.8, 'share of instances that must provably show a damage for its dose to count as detected'),
        ('min_groups', 20.0, 'groups with spread below which nothing is said of what a dimension adds to it'),
        ('dead_weight_ratio', 0.25, 'share of the variance / share of the weight, below which a dimension teaches nothing'),
        ('dominant_weight_ratio', 2.5, 'the same ratio, above which a dimension crowds out the others'),
        ('change_margin', 0.05, 'smallest change between checkpoints that matters; within it a mean is flat')
) as listed (name, value, means);
