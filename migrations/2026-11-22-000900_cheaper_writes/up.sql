-- A redemption and an end touch no index again: an index that mentions `status` or `ends_at` has every index of
-- the row written anew. Our ids begin with their time, and whatever runs began within a day, so the primary key
-- finds what runs, and (actor_id, id) what is new of an actor.
DROP INDEX impersonations_by_token, impersonations_running, impersonations_recent;
