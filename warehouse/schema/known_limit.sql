-- known_limit: what are the graders known not to see?
-- grain: family, name
--   family    kind of task
--   name      limit
--   text      what it means
--   shown_by  probe or operator that shows it
--   excuses   list of the dimensions in which it contradicts what is expected of that operator; reward for a probe
create table if not exists known_limit (
    family varchar not null,
    name varchar not null,
    text varchar not null,
    shown_by varchar not null,
    excuses json not null,
    primary key (family, name)
);
