CREATE INDEX impersonations_recent ON impersonations (actor_id, created_at);
CREATE INDEX impersonations_running ON impersonations (ends_at) WHERE status = 'active';
CREATE INDEX impersonations_by_token ON impersonations (ends_at) WHERE status = 'active' AND ticket_hash IS NULL;
