-- The seals of the new kind are lost: no earlier release can make them or check them. It seals their events anew.
LOCK TABLE audit_events, audit_checkpoints IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER written ON audit_events;
DROP TRIGGER placed ON audit_events;
ALTER TABLE audit_checkpoints DISABLE TRIGGER append_only;
DELETE FROM audit_checkpoints WHERE epoch IS NOT NULL;
ALTER TABLE audit_checkpoints ENABLE TRIGGER append_only;
ALTER TABLE audit_checkpoints DROP CONSTRAINT audit_checkpoints_kind,
    DROP COLUMN epoch, DROP COLUMN after_seq, DROP COLUMN up_to, DROP COLUMN digest;
DROP FUNCTION audit_seal_begin(boolean);
DROP FUNCTION audit_seal_end(bytea, bytea);
DROP FUNCTION audit_sealed_up_to();
DROP FUNCTION audit_horizon();
DROP FUNCTION audit_event_is_placed();
DROP FUNCTION audit_is_written();
DROP TABLE audit_sealing;

DROP TRIGGER stays ON replay_guard;
DROP TRIGGER stays_the_same ON replay_guard;
DROP TRIGGER stays ON vetoes;
DROP FUNCTION stays_until_its_time();
CREATE OR REPLACE FUNCTION clock_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT now()';
DO $$
DECLARE
    called text;
BEGIN
    FOREACH called IN ARRAY ARRAY['veto()', 'veto_old_id()', 'veto_all()', 'lift_veto()', 'directory_changes()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY INVOKER RESET search_path', called);
    END LOOP;
END $$;

DROP INDEX audit_events_xact;
ALTER TABLE audit_events DISABLE TRIGGER append_only;
UPDATE audit_events SET xact = pg_current_xact_id() WHERE xact IS NULL;
ALTER TABLE audit_events ENABLE TRIGGER append_only;
ALTER TABLE audit_events ALTER COLUMN xact SET DEFAULT pg_current_xact_id(), ALTER COLUMN xact SET NOT NULL;
CREATE INDEX audit_events_xact ON audit_events (xact, seq);
DO $$
DECLARE
    drawn bigint := pg_sequence_last_value('audit_events_seq_seq');
BEGIN
    DROP SEQUENCE audit_events_seq_seq;
    ALTER TABLE audit_events ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY;
    IF drawn IS NOT NULL THEN
        PERFORM setval(pg_get_serial_sequence('audit_events', 'seq'), drawn);
    END IF;
END $$;
