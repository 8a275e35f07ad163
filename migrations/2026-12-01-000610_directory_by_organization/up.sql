-- A version of the directory for each organization. Until here any change of anybody made one new version of the whole
-- directory: every server forgot everybody, and all changes waited for each other on its one row.
--
-- The row 'everything' is the version of the whole directory: of roles, settings, and applications without an
-- organization. A row 'org:ID' is that of one organization, of its people and applications; 'org:' that of the people
-- without one. There is such a row only where something has changed since the version of everything was made, so that
-- a statement can read all rows. Whoever remembers something compares the version of everything, and those of the
-- organizations that it is about.
ALTER TABLE directory_version RENAME TO directory_versions;
ALTER TABLE directory_versions DROP COLUMN "only",
    ADD COLUMN key text COLLATE "C" NOT NULL DEFAULT 'everything' CHECK (key = 'everything' OR key LIKE 'org:%');
ALTER TABLE directory_versions ALTER COLUMN key DROP DEFAULT, ADD PRIMARY KEY (key);

-- For the release before, which asks for one version: it grows with each change of any row.
CREATE VIEW directory_version AS
SELECT whole.version + coalesce((SELECT sum(greatest(own.version - whole.version, 1)) FROM directory_versions own
           WHERE own.key <> 'everything'), 0)::bigint AS version
FROM directory_versions whole WHERE whole.key = 'everything';
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS role
        FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'directory_versions'::regclass
        AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT SELECT ON directory_version TO %s', granted.role);
    END LOOP;
END $$;

-- Makes a new version of `changed`, once in a transaction. A transaction that changes more than one organization
-- makes a new version of everything, and so does whoever finds too many rows: a transaction holds the row of one
-- organization at most and takes the row of everything after it, so that nobody waits for anybody in a circle.
CREATE FUNCTION directory_has_changed(changed text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    own xid8 := pg_current_xact_id();
    -- Never used twice, not even after an older backup was put in place.
    micros bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
    IF EXISTS (SELECT FROM directory_versions WHERE xact = own AND key IN ('everything', changed)) THEN
        RETURN;
    END IF;
    IF changed <> 'everything' AND NOT EXISTS (SELECT FROM directory_versions WHERE xact = own) THEN
        INSERT INTO directory_versions AS known (key, version, xact) VALUES (changed, greatest(micros,
                (SELECT version + 2 FROM directory_versions WHERE key = 'everything')), own)
            ON CONFLICT (key) DO UPDATE SET version = greatest(known.version + 1, excluded.version), xact = own;
        IF (SELECT count(*) FROM directory_versions) <= 64 THEN
            RETURN;
        END IF;
    END IF;
    -- First the row, so that what comes next sees all that was committed until it was free.
    PERFORM FROM directory_versions WHERE key = 'everything' FOR UPDATE;
    UPDATE directory_versions
        SET version = greatest(micros, version + 1, (SELECT version + 1 FROM directory_version)), xact = own
        WHERE key = 'everything';
    -- What others hold stays; they come later.
    DELETE FROM directory_versions WHERE key IN (SELECT key FROM directory_versions
        WHERE key <> 'everything' FOR UPDATE SKIP LOCKED);
END $$;

CREATE OR REPLACE FUNCTION directory_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed text := 'everything';
    home text;
BEGIN
    IF TG_LEVEL = 'STATEMENT' OR TG_TABLE_NAME IN ('roles', 'settings') THEN
        changed := 'everything';
    ELSIF TG_TABLE_NAME = 'users' THEN
        IF TG_OP = 'DELETE' OR OLD.organization_id IS NOT DISTINCT FROM NEW.organization_id THEN
            changed := concat('org:', OLD.organization_id);
        END IF;
    ELSIF TG_TABLE_NAME = 'organizations' THEN
        IF TG_OP = 'DELETE' OR OLD.id = NEW.id THEN
            changed := concat('org:', OLD.id);
        END IF;
    ELSIF TG_TABLE_NAME = 'clients' THEN
        IF OLD.organization_id IS NOT NULL AND (TG_OP = 'DELETE' OR OLD.organization_id = NEW.organization_id) THEN
            changed := concat('org:', OLD.organization_id);
        END IF;
    ELSIF TG_TABLE_NAME = 'user_roles' THEN
        IF TG_OP <> 'UPDATE' OR OLD.user_id = NEW.user_id THEN
            SELECT organization_id INTO home FROM users
                WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.user_id ELSE NEW.user_id END;
            -- Whoever has gone with the role has made a version already.
            IF NOT FOUND THEN
                RETURN NULL;
            END IF;
            changed := concat('org:', home);
        END IF;
    ELSIF TG_TABLE_NAME = 'client_secrets' THEN
        IF TG_OP <> 'UPDATE' OR OLD.client_id = NEW.client_id THEN
            SELECT organization_id INTO home FROM clients
                WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.client_id ELSE NEW.client_id END;
            IF NOT FOUND THEN
                RETURN NULL;
            END IF;
            changed := coalesce('org:' || home, 'everything');
        END IF;
    END IF;
    PERFORM directory_has_changed(changed);
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
    PERFORM directory_has_changed(changed.key) FROM (
        SELECT DISTINCT CASE what
            WHEN 'organization_not_before' THEN concat('org:', whom.id)
            WHEN 'user_not_before' THEN (SELECT concat('org:', organization_id) FROM users WHERE users.id = whom.id)
            WHEN 'client_not_before' THEN
                (SELECT 'org:' || organization_id FROM clients WHERE clients.id = whom.id) END AS key
        FROM unnest(whose) AS whom (id)) AS changed WHERE changed.key IS NOT NULL;
    IF what = 'everybody_not_before' OR what = 'client_not_before'
        AND EXISTS (SELECT FROM clients WHERE id = ANY (whose) AND organization_id IS NULL) THEN
        PERFORM directory_has_changed('everything');
    END IF;
END $$;

DO $$
DECLARE
    called text;
BEGIN
    FOREACH called IN ARRAY ARRAY['directory_changes()', 'directory_has_changed(text)', 'put_not_before(text, text[])']
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, %I, pg_temp',
            called, current_schema());
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION directory_has_changed(text) FROM PUBLIC;

