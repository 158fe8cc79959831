-- stg_calibration_input: what would the result tables of calibration be worked out from, as of now?
-- grain: inputs
-- reads: rating, score, calibration_set, calibration_item, calibration_frame
--   inputs     hash of ratings, verdicts of judges and calibration sets
--   n_ratings  ratings there are, those of seed examples included
create or replace view stg_calibration_input as
with rated as (
    select count(*) as n, coalesce(bit_xor(hash(rollout_id, dimension, rater, score, rubric_hash)), 0) as content
    from rating
),
judged as (
    select
        count(*) as n,
        coalesce(bit_xor(hash(rollout_id, dimension, grader_id, replicate, grader_version, low, high, state)), 0) as content
    from score
    where source = 'judge'
),
drawn as (
    select count(*) as n, coalesce(bit_xor(hash(set_id, rollout_id, dimension, stratum)), 0) as content from calibration_item
),
framed as (
    select count(*) as n, coalesce(bit_xor(hash(set_id, rollout_id, stratum)), 0) as content from calibration_frame
),
made as (
    select count(*) as n, coalesce(bit_xor(hash(set_id, created_at)), 0) as content from calibration_set
)
select
    format(
        '{}-{} {}-{} {}-{} {}-{} {}-{}', rated.n, rated.content, judged.n, judged.content, drawn.n, drawn.content,
        framed.n, framed.content, made.n, made.content
    ) as inputs,
    rated.n as n_ratings
from rated, judged, drawn, framed, made;
