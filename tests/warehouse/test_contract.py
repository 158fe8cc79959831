"""What users may rely on: the views, their grains and the columns that are promised."""

import pytest

from warehouse.definitions import views

PROMISED: dict[str, tuple[str, str]] = {
    "group_spread": (
        "run_id, instance_id, policy_id",
        "n, n_failed, mean_reward, std_reward, min_reward, max_reward, distinct_rewards, zero_variance, dead_at_g, "
        "mean_abs_advantage, std_uncapped",
    ),
    "task_verdict": ("run_id, instance_id, policy_id", "verdict, resolved, reason, mean_reward, std_reward, n"),
    "dimension_spread": (
        "run_id, instance_id, policy_id, dimension",
        "mean_low, mean_high, std_low, share_unassessed, variance_share",
    ),
    "cap_impact": (
        "run_id, family, policy_id",
        "share_capped, std_uncapped, std_capped, mass_at_cap, destroyed_pair_rate",
    ),
    "difficulty": (
        "run_id, instance_id",
        "weak_policy, strong_policy, weak_mean, strong_mean, difficulty, discrimination",
    ),
    "difficulty_distribution": ("run_id, family, policy_id, bin_low", "bin_high, n_instances"),
    "taskset_health": (
        "run_id, family, policy_id",
        "n_instances, share_trainable, share_saturated, share_no_signal, share_clamped",
    ),
    "probe_floor": ("run_id, family, probe", "max_reward, mean_reward, floor, holds, work_mean"),
    "grader_confusion": ("run_id, family, operator, dimension", "expected, moved_share, mean_drop, agrees"),
    "monotonicity": (
        "run_id, family, operator, dimension",
        "n_pairs, n_violations, violation_rate, somers_d, violation_upper95, smallest_detectable_dose",
    ),
    "coverage": ("run_id, family, dimension", "share_assessed, share_partial, share_unassessed, share_error"),
    "spend": ("run_id, kind, spender", "calls, input_tokens, output_tokens, cached_tokens, cost_usd"),
    "policy_mean": (
        "run_id, family, policy_id",
        "policy, policy_kind, n_instances, n_rollouts, mean_reward, se, ci_low, ci_high, mean_width, share_ready, "
        "n_failed",
    ),
    "advantage": (
        "rollout_id",
        "run_id, instance_id, policy_id, sample, reward, adv_population, adv_sample, adv_mean_only, adv_batch, "
        "adv_per_dimension",
    ),
    "useful_groups": (
        "run_id, family, policy_id, group_size",
        "n_groups, n_measured, expected_useful_share, method",
    ),
    "train_on": (
        "run_id, instance_id, policy_id",
        "family, policy, verdict, train, reasons, sampling_weight",
    ),
    "cap_attribution": (
        "run_id, family, policy_id, flag",
        "policy, n_triggered, share_triggered, ceiling, destroyed_pair_rate, destroyed_without, destroyed_by_cap, "
        "std_capped, std_without, dead_share, dead_share_without",
    ),
    "dimension_share": (
        "run_id, family, policy_id, dimension",
        "declared_weight, variance_share, n_groups, is_dead, is_dominant",
    ),
    "hackability": (
        "run_id, family",
        "best_probe, best_mean, best_max, floor, weak_policy, weak_mean, strong_mean, n_instances, hack_ratio, ci_low, "
        "ci_high, share_beating_weak_median, beating_upper",
    ),
    "detection": (
        "run_id, family, operator, dimension, severity",
        "expected, n_instances, n_undetermined, mean_low, detected_share, wilson_low, mean_drop",
    ),
    "compensation": ("run_id, family, operator", "n_instances, n_paying, share_paying, mean_index, max_index"),
    "policy_difficulty": (
        "run_id, instance_id, policy_id",
        "family, policy, n, mean_reward, shrunken_mean, logit, logit_se",
    ),
    "rater_agreement": (
        "dimension, quality_band",
        "n_items, n_raters, krippendorff_alpha, within_item_sd, mean_abs_difference",
    ),
    "judge_calibration": (
        "dimension, judge, grader_version",
        "n, bias, mae, spearman, weighted_kappa, agreement, ece, status, agreement_low, agreement_high, "
        "n_to_decide, reason, weighting",
    ),
    "calibration_progress": (
        "set_id, rater",
        "dimension, n_assigned, n_rated, n_cannot_assess, n_left, last_rated_at",
    ),
    "reliability_curve": ("dimension, judge, grader_version, bin", "judge_mean, human_mean, n"),
    "previous_run": ("run_id", "deployment, started_at, previous_run_id, is_same_taskset, is_same_thresholds"),
    "instance_change": (
        "run_id, instance_id, policy_id",
        "previous_run_id, verdict_before, verdict, is_changed, is_proven, mean_before, mean_reward",
    ),
    "verdict_change": (
        "run_id, family, policy_id, verdict",
        "policy, previous_run_id, method, n_before, n_after, share_before, share_after, n_into, n_out_of, ci_low, "
        "ci_high, p, p_holm, status, may_be",
    ),
    "grader_change": (
        "run_id, family, kind, name, dimension",
        "previous_run_id, held_before, holds, method, n_before, n_after, broken_before, broken_after, status, "
        "is_declared, graders_before, graders, may_be",
    ),
    "trajectory": (
        "family, split, policy_id, dimension",
        "mean, ci_low, ci_high, delta_from_parent, delta_from_base, status",
    ),
}
"""View -> its grain and columns. More columns are free to come; none of these may go."""


@pytest.mark.parametrize("name", PROMISED)
def test_view_keeps_its_promise(name: str) -> None:
    """The view is there, one row of it is what it was, and its columns have the names they had."""
    grain, columns = PROMISED[name]

    view = views()[name]
    assert set(columns.split(", ")) <= set(view.columns)
    assert ", ".join(view.grain) == grain
