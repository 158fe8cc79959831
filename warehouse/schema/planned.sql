-- planned: how many rollouts did a run plan where?
-- grain: run_id, instance_id, policy_id
--   run_id            run
--   instance_id       task
--   policy_id         who
--   n_samples         rollouts planned, 0 and up
--   n_not_applicable  of those, where the policy had nothing to offer
create table if not exists planned (
    run_id varchar not null,
    instance_id varchar not null,
    policy_id varchar not null,
    n_samples bigint not null,
    n_not_applicable bigint not null,
    primary key (run_id, instance_id, policy_id)
);
