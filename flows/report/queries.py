"""What the report asks, by name: views as they are, and counts over views that no view has.

Every query takes the run as its one parameter, `$1`. The names are the keys of the data in the page.
"""

VIEWS: dict[str, tuple[str, ...]] = {
    "taskset_health": (
        "family", "policy_id", "policy", "n_instances", "share_trainable", "share_weak_signal", "share_noisy",
        "share_flat", "share_saturated", "share_no_signal", "share_clamped", "share_unassessed",
        "share_insufficient_data", "share_resolved", "mean_reward", "mean_dead_at_g",
    ),
    "task_verdict": (
        "instance_id", "policy_id", "family", "policy", "verdict", "resolved", "reason", "mean_reward", "std_reward",
        "n", "n_planned", "dead_at_g", "g", "signal_share", "share_capped", "destroyed_pair_rate", "median_weight",
        "floor", "ceiling",
    ),
    "coverage": (
        "family", "dimension", "n", "share_assessed", "share_partial", "share_unassessed", "share_error", "mean_width",
        "is_mixed", "n_judge_calls", "share_without_verdict",
    ),
    "difficulty": (
        "instance_id", "family", "weak_mean", "strong_mean", "difficulty", "discrimination", "auc", "is_negative",
    ),
    "difficulty_distribution": (
        "family", "policy_id", "policy", "bin", "bin_low", "bin_high", "n_instances", "share_instances",
    ),
    "span_separation": (
        "family", "lower_policy", "higher_policy", "is_whole_span", "n_instances", "lower_mean", "higher_mean", "gap",
        "ci_low", "ci_high", "separation",
    ),
    "cap_impact": (
        "family", "policy_id", "policy", "n_groups", "n_rollouts", "share_capped", "std_uncapped", "std_capped",
        "mass_at_cap", "n_pairs", "destroyed_pair_rate", "reversed_pair_rate",
    ),
    "probe_floor": (
        "family", "probe", "kind", "n_instances", "max_reward", "mean_reward", "floor", "holds", "work_mean",
        "worst_instance_id", "max_lift", "mean_lift", "weak_mean", "share_beating_weak_median", "strong_mean",
    ),
    "grader_confusion": (
        "family", "operator", "dimension", "kind", "expected", "n_pairs", "n_undetermined", "moved_share", "mean_drop",
        "max_drop", "agrees",
    ),
    "monotonicity": (
        "family", "operator", "dimension", "kind", "expected", "n_instances", "n_pairs", "n_undetermined",
        "n_violations", "violation_rate", "max_violation", "somers_d",
    ),
    "judge_lift": (
        "family", "judge", "dimension", "probe", "n_instances", "mean_without", "mean_with", "lift", "ci_low",
        "ci_high", "is_lifted",
    ),
    "policy_mean": (
        "family", "policy_id", "policy", "policy_kind", "n_instances", "n_rollouts", "mean_reward", "se", "ci_low",
        "ci_high", "mean_width", "share_ready", "n_failed",
    ),
    "useful_groups": (
        "family", "policy_id", "policy", "group_size", "n_groups", "n_measured", "expected_useful_share", "method",
    ),
    "train_on": ("instance_id", "policy_id", "family", "policy", "verdict", "train", "reasons", "sampling_weight"),
    "cap_attribution": (
        "family", "policy_id", "policy", "flag", "n_triggered", "share_triggered", "ceiling", "n_pairs",
        "destroyed_pair_rate", "destroyed_without", "destroyed_by_cap",
        "std_capped", "std_without", "dead_share", "dead_share_without",
    ),
    "hackability": (
        "family", "best_probe", "best_mean", "best_max", "floor", "weak_policy", "weak_mean", "strong_mean",
        "n_instances", "hack_ratio", "ci_low", "ci_high", "share_beating_weak_median", "beating_upper",
    ),
    "detection": (
        "family", "operator", "dimension", "severity", "kind", "expected", "n_instances", "n_undetermined", "mean_low",
        "detected_share", "wilson_low", "mean_drop",
    ),
    "knob_effect": (
        "family", "knob", "n_instances", "coefficient_per_sd", "se", "ci_low", "ci_high", "p_holm", "reason",
    ),
    "dimension_share": (
        "family", "policy_id", "dimension", "declared_weight", "variance_share", "n_groups", "is_dead", "is_dominant",
    ),
}  # fmt: skip
"""View -> the columns that the page shows; the rows are those of the run."""

