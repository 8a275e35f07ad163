-- Grants the server's role the right to read and write rows. The role cannot change the schema, rewrite the audit trail, choose
-- the position or the time of an event, write a seal without the two functions for it, delete records of used single-use
-- secrets, or change the clock. Run this as the owner of the database after every `understudy migrate`:
--
--   psql "$OWNERS_URL" -v role=understudy_app -f scripts/least-rights.sql
--
-- and then `understudy serve --no-migrate` with that role in DATABASE_URL.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :role;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :role;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :role;
-- The role adds events without the columns that a trigger fills. Only two functions write seals.
REVOKE INSERT, UPDATE, DELETE ON audit_events, audit_checkpoints, audit_sealing FROM :role;
GRANT INSERT (type, actor, subject, impersonation_id, client_id, organization_id, channel, protocol, ip, user_agent,
    request_id, reason, ticket, detail) ON audit_events TO :role;
GRANT EXECUTE ON FUNCTION audit_seal_begin(boolean), audit_seal_end(bytea, bytea) TO :role;
-- Triggers maintain these tables with the rights of the owner; the role may delete old rows of `vetoes`.
REVOKE INSERT, UPDATE ON vetoes FROM :role;
GRANT EXECUTE ON FUNCTION put_not_before(text, text[]) TO :role;
REVOKE INSERT, UPDATE, DELETE ON directory_versions, directory_version FROM :role;
REVOKE UPDATE ON replay_guard FROM :role;
REVOKE INSERT, UPDATE, DELETE ON __diesel_schema_migrations FROM :role;
