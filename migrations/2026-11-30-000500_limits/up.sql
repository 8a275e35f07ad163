-- Failed attempts: how long each row is kept, because failures in a row at one account are counted for longer than
-- those of an address; and of wrong client secrets which application and which address it was, until an event of the
-- audit trail has said how many there were.
ALTER TABLE login_failures
    ADD COLUMN kept_until timestamptz NOT NULL DEFAULT clock_now() + interval '1 hour',
    ADD COLUMN client_id text COLLATE "C",
    ADD COLUMN ip text,
    ADD COLUMN reported_at timestamptz;
CREATE INDEX login_failures_kept_until ON login_failures (kept_until);
CREATE INDEX login_failures_client ON login_failures (client_id, failed_at) WHERE client_id IS NOT NULL;
DROP INDEX login_failures_expired;

-- What was handed out before a moment and is dead, whatever becomes of its owner later: rows of `vetoes` that are not
-- lifted. NOT VALID, because the rows that are there keep the narrower rule.
ALTER TABLE vetoes DROP CONSTRAINT vetoes_kind_check;
ALTER TABLE vetoes ADD CONSTRAINT vetoes_kind_check CHECK (kind IN ('client', 'organization', 'session', 'grant',
    'client_not_before', 'organization_not_before', 'user_not_before', 'everybody_not_before')) NOT VALID;
