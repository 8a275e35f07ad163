-- What is remembered of people is all that the API shows of them, so that a change of any of it makes a new
-- version of the directory.
DROP TRIGGER directory_changes ON users;
CREATE CONSTRAINT TRIGGER directory_changes AFTER DELETE OR UPDATE OF id, kind, status, email, email_canonical,
    email_verified, name, given_name, family_name, nickname, picture, phone_number, organization_id,
    created_by_client_id, external_app_user_id, box, created_at, updated_at
    ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION directory_changes();
