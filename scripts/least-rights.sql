-- What the role that serves may do: read and write rows. It cannot change the schema, rewrite the audit trail or
-- turn the clock. As the owner of the database, after every `understudy migrate`:
--
--   psql "$OWNERS_URL" -v role=understudy_app -f scripts/least-rights.sql
--
-- and then `understudy serve --no-migrate` with that role in DATABASE_URL.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :role;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :role;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :role;
REVOKE UPDATE, DELETE ON audit_events, audit_checkpoints FROM :role;
REVOKE INSERT, UPDATE, DELETE ON __diesel_schema_migrations FROM :role;
