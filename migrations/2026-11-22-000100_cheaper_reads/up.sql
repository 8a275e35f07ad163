-- What every request reads and writes, with fewer relations, fewer indexes and fewer expressions: Postgres
-- parses each CHECK of a table anew for each statement that writes to it.

-- 1. Vetoes. Whoever switches off, ends, revokes or removes something leaves a row here, so that whoever
-- uses a token looks into one small table and not into all those that the token hangs on.
CREATE TABLE vetoes (
    id text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('client', 'organization', 'session', 'grant')),
    since timestamptz NOT NULL DEFAULT clock_now(),
    PRIMARY KEY (id, kind)
);

CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    vetoed text := CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END;
BEGIN
    INSERT INTO vetoes (id, kind) VALUES (vetoed, TG_ARGV[0])
        ON CONFLICT (id, kind) DO UPDATE SET since = excluded.since;
    RETURN NULL;
END $$;

CREATE FUNCTION veto_old_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO vetoes (id, kind) VALUES (OLD.id, TG_ARGV[0])
        ON CONFLICT (id, kind) DO UPDATE SET since = excluded.since;
    RETURN NULL;
END $$;

CREATE FUNCTION veto_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO vetoes (id, kind) SELECT id, %L FROM %I.%I ON CONFLICT DO NOTHING',
        TG_ARGV[0], TG_TABLE_SCHEMA, TG_TABLE_NAME);
    RETURN NULL;
END $$;

CREATE FUNCTION lift_veto() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM vetoes WHERE id = NEW.id AND kind = TG_ARGV[0];
    RETURN NULL;
END $$;

CREATE TRIGGER veto_new AFTER INSERT ON clients FOR EACH ROW
    WHEN (NEW.status <> 'active') EXECUTE FUNCTION veto('client');
CREATE TRIGGER veto AFTER UPDATE OF status, id ON clients FOR EACH ROW
    WHEN (NEW.status <> 'active') EXECUTE FUNCTION veto('client');
CREATE TRIGGER veto_gone AFTER DELETE ON clients FOR EACH ROW EXECUTE FUNCTION veto('client');
CREATE TRIGGER veto_renamed AFTER UPDATE OF id ON clients FOR EACH ROW
    WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION veto_old_id('client');
CREATE TRIGGER veto_all BEFORE TRUNCATE ON clients EXECUTE FUNCTION veto_all('client');
CREATE TRIGGER lift_veto_new AFTER INSERT ON clients FOR EACH ROW
    WHEN (NEW.status = 'active') EXECUTE FUNCTION lift_veto('client');
CREATE TRIGGER lift_veto AFTER UPDATE OF status ON clients FOR EACH ROW
    WHEN (NEW.status = 'active' AND OLD.status <> 'active') EXECUTE FUNCTION lift_veto('client');

CREATE TRIGGER veto_new AFTER INSERT ON organizations FOR EACH ROW
    WHEN (NEW.status <> 'active') EXECUTE FUNCTION veto('organization');
CREATE TRIGGER veto AFTER UPDATE OF status, id ON organizations FOR EACH ROW
    WHEN (NEW.status <> 'active') EXECUTE FUNCTION veto('organization');
CREATE TRIGGER veto_gone AFTER DELETE ON organizations FOR EACH ROW EXECUTE FUNCTION veto('organization');
CREATE TRIGGER veto_renamed AFTER UPDATE OF id ON organizations FOR EACH ROW
    WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION veto_old_id('organization');
CREATE TRIGGER veto_all BEFORE TRUNCATE ON organizations EXECUTE FUNCTION veto_all('organization');
CREATE TRIGGER lift_veto_new AFTER INSERT ON organizations FOR EACH ROW
    WHEN (NEW.status = 'active') EXECUTE FUNCTION lift_veto('organization');
CREATE TRIGGER lift_veto AFTER UPDATE OF status ON organizations FOR EACH ROW
    WHEN (NEW.status = 'active' AND OLD.status <> 'active') EXECUTE FUNCTION lift_veto('organization');

