DROP VIEW directory_version;
DELETE FROM directory_versions WHERE key <> 'everything';
ALTER TABLE directory_versions RENAME TO directory_version;
ALTER TABLE directory_version DROP COLUMN key,
    ADD COLUMN "only" boolean PRIMARY KEY DEFAULT true CHECK ("only");
-- No version is used twice.
UPDATE directory_version
    SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);

CREATE OR REPLACE FUNCTION directory_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE directory_version
        SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint),
            xact = pg_current_xact_id()
        WHERE xact <> pg_current_xact_id();
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION put_not_before(what text, whose text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF what NOT IN ('client_not_before', 'organization_not_before', 'user_not_before', 'everybody_not_before') THEN
        RAISE EXCEPTION 'there is no such kind: %', what;
    END IF;
    INSERT INTO vetoes (id, kind, since)
        SELECT DISTINCT id, what, clock_now() + (clock_timestamp() - now()) FROM unnest(whose) AS id
        ON CONFLICT (id, kind) DO UPDATE SET since = greatest(vetoes.since, excluded.since);
    UPDATE directory_version
        SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint),
            xact = pg_current_xact_id()
        WHERE xact <> pg_current_xact_id();
END $$;
DROP FUNCTION directory_has_changed(text);

CREATE OR REPLACE FUNCTION audit_is_written() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := pg_current_xact_id()::text;
    newest bigint;
BEGIN
    IF current_setting('understudy.trail', true) = own THEN
        newest := currval('audit_events_seq_seq');
        IF EXISTS (SELECT FROM audit_events WHERE seq = newest AND xmin = own::xid8::xid) THEN
            RETURN NULL;
        END IF;
    END IF;
    newest := coalesce(pg_sequence_last_value('audit_events_seq_seq'), 0) & 2147483647;
    -- It waits only if somebody took the name exclusively, which nothing of ours does.
    IF NOT pg_try_advisory_xact_lock_shared(1635083380, newest::integer) THEN
        PERFORM pg_advisory_xact_lock_shared(1635083380, newest::integer);
    END IF;
    own := set_config('understudy.trail', own, true);
    RETURN NULL;
END $$;

DO $$
DECLARE
    called text;
BEGIN
    FOREACH called IN ARRAY ARRAY['directory_changes()', 'put_not_before(text, text[])',
        'audit_is_written()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, %I, pg_temp',
            called, current_schema());
    END LOOP;
END $$;
