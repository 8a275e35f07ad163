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

-- The rows of that kind are written by this function alone, with the rights of the owner: the role that serves can
-- neither write nor move any other veto (scripts/least-rights.sql). People are remembered with these moments, so a
-- new one about people makes a new version of the directory.
CREATE FUNCTION put_not_before(what text, whose text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF what NOT IN ('client_not_before', 'organization_not_before', 'user_not_before', 'everybody_not_before') THEN
        RAISE EXCEPTION 'there is no such kind: %', what;
    END IF;
    INSERT INTO vetoes (id, kind) SELECT DISTINCT id, what FROM unnest(whose) AS id
        ON CONFLICT (id, kind) DO UPDATE SET since = greatest(vetoes.since, excluded.since);
    IF what <> 'client_not_before' THEN
        UPDATE directory_version
            SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint),
                xact = pg_current_xact_id()
            WHERE xact <> pg_current_xact_id();
    END IF;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION put_not_before(text, text[]) SECURITY DEFINER SET search_path = pg_catalog, %I, pg_temp',
        current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION put_not_before(text, text[]) FROM PUBLIC;
