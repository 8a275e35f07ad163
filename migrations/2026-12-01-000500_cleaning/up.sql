-- Cleaning finds what is over by an index, whatever is not over yet: a step never reads a table that grows.
CREATE INDEX vetoes_over ON vetoes (kind, since);
CREATE INDEX logout_deliveries_over ON logout_deliveries (due_at);
-- Sessions of impersonations are not removed by their own time, and would be read at every turn.
CREATE INDEX sessions_over ON sessions (expires_at) WHERE impersonation_id IS NULL;
DROP INDEX sessions_expired;
