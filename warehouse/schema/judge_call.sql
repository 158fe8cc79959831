-- judge_call: what was asked of a judge, what did it answer, and what did it cost?
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
--   verdict          answer as it came, and what was made of it
--   quotes_verified  every quote was found; null where it gave no verdict with quotes
--   grader_id        the judge: model and conditions
--   replicate        repeat, 0 and up
--   variant          plain, reversed, paraphrased or paraphrased_reversed: how the rubric was shown
--   outcome          level, cannot_assess, quote_not_found, canary_followed, refused, truncated, off_scale or malformed
--   value            what the verdict says, 0..1, whether it is used or not; null where it says nothing
--   latency_s        seconds from sending to the last byte
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
    -- Columns that came later can be null: they are added to the tables of older files.
    grader_id varchar,
    replicate bigint,
    variant varchar,
    outcome varchar,
    value double,
    latency_s double,
    primary key (call_id)
);
