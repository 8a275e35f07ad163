DROP FUNCTION put_not_before(text, text[]);
DELETE FROM vetoes WHERE kind LIKE '%\_not\_before';
ALTER TABLE vetoes DROP CONSTRAINT vetoes_kind_check;
ALTER TABLE vetoes ADD CONSTRAINT vetoes_kind_check CHECK (kind IN ('client', 'organization', 'session', 'grant'));

CREATE INDEX login_failures_expired ON login_failures (failed_at);
DROP INDEX login_failures_client, login_failures_kept_until;
ALTER TABLE login_failures DROP COLUMN kept_until, DROP COLUMN client_id, DROP COLUMN ip, DROP COLUMN reported_at;
