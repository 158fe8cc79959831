-- stg_rating: what did people say of rollouts, seed examples left out?
-- grain: rollout_id, dimension, rater
-- reads: rating, rollout, instance
--   rollout_id   rollout
--   dimension    named quality
--   rater        who rated
--   instance_id  task; null where the rollout is not kept here
--   score        0..1; null: the rater could not assess it
create or replace view stg_rating as
-- What the author of a seed example expects of it is no rating of a rollout by a person.
select rating.rollout_id, rating.dimension, rating.rater, rollout.instance_id, rating.score
from rating
left join rollout using (rollout_id)
left join instance using (instance_id)
where instance.split is distinct from 'seed';
