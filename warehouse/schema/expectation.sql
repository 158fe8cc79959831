-- expectation: what must each operator do to each dimension?
-- grain: family, operator, dimension, facet
--   family     kind of task
--   operator   name
--   dimension  named quality
--   facet      part of it; empty for the dimension itself
--   expected   moves, still or may
create table if not exists expectation (
    family varchar not null,
    operator varchar not null,
    dimension varchar not null,
    facet varchar not null,
    expected varchar not null,
    primary key (family, operator, dimension, facet),
    check (expected in ('moves', 'still', 'may'))
);