OF_TEXTS = ("dimension_spread",)
"""Views of which the page shows the rows of a group beside its texts."""
OF_GROUPS = frozenset({"cap_impact", "cap_attribution", "policy_mean", "dimension_share"})
"""Of these only policies that form groups: every rung of every ladder is a policy, too."""

OF_ALL_RUNS: dict[str, tuple[str, ...]] = {
    "rater_agreement": (
        "dimension", "quality_band", "n_items", "n_raters", "krippendorff_alpha", "within_item_sd",
        "mean_abs_difference", "reason",
    ),
    "judge_calibration": (
        "dimension", "judge", "grader_version", "n", "n_effective", "n_instances", "weighting", "bias", "bias_low",
        "bias_high", "mae", "mae_human", "spearman", "kendall", "weighted_kappa", "agreement", "agreement_low",
        "agreement_high", "ece", "null_ece", "status", "n_to_decide", "reason",
    ),
    "rater_reliability": (
        "dimension", "quality_band", "weighting", "n_items", "n_raters", "alpha_ordinal", "alpha_ordinal_low",
        "alpha_ordinal_high", "alpha_ordinal_reason", "ac2", "ac2_low", "ac2_high", "icc", "icc_low", "icc_high",
        "within_item_sd", "within_item_sd_low", "within_item_sd_high", "mean_abs_difference",
    ),
    "mean_quality": (
        "dimension", "set_id", "judge", "grader_version", "domain", "n_frame", "n_rated", "judge_mean", "rated_mean",
        "rated_low", "rated_high", "mean", "low", "high", "reason",
    ),
    "judge_drift": (
        "dimension", "judge", "kind", "earlier", "later", "n_common", "shift", "shift_low", "shift_high",
        "share_unrated", "verdict", "reason",
    ),
    "reliability_curve": (
        "dimension", "judge", "grader_version", "bin", "bin_low", "bin_high", "judge_mean", "human_mean", "n",
    ),
    "trajectory": (
        "family", "split", "policy_id", "dimension", "policy", "parent", "base", "intervention", "step", "n_instances",
        "n_rollouts", "mean", "ci_low", "ci_high", "delta_from_parent", "delta_parent_low", "delta_parent_high",
        "delta_from_base", "delta_base_low", "delta_base_high", "margin", "n_to_decide", "status", "status_from_base",
        "reason",
    ),
}  # fmt: skip
"""Views and result tables that describe no run: ratings and checkpoints stand beside runs."""