-- Every event passes this trigger. With the rights of whoever writes and every name in full, as `audit_event_is_placed`:
-- a path of its own costs more than the rest of it.
DO $do$
BEGIN
    EXECUTE format($$CREATE OR REPLACE FUNCTION audit_is_written() RETURNS trigger LANGUAGE plpgsql AS '
DECLARE
    own text := pg_catalog.pg_current_xact_id()::pg_catalog.text;
    newest bigint;
BEGIN
    IF pg_catalog.current_setting(''understudy.trail'', true) OPERATOR(pg_catalog.=) own THEN
        newest := pg_catalog.currval(''%1$I.audit_events_seq_seq''::pg_catalog.regclass);
        IF EXISTS (SELECT FROM %1$I.audit_events WHERE seq OPERATOR(pg_catalog.=) newest
            AND xmin OPERATOR(pg_catalog.=) own::pg_catalog.xid8::pg_catalog.xid) THEN
            RETURN NULL;
        END IF;
    END IF;
    newest := coalesce(pg_catalog.pg_sequence_last_value(''%1$I.audit_events_seq_seq''::pg_catalog.regclass), 0)
        OPERATOR(pg_catalog.&) 2147483647;
    -- It waits only if somebody took the name exclusively, which nothing of ours does.
    IF NOT pg_catalog.pg_try_advisory_xact_lock_shared(1635083380, newest::pg_catalog.int4) THEN
        PERFORM pg_catalog.pg_advisory_xact_lock_shared(1635083380, newest::pg_catalog.int4);
    END IF;
    own := pg_catalog.set_config(''understudy.trail'', own, true);
    RETURN NULL;
END'$$, current_schema());
    ALTER FUNCTION audit_is_written() SECURITY INVOKER RESET search_path;
END $do$;
