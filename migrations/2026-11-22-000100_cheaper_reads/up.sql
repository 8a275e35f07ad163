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

-- Ids of sessions and grants are never used again, so an insert has nothing to lift.
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
