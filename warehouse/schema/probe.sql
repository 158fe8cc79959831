-- probe: which ways of being paid without the work are known?
-- grain: family, probe
--   family   kind of task
--   probe    name
--   kind     zero, shortcut or attack
--   summary  what it does
create table if not exists probe (
    family varchar not null,
    probe varchar not null,
    kind varchar not null,
    summary varchar not null,
    primary key (family, probe),
    check (kind in ('zero', 'shortcut', 'attack'))
);
