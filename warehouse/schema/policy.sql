-- policy: who attempts, under which exact conditions, and descended from whom?
-- grain: policy_id
--   policy_id     name, with a hash of the regime where it has fields
--   name          provider/model or provider/skill
--   kind          model, simulated, probe, ladder, oracle or replay
--   regime        the conditions
--   parent        policy_id of the checkpoint it was trained from
--   intervention  what was done to the parent
--   step          training step
create table if not exists policy (
    policy_id varchar not null,
    name varchar not null,
    kind varchar not null,
    regime json not null,
    parent varchar,
    intervention varchar,
    step bigint,
    primary key (policy_id),
    check (kind in ('model', 'simulated', 'probe', 'ladder', 'oracle', 'replay'))
);
