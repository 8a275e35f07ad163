CREATE INDEX sessions_expired ON sessions (expires_at);
DROP INDEX sessions_over, logout_deliveries_over, vetoes_over;
