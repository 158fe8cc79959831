-- family: which families were assayed, and what may be earned without work?
-- grain: family
--   family            kind of task
--   template_version  version of its templates
--   floor             most a policy may earn without work, 0..1
create table if not exists family (
    family varchar not null,
    template_version varchar not null,
    floor double not null,
    primary key (family),
    check (floor between 0 and 1)
);
