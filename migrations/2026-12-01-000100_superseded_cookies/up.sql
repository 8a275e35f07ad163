-- The cookie that a session had before its present one: a form that is posted twice carries it the second time. It
-- counts for some seconds, and only beside the password. A release that does not know the columns leaves them as they are.
ALTER TABLE sessions
    ADD COLUMN superseded_hash bytea CHECK (length(superseded_hash) = 32),
    ADD COLUMN superseded_until timestamptz;
CREATE INDEX sessions_superseded ON sessions (superseded_hash) WHERE superseded_hash IS NOT NULL;