COUNTED: dict[str, str] = {
    "run": """
        select
            run_id, status, code_version, strftime(started_at, '%Y-%m-%d %H:%M UTC') as started,
            round(epoch(ended_at) - epoch(started_at), 1) as seconds, config_hash, taskset_hash, n_planned,
            config::varchar as config, json_extract_string(config, '$.weak') as weak,
            json_extract_string(config, '$.strong') as strong
        from run
        where run_id = $1
    """,
    "run_counts": """
        select
            count(*) as n_rollouts,
            count(distinct instance_id) as n_instances,
            count(distinct family) as n_families,
            count(*) filter (is_group) as n_group_rollouts,
            count(*) filter (is_lost) as n_lost,
            count(*) filter (not is_lost and not is_graded) as n_ungraded,
            string_agg(distinct family, ', ' order by family) as families
        from stg_attempt
        where run_id = $1
    """,
    "run_policies": """
        with seen as (
            select policy_id, count(*) as n_rollouts, count(distinct instance_id) as n_instances
            from stg_attempt
            where run_id = $1 and is_group
            group by policy_id
        )
        select
            seen.policy_id,
            -- The name says it all where the policy took part in one regime only.
            if(count(*) over (partition by policy.name) = 1, policy.name, seen.policy_id) as label,
            policy.name as policy, policy.kind as policy_kind, policy.regime::varchar as regime,
            stg_anchor.anchor, seen.n_instances, seen.n_rollouts
        from seen
        join policy using (policy_id)
        left join stg_anchor on stg_anchor.run_id = $1 and stg_anchor.policy_id = seen.policy_id
        order by policy.name, seen.policy_id
    """,
    "policy_verdicts": """
        select
            policy_id,
            any_value(policy) as policy,
            count(*) as n_groups,
            count(*) filter (verdict = 'trainable') as n_trainable,
            count(*) filter (verdict = 'weak_signal') as n_weak_signal,
            count(*) filter (verdict in ('insufficient_data', 'unassessed')) as n_unknown,
            count(*) filter (not resolved) as n_unresolved,
            avg(mean_reward) as mean_reward,
            median(std_reward) as median_std
        from task_verdict
        where run_id = $1
        group by policy_id
        order by mean_reward, policy_id
    """,
    "verdict_counts": """
        select
            family, policy_id, any_value(policy) as policy, verdict, count(*) as n_groups,
            count(*) filter (not resolved) as n_unresolved
        from task_verdict
        where run_id = $1
        group by family, policy_id, verdict
        order by family, policy_id, verdict
    """,
    "train_on_counts": """
        select
            count(*) as n_groups,
            count(*) filter (train) as n_train,
            count(*) filter (verdict in ('insufficient_data', 'unassessed')) as n_unknown
        from train_on
        where run_id = $1
    """,
    "verdict_totals": """
        select verdict, count(*) as n_groups, count(*) filter (not resolved) as n_unresolved
        from task_verdict
        where run_id = $1
        group by verdict
        order by n_groups desc, verdict
    """,
    # A step of 0.02 tells the verdict rules' own limits apart; 0.71 is the largest standard deviation there is.
    "spread_histogram": """
        select
            family,
            floor(std_reward / 0.02 + 1e-9) * 0.02 as bin_low,
            floor(std_reward / 0.02 + 1e-9) * 0.02 + 0.02 as bin_high,
            verdict,
            count(*) as n_groups
        from task_verdict
        where run_id = $1 and std_reward is not null
        group by all
        order by family, bin_low, verdict
    """,
    "spread_quantiles": """
        select
            family,
            policy_id,
            any_value(policy) as policy,
            count(std_reward) as n_groups,
            quantile_cont(std_reward, 0.1) as p10,
            quantile_cont(std_reward, 0.5) as median,
            quantile_cont(std_reward, 0.9) as p90,
            avg(dead_at_g) as mean_dead_at_g
        from task_verdict
        where run_id = $1 and std_reward is not null
        group by family, policy_id
        order by family, median, policy_id
    """,
    "anchor_means": """
        select
            difficulty.family,
            any_value(difficulty.weak_policy) as weak_policy,
            any_value(difficulty.strong_policy) as strong_policy,
            count(*) as n_instances,
            avg(difficulty.weak_mean) as weak_mean,
            avg(difficulty.strong_mean) as strong_mean,
            quantile_cont(difficulty.difficulty, 0.1) as p10,
            quantile_cont(difficulty.difficulty, 0.5) as median,
            quantile_cont(difficulty.difficulty, 0.9) as p90,
            count(*) filter (difficulty.is_negative) as n_negative
        from difficulty
        where difficulty.run_id = $1 and difficulty.difficulty is not null
        group by difficulty.family
        order by difficulty.family
    """,
    # The difficulty that was asked for, where it was; else the one that the anchors measured.
    "reward_by_difficulty": """
        select
            task_verdict.family, task_verdict.policy_id, task_verdict.policy, task_verdict.instance_id,
            coalesce(instance.difficulty, difficulty.difficulty) as difficulty,
            instance.difficulty is not null as is_declared,
            task_verdict.mean_reward, task_verdict.std_reward, task_verdict.n, task_verdict.verdict
        from task_verdict
        join instance using (instance_id)
        left join difficulty on difficulty.run_id = task_verdict.run_id
            and difficulty.instance_id = task_verdict.instance_id
        where task_verdict.run_id = $1 and task_verdict.mean_reward is not null
            and coalesce(instance.difficulty, difficulty.difficulty) is not null
        order by task_verdict.family, task_verdict.policy_id, task_verdict.instance_id
    """,
    "difficulty_slope": """
        select
            task_verdict.family,
            task_verdict.policy_id,
            any_value(task_verdict.policy) as policy,
            count(*) as n_instances,
            corr(task_verdict.mean_reward, instance.difficulty) as correlation
        from task_verdict
        join instance using (instance_id)
        where task_verdict.run_id = $1 and task_verdict.mean_reward is not null and instance.difficulty is not null
        group by task_verdict.family, task_verdict.policy_id
        having count(*) >= 3
        order by task_verdict.family, task_verdict.policy_id
    """,
    "probe_counts": """
        select
            count(*) as n_probes,
            count(*) filter (holds is not true) as n_not_holding,
            count(*) filter (kind = 'zero') as n_zero,
            count(*) filter (kind = 'zero' and holds is false) as n_above_floor
        from probe_floor
        where run_id = $1
    """,
    "confusion_counts": """
        select
            family,
            count(*) filter (agrees is not null) as n_judged,
            count(*) filter (agrees is false) as n_disagree,
            count(*) filter (agrees is false and expected = 'moves') as n_missed,
            count(*) filter (agrees is false and expected <> 'moves') as n_wrong
        from grader_confusion
        where run_id = $1
        group by family
        order by family
    """,
    "confusion_totals": """
        select
            count(*) filter (agrees is not null) as n_judged,
            count(*) filter (agrees is false) as n_disagree,
            count(*) filter (agrees is false and (family, operator, dimension) in (
                select (family, shown_by, unnest(excuses::varchar[])) from known_limit
            )) as n_declared
        from grader_confusion
        where run_id = $1
    """,
    "order_counts": """
        select family, sum(n_violations)::bigint as n_violations, sum(n_pairs)::bigint as n_pairs
        from monotonicity
        where run_id = $1 and dimension = 'composite'
        group by family
        order by family
    """,
    # Only instances on which all rungs up to there were graded would be fewer at each severity; all are taken.
    "severity_curve": """
        with violated as (
            select family, operator, dimension, n_violations, expected from monotonicity where run_id = $1
        )
        select
            stg_rung.family, stg_rung.operator, stg_rung.dimension, stg_rung.severity,
            count(distinct stg_rung.instance_id) as n_instances,
            avg(stg_rung.low) as mean_low,
            any_value(violated.expected) as expected,
            any_value(violated.n_violations) > 0 as is_violated
        from stg_rung
        join violated using (family, operator, dimension)
        where stg_rung.run_id = $1 and not stg_rung.is_error and not stg_rung.is_open
        group by stg_rung.family, stg_rung.operator, stg_rung.dimension, stg_rung.severity
        order by stg_rung.family, stg_rung.dimension, stg_rung.operator, stg_rung.severity
    """,
    "spend": """
        select
            spend.kind,
            case
                when spend.kind = 'judge' or policy.kind in ('model', 'simulated', 'replay')
                    then coalesce(policy.name, spend.spender)
                else 'oracle, ladders, probes'
            end as spender,
            sum(calls)::bigint as calls,
            sum(input_tokens)::bigint as input_tokens,
            sum(output_tokens)::bigint as output_tokens,
            sum(cached_tokens)::bigint as cached_tokens,
            case when count(cost_usd) = count(*) then sum(cost_usd) end as cost_usd,
            sum(known_usd) as known_usd,
            sum(n_unpriced)::bigint as n_unpriced,
            sum(latency_s) as latency_s
        from spend
        left join policy on spend.kind = 'policy' and policy.policy_id = spend.spender
        where spend.run_id = $1
        group by 1, 2
        order by spend.kind desc, known_usd desc, spender
    """,
    "known_limit": """
        select
            known_limit.family, known_limit.name, known_limit.text, known_limit.shown_by,
            known_limit.excuses::varchar[] as excuses,
            probe.kind is not null as is_probe,
            coalesce(probe.summary, operator.summary) as summary,
            probe_floor.max_reward, probe_floor.max_lift, probe_floor.holds,
            confusion.n_disagree
        from known_limit
        left join probe on probe.family = known_limit.family and probe.probe = known_limit.shown_by
        left join operator on operator.family = known_limit.family and operator.operator = known_limit.shown_by
        left join probe_floor on probe_floor.run_id = $1 and probe_floor.family = known_limit.family
            and probe_floor.probe = known_limit.shown_by
        left join (
            select family, operator, count(*) filter (agrees is false) as n_disagree
            from grader_confusion
            where run_id = $1
            group by family, operator
        ) as confusion on confusion.family = known_limit.family and confusion.operator = known_limit.shown_by
        where known_limit.family in (select distinct family from stg_attempt where run_id = $1)
        order by known_limit.family, known_limit.name
    """,
    "group_rewards": """
        select
            instance_id,
            policy_id,
            list(sample order by sample) filter (is_graded) as samples,
            list(reward order by sample) filter (is_graded) as rewards,
            list(sample order by sample) filter (is_capped) as capped,
            count(*) filter (is_lost) as n_lost
        from stg_attempt
        where run_id = $1 and is_group
        group by instance_id, policy_id
        order by instance_id, policy_id
    """,
    "instance": """
        select distinct
            instance.instance_id, instance.family, instance.archetype, instance.difficulty, instance.split,
            instance.mode, instance.seed::varchar as seed
        from instance
        join rollout using (instance_id)
        where rollout.run_id = $1
        order by instance.instance_id
    """,
}
"""Name -> SQL: what is counted over views, and what tables hold about the run."""
