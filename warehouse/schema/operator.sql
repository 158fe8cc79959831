-- operator: which damages and rewrites are known?
-- grain: family, operator
--   family    kind of task
--   operator  name
--   kind      degrade, neutral or compensation
--   summary   what it does
create table if not exists operator (
    family varchar not null,
    operator varchar not null,
    kind varchar not null,
    summary varchar not null,
    primary key (family, operator),
    check (kind in ('degrade', 'neutral', 'compensation'))
);
