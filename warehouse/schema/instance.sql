-- instance: which tasks exist, and what only graders may see of them?
-- grain: instance_id
--   instance_id       family and content hash
--   family            kind of task
--   template_version  version of the generator's templates
--   archetype         kind of instance within the family
--   seed              seed it was generated from
--   difficulty        position on the family's scale, 0..1; null where knobs were set by hand
--   knobs             what shaped it
--   mode              multi (tools) or single (all in the prompt)
--   split             train, heldout, stress, ...
--   prompt            the request
--   materials         file name -> text
--   truth             what only graders see
create table if not exists instance (
    instance_id varchar not null,
    family varchar not null,
    template_version varchar not null,
    archetype varchar not null,
    seed ubigint not null,
    difficulty double,
    knobs json not null,
    mode varchar not null,
    split varchar not null,
    prompt varchar not null,
    materials json not null,
    truth json not null,
    primary key (instance_id),
    check (mode in ('multi', 'single'))
);
