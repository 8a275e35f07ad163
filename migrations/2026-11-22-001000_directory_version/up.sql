-- Which version of the directory this is: of the people, their roles, organizations and applications, and of the
-- switch, as the views `people` and `applications` and `settings` show them. A server that remembers what it has
-- read asks for the version first, in a statement that it makes anyway, and reads anew when there is another one.
--
-- Whoever changes something makes the version a new one with the same commit: the triggers wait until the end of
-- the transaction, so that the one row is held no longer than the commit takes and nobody waits for anybody in a
-- circle. Who is new is remembered nowhere, so an INSERT of people, organizations or applications changes
-- nothing, and neither does a sign-in.
CREATE TABLE directory_version (
    "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
    -- Never used twice, not even after an older backup was put in place.
    version bigint NOT NULL,
    -- The transaction that made it.
    xact xid8 NOT NULL
);
INSERT INTO directory_version (version, xact)
    VALUES ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, pg_current_xact_id());

CREATE FUNCTION directory_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE directory_version
        SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint),
            xact = pg_current_xact_id()
        WHERE xact <> pg_current_xact_id();
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER directory_changes AFTER DELETE OR UPDATE OF id, kind, status, email, email_canonical,
    email_verified, name, given_name, family_name, nickname, picture, phone_number, organization_id,
    created_by_client_id ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory_changes();
CREATE CONSTRAINT TRIGGER directory_changes AFTER INSERT OR UPDATE OR DELETE ON user_roles
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory_changes();
CREATE CONSTRAINT TRIGGER directory_changes AFTER INSERT OR UPDATE OR DELETE ON roles
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory_changes();
CREATE CONSTRAINT TRIGGER directory_changes AFTER UPDATE OR DELETE ON organizations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory_changes();
CREATE CONSTRAINT TRIGGER directory_changes AFTER UPDATE OR DELETE ON clients
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory_changes();
CREATE CONSTRAINT TRIGGER directory_changes AFTER INSERT OR UPDATE OR DELETE ON client_secrets
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory_changes();
CREATE CONSTRAINT TRIGGER directory_changes AFTER INSERT OR UPDATE OR DELETE ON settings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory_changes();

-- A TRUNCATE locks everybody out until it is over, so it need not wait.
CREATE TRIGGER directory_is_emptied AFTER TRUNCATE ON users EXECUTE FUNCTION directory_changes();
CREATE TRIGGER directory_is_emptied AFTER TRUNCATE ON user_roles EXECUTE FUNCTION directory_changes();
CREATE TRIGGER directory_is_emptied AFTER TRUNCATE ON roles EXECUTE FUNCTION directory_changes();
CREATE TRIGGER directory_is_emptied AFTER TRUNCATE ON organizations EXECUTE FUNCTION directory_changes();
CREATE TRIGGER directory_is_emptied AFTER TRUNCATE ON clients EXECUTE FUNCTION directory_changes();
CREATE TRIGGER directory_is_emptied AFTER TRUNCATE ON client_secrets EXECUTE FUNCTION directory_changes();
CREATE TRIGGER directory_is_emptied AFTER TRUNCATE ON settings EXECUTE FUNCTION directory_changes();
