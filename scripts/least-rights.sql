-- What the role that serves may do: read and write rows. It cannot change the schema, rewrite the audit trail, choose
-- the position or the time of an event, write a seal without the two functions for it, forget what was used once, or turn the clock. As the owner of
-- the database, after every `understudy migrate`:
--
--   psql "$OWNERS_URL" -v role=understudy_app -f scripts/least-rights.sql
--
-- and then `understudy serve --no-migrate` with that role in DATABASE_URL.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :role;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :role;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :role;
-- Events are added, without the columns that a trigger fills. Seals are written by two functions alone.
REVOKE INSERT, UPDATE, DELETE ON audit_events, audit_checkpoints, audit_sealing FROM :role;
GRANT INSERT (type, actor, subject, impersonation_id, client_id, organization_id, channel, protocol, ip, user_agent,
    request_id, reason, ticket, detail) ON audit_events TO :role;
GRANT EXECUTE ON FUNCTION audit_seal_begin(boolean), audit_seal_end(bytea, bytea) TO :role;
-- Kept by triggers, with the rights of the owner; vetoes that are old enough may be cleaned away.
REVOKE INSERT, UPDATE ON vetoes FROM :role;
GRANT EXECUTE ON FUNCTION put_not_before(text, text[]) TO :role;
REVOKE INSERT, UPDATE, DELETE ON directory_versions, directory_version FROM :role;
REVOKE UPDATE ON replay_guard FROM :role;
REVOKE INSERT, UPDATE, DELETE ON __diesel_schema_migrations FROM :role;
