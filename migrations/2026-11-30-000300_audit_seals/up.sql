-- The trail by itself: positions of its own, a horizon of its own, and seals that the database cannot make.
--
-- Until here a seal covered the transactions of an interval, and so any transaction of the cluster held sealing up.
-- From here on it covers an interval of positions. An event that a seal of the old kind covers keeps its `xact`; one
-- that no seal of that kind covers has none, those that wait now included.
LOCK TABLE audit_events, audit_checkpoints IN ACCESS EXCLUSIVE MODE;

ALTER TABLE audit_events ALTER COLUMN xact DROP NOT NULL, ALTER COLUMN xact DROP DEFAULT;
ALTER TABLE audit_events DISABLE TRIGGER append_only;
UPDATE audit_events SET xact = NULL WHERE xact >=
    coalesce((SELECT to_xact FROM audit_checkpoints ORDER BY number DESC LIMIT 1), '0'::xid8);
ALTER TABLE audit_events ENABLE TRIGGER append_only;
DROP INDEX audit_events_xact;
CREATE INDEX audit_events_xact ON audit_events (xact, seq) WHERE xact IS NOT NULL;

-- A trigger draws the position, after it has taken the lock; an identity would draw it before.
DO $$
DECLARE
    drawn bigint := pg_sequence_last_value(pg_get_serial_sequence('audit_events', 'seq')::regclass);
BEGIN
    ALTER TABLE audit_events ALTER COLUMN seq DROP IDENTITY;
    CREATE SEQUENCE audit_events_seq_seq AS bigint OWNED BY audit_events.seq;
    IF drawn IS NOT NULL THEN
        PERFORM setval('audit_events_seq_seq', drawn);
    END IF;
END $$;

ALTER TABLE audit_checkpoints
    -- NULL: a seal of the old kind. A restore begins the next epoch.
    ADD COLUMN epoch bigint,
    -- It covers the positions in (after_seq, up_to]: those that have an event, and those that never became one.
    ADD COLUMN after_seq bigint,
    ADD COLUMN up_to bigint,
    -- SHA-256 over the events; `hash` is an HMAC over this and everything else in the row.
    ADD COLUMN digest bytea,
    ADD CONSTRAINT audit_checkpoints_kind
        CHECK (num_nulls(epoch, after_seq, up_to, digest) IN (0, 4) AND length(digest) = 32);

-- Where sealing stands: after which position the first seal of the new kind begins, and the seal that is being made.
CREATE TABLE audit_sealing (
    "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
    begins_after bigint NOT NULL,
    made_in xid8,
    number bigint,
    epoch bigint,
    after_seq bigint,
    up_to bigint,
    last_seq bigint,
    events bigint,
    sealed_at timestamptz
);
INSERT INTO audit_sealing (begins_after) SELECT coalesce(
    (SELECT min(seq) - 1 FROM audit_events WHERE xact IS NULL), (SELECT max(seq) FROM audit_events), 0);

-- Before a transaction draws its first position, it takes a shared lock that is named after the last position drawn
-- until then: all its positions are greater. One lock is enough, so a setting says that there is one. Anybody can set
-- a setting; so it counts only if the last event of this session was written by this transaction, and is still there.
CREATE FUNCTION audit_is_written() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER written BEFORE INSERT ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION audit_is_written();

-- The position and the time of an event are the database's, whatever was written. With the rights of whoever writes,
-- and so with every name in full: for each of a thousand rows, a path of its own would cost more than the rest.
DO $do$
BEGIN
    EXECUTE format($$CREATE FUNCTION audit_event_is_placed() RETURNS trigger LANGUAGE plpgsql AS '
BEGIN
    NEW.seq := pg_catalog.nextval(''%1$I.audit_events_seq_seq''::pg_catalog.regclass);
    NEW.at := %1$I.clock_now();
    NEW.xact := NULL;
    RETURN NEW;
END'$$, current_schema());
END $do$;
CREATE TRIGGER placed BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_event_is_placed();

-- Up to where the trail is final: no event with such a position can come any more. The order of the three reads is
-- what it rests on; each has a snapshot of its own.
CREATE FUNCTION audit_horizon() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    drawn bigint := coalesce(pg_sequence_last_value('audit_events_seq_seq'), 0);
    held bigint;
BEGIN
    -- The name of a lock holds 31 bits of the position. It may be a little greater than `drawn`, too.
    SELECT min(drawn + ((l.objid::bigint - drawn) & 2147483647)
            - CASE WHEN ((l.objid::bigint - drawn) & 2147483647) >= 1073741824 THEN 2147483648 ELSE 0 END)
        INTO held FROM pg_locks l
        WHERE l.locktype = 'advisory' AND l.classid = 1635083380 AND l.objsubid = 2
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database());
    RETURN least(drawn, held);
END $$;

-- Up to where the trail is sealed.
CREATE FUNCTION audit_sealed_up_to() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT up_to FROM audit_checkpoints ORDER BY number DESC LIMIT 1),
        (SELECT begins_after FROM audit_sealing))
$$;

