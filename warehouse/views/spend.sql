-- spend: what did each policy and each judge cost?
-- grain: run_id, kind, spender
-- reads: rollout, judge_call
--   run_id         run
--   kind           policy or judge
--   spender        policy_id, or the judge: model and conditions; the model where a call does not say more
--   calls          rollouts of a policy, calls of a judge
--   input_tokens   tokens read
--   output_tokens  tokens written
--   cached_tokens  input tokens read from a cache
--   cost_usd       US dollars; null where the price of any call is not known
--   known_usd      US dollars of the calls with a known price, the least it can have cost; 0 where none has one
--   n_unpriced     calls without a known price
--   latency_s      seconds from start to end, added up over those where it was taken; null where none was
create or replace view spend as
with spent as (
    select
        run_id,
        'policy' as kind,
        policy_id as spender,
        input_tokens,
        output_tokens,
        cached_tokens,
        cost_usd,
        latency_s
    from rollout
    union all
    select
        rollout.run_id,
        'judge' as kind,
        coalesce(judge_call.grader_id, judge_call.model) as spender,
        judge_call.input_tokens,
        judge_call.output_tokens,
        judge_call.cached_tokens,
        judge_call.cost_usd,
        judge_call.latency_s
    from judge_call
    join rollout using (rollout_id)
)
select
    run_id,
    kind,
    spender,
    count(*) as calls,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(cached_tokens) as bigint) as cached_tokens,
    case when count(*) = count(cost_usd) then sum(cost_usd) end as cost_usd,
    coalesce(sum(cost_usd), 0) as known_usd,
    count(*) filter (cost_usd is null) as n_unpriced,
    sum(latency_s) as latency_s
from spent
group by run_id, kind, spender;
