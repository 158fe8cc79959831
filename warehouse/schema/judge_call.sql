-- judge_call: what was asked of a judge, and what did it cost?
-- grain: call_id
--   call_id          call
--   rollout_id       rollout
--   dimension        named quality
--   model            judge model
--   rubric_hash      hash of the judge rubric
--   input_tokens     tokens read
--   output_tokens    tokens written
--   cached_tokens    input tokens read from a cache
--   cost_usd         US dollars; null where unknown
--   verdict          verdict as returned
--   quotes_verified  every quote was found
create table if not exists judge_call (
    call_id varchar not null,
    rollout_id varchar not null,
    dimension varchar not null,
    model varchar not null,
    rubric_hash varchar not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    cached_tokens bigint not null,
    cost_usd double,
    verdict json,
    quotes_verified boolean,
    primary key (call_id)
);