-- Begins the next seal and says what it covers; no row when there is nothing to seal. The caller reads the events,
-- and ends the seal in the same transaction. `opening` begins an epoch, with or without events.
CREATE FUNCTION audit_seal_begin(opening boolean) RETURNS SETOF audit_sealing LANGUAGE plpgsql AS $$
DECLARE
    last audit_checkpoints;
    begun audit_sealing;
    horizon bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a seal is made in a transaction that sees what others commit meanwhile';
    END IF;
    -- One at a time, on any node; the lock of earlier releases.
    PERFORM pg_advisory_xact_lock(7236837);
    horizon := audit_horizon();
    SELECT * INTO last FROM audit_checkpoints ORDER BY number DESC LIMIT 1;
    begun.after_seq := audit_sealed_up_to();
    SELECT count(*), coalesce(max(seq), begun.after_seq) INTO begun.events, begun.last_seq FROM (
        SELECT seq FROM audit_events
        WHERE seq > begun.after_seq AND seq <= horizon AND xact IS NULL ORDER BY seq LIMIT 5000) AS events;
    IF begun.events = 0 AND NOT opening THEN
        RETURN;
    END IF;
    begun.up_to := CASE begun.events WHEN 5000 THEN begun.last_seq
        ELSE greatest(horizon, begun.last_seq) END;
    RETURN QUERY UPDATE audit_sealing SET made_in = pg_current_xact_id(),
        number = coalesce(last.number, 0) + 1, epoch = coalesce(last.epoch, 1) + CASE WHEN opening THEN 1 ELSE 0 END,
        after_seq = begun.after_seq, up_to = begun.up_to, last_seq = begun.last_seq, events = begun.events,
        sealed_at = clock_now() RETURNING *;
END $$;

-- Ends the seal that this transaction began. It takes no number: what is sealed is what was said at the beginning.
CREATE FUNCTION audit_seal_end(events_digest bytea, seal bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    -- What earlier releases read as a transaction; no event of theirs comes after it.
    never xid8 := '18446744073709551615';
BEGIN
    INSERT INTO audit_checkpoints (number, from_xact, to_xact, events, last_seq, hash, sealed_at, epoch, after_seq,
            up_to, digest)
        SELECT number, never, never, events, last_seq, seal, sealed_at, epoch, after_seq, up_to, events_digest
        FROM audit_sealing WHERE made_in = pg_current_xact_id();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no seal was begun';
    END IF;
    UPDATE audit_sealing SET made_in = NULL, number = NULL, epoch = NULL, after_seq = NULL, up_to = NULL,
        last_seq = NULL, events = NULL, sealed_at = NULL;
END $$;

-- What must not be forgotten is not deleted before its time, by anybody but the owner's own triggers.
CREATE FUNCTION stays_until_its_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a row of % stays until its time is over', TG_TABLE_NAME;
END $$;
CREATE TRIGGER stays BEFORE DELETE ON replay_guard FOR EACH ROW
    WHEN (OLD.expires_at >= clock_now()) EXECUTE FUNCTION stays_until_its_time();
CREATE TRIGGER stays_the_same BEFORE UPDATE ON replay_guard FOR EACH ROW EXECUTE FUNCTION stays_until_its_time();
CREATE TRIGGER stays BEFORE DELETE ON vetoes FOR EACH ROW
    WHEN (OLD.since >= clock_now() - interval '2 days') EXECUTE FUNCTION stays_until_its_time();

-- The clock means that of Postgres, whatever path the session has.
CREATE OR REPLACE FUNCTION clock_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT pg_catalog.now()';

-- What is kept by triggers is written by them alone, with the rights of the owner (scripts/least-rights.sql). Names
-- are looked for where they were when the function was made, and nowhere else.
DO $$
DECLARE
    called text;
BEGIN
    FOREACH called IN ARRAY ARRAY['audit_is_written()', 'audit_horizon()', 'audit_sealed_up_to()',
        'audit_seal_begin(boolean)', 'audit_seal_end(bytea, bytea)', 'veto()', 'veto_old_id()', 'veto_all()',
        'lift_veto()', 'directory_changes()']
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, %I, pg_temp',
            called, current_schema());
    END LOOP;
    EXECUTE format('ALTER FUNCTION stays_until_its_time() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION audit_seal_begin(boolean), audit_seal_end(bytea, bytea) FROM PUBLIC;

-- A role that could write events and seals goes on without a break; scripts/least-rights.sql takes the rest away.
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN SELECT DISTINCT c.relname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS role
        FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid IN ('audit_events'::regclass, 'audit_checkpoints'::regclass)
        AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
    LOOP
        IF granted.relname = 'audit_events' THEN
            EXECUTE format('GRANT USAGE ON SEQUENCE audit_events_seq_seq TO %s', granted.role);
        ELSE
            EXECUTE format('GRANT SELECT ON audit_sealing TO %s', granted.role);
            EXECUTE format('GRANT EXECUTE ON FUNCTION audit_seal_begin(boolean), audit_seal_end(bytea, bytea) TO %s',
                granted.role);
        END IF;
    END LOOP;
END $$;
