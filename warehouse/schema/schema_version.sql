-- schema_version: which version of this schema does the file have?
-- grain: version
--   version  1 and up
create table if not exists schema_version (
    version bigint not null,
    primary key (version)
);