-- A session or grant that is over stays over, and its id is never used again: there is nothing to lift.
CREATE TRIGGER veto_new AFTER INSERT ON sessions FOR EACH ROW
    WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION veto('session');
CREATE TRIGGER veto AFTER UPDATE OF ended_at, id ON sessions FOR EACH ROW
    WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION veto('session');
CREATE TRIGGER veto_gone AFTER DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION veto('session');
CREATE TRIGGER veto_renamed AFTER UPDATE OF id ON sessions FOR EACH ROW
    WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION veto_old_id('session');
CREATE TRIGGER veto_all BEFORE TRUNCATE ON sessions EXECUTE FUNCTION veto_all('session');

CREATE TRIGGER veto_new AFTER INSERT ON authorization_codes FOR EACH ROW
    WHEN (NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION veto('grant');
CREATE TRIGGER veto AFTER UPDATE OF revoked_at, id ON authorization_codes FOR EACH ROW
    WHEN (NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION veto('grant');
CREATE TRIGGER veto_gone AFTER DELETE ON authorization_codes FOR EACH ROW EXECUTE FUNCTION veto('grant');
CREATE TRIGGER veto_renamed AFTER UPDATE OF id ON authorization_codes FOR EACH ROW
    WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION veto_old_id('grant');
CREATE TRIGGER veto_all BEFORE TRUNCATE ON authorization_codes EXECUTE FUNCTION veto_all('grant');

INSERT INTO vetoes (id, kind) SELECT id, 'client' FROM clients WHERE status <> 'active';
INSERT INTO vetoes (id, kind) SELECT id, 'organization' FROM organizations WHERE status <> 'active';
INSERT INTO vetoes (id, kind) SELECT id, 'session' FROM sessions WHERE ended_at IS NOT NULL;
INSERT INTO vetoes (id, kind) SELECT id, 'grant' FROM authorization_codes WHERE revoked_at IS NOT NULL;
-- What some token still names although it is gone.
INSERT INTO vetoes (id, kind)
    SELECT DISTINCT client_id, 'client' FROM access_tokens t
    WHERE NOT EXISTS (SELECT FROM clients c WHERE c.id = t.client_id)
    UNION ALL SELECT DISTINCT session_id, 'session' FROM access_tokens t
    WHERE session_id IS NOT NULL AND NOT EXISTS (SELECT FROM sessions s WHERE s.id = t.session_id)
    UNION ALL SELECT DISTINCT grant_id, 'grant' FROM access_tokens t
    WHERE grant_id IS NOT NULL AND NOT EXISTS (SELECT FROM authorization_codes c WHERE c.id = t.grant_id)
    ON CONFLICT DO NOTHING;

-- 2. Permissions without a sort: the program makes a set of them.
CREATE OR REPLACE VIEW people AS
SELECT u.id, u.kind, u.status, u.email, u.email_canonical, u.email_verified, u.name, u.given_name,
       u.family_name, u.nickname, u.picture, u.phone_number,
       u.organization_id, o.status AS organization_status,
       o.impersonation_enabled AS organization_impersonation_enabled,
       ARRAY(SELECT unnest(r.permissions) FROM user_roles ur JOIN roles r ON r.name = ur.role
             WHERE ur.user_id = u.id) AS permissions
FROM users u LEFT JOIN organizations o ON o.id = u.organization_id;

-- 3. Impersonations: one CHECK by a function that is compiled once, instead of fifteen expressions.
CREATE FUNCTION impersonation_is_sound(i impersonations) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF (i.mode IN ('full', 'read_only') AND i.redeem IN ('confirm', 'direct')
        AND i.duration_seconds BETWEEN 60 AND 3600 AND length(i.ticket_hash) = 32
        AND i.actor_id <> i.subject_id
        AND i.link_expires_at <= i.created_at + interval '300 seconds') IS NOT TRUE
    THEN RETURN false;
    END IF;
    IF i.redeemed_at IS NULL AND num_nonnulls(i.ends_at, i.actor_proof, i.actor_session_id) > 0
        OR (i.ended_at IS NULL) <> (i.end_reason IS NULL)
    THEN RETURN false;
    END IF;
    IF i.redeemed_at IS NULL THEN
        RETURN i.status = CASE WHEN i.ended_at IS NULL THEN 'link_issued' ELSE 'revoked' END;
    END IF;
    RETURN (i.status = CASE WHEN i.ended_at IS NULL THEN 'active' ELSE 'ended' END
        AND i.ends_at <= i.redeemed_at + interval '60 minutes'
        AND CASE i.actor_proof WHEN 'asserted' THEN i.actor_session_id IS NULL
            WHEN 'session' THEN i.actor_session_id IS NOT NULL END) IS TRUE;
END $$;
ALTER TABLE impersonations
    DROP CONSTRAINT impersonations_duration_seconds_check, DROP CONSTRAINT impersonations_ticket_hash_check,
    DROP CONSTRAINT impersonations_status_check, DROP CONSTRAINT impersonations_mode_check,
    DROP CONSTRAINT impersonations_redeem_check, DROP CONSTRAINT impersonations_actor_proof_check,
    DROP CONSTRAINT impersonations_check, DROP CONSTRAINT impersonations_check1,
    DROP CONSTRAINT impersonations_check2, DROP CONSTRAINT impersonations_check3,
    DROP CONSTRAINT impersonations_check4, DROP CONSTRAINT impersonations_check5,
    DROP CONSTRAINT impersonations_check6, DROP CONSTRAINT impersonations_check7,
    DROP CONSTRAINT impersonations_check8,
    ADD CONSTRAINT impersonations_sound CHECK (impersonation_is_sound(impersonations.*));

-- A redemption and an end change no indexed column, so that they write no index; and there is room for
-- them beside the row. Links live 5 minutes and impersonations 60, so the time finds the live ones.
DROP INDEX impersonations_live, impersonations_waiting;
CREATE INDEX impersonations_recent ON impersonations (actor_id, created_at);
ALTER TABLE impersonations SET (fillfactor = 60);
ALTER TABLE authorization_codes SET (fillfactor = 75);
ALTER TABLE refresh_tokens SET (fillfactor = 75);
ALTER TABLE sessions SET (fillfactor = 85);

-- 4. Sessions: the mark in one CHECK. The trigger `check_mark` finds the impersonation and more, so the
-- foreign key needs only its other half: an impersonation with a session stays on record.
ALTER TABLE sessions DROP CONSTRAINT sessions_check, DROP CONSTRAINT sessions_check1,
    DROP CONSTRAINT sessions_check2, DROP CONSTRAINT sessions_token_hash_check,
    ADD CONSTRAINT sessions_mark CHECK (length(token_hash) = 32 AND CASE WHEN impersonation_id IS NULL
        THEN impersonator IS NULL AND bound_client_id IS NULL
        ELSE bound_client_id IS NOT NULL AND (impersonator ->> 'user_id' <> user_id) IS TRUE END);
ALTER TABLE sessions DROP CONSTRAINT sessions_impersonation_id_fkey;
CREATE FUNCTION impersonations_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND EXISTS (SELECT FROM sessions WHERE impersonation_id IS NOT NULL)
    THEN RAISE EXCEPTION 'impersonations with a session stay on record';
    ELSIF TG_OP = 'DELETE' AND EXISTS (SELECT FROM sessions WHERE impersonation_id = OLD.id)
    THEN RAISE EXCEPTION 'an impersonation with a session stays on record';
    ELSIF TG_OP = 'UPDATE' AND OLD.id <> NEW.id
    THEN RAISE EXCEPTION 'an impersonation keeps its id';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stay AFTER DELETE OR UPDATE OF id ON impersonations
    FOR EACH ROW EXECUTE FUNCTION impersonations_stay();
CREATE TRIGGER stay_all BEFORE TRUNCATE ON impersonations EXECUTE FUNCTION impersonations_stay();

-- 5. Of the trail only what is looked for has an index; who and whom is found in `impersonations`.
DROP INDEX audit_events_actor, audit_events_subject;
