DROP TRIGGER directory_changes ON users;
CREATE CONSTRAINT TRIGGER directory_changes AFTER DELETE OR UPDATE OF id, kind, status, email, email_canonical,
    email_verified, name, given_name, family_name, nickname, picture, phone_number, organization_id,
    created_by_client_id ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory_changes();
