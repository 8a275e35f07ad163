-- The other indexes of directory.sql, as the migrations create them.
SET maintenance_work_mem = '512MB';
CREATE INDEX users_odd ON users USING gin (odd_beginnings(search)) WITH (fastupdate = off)
    WHERE odd_beginnings(search) IS NOT NULL;
CREATE INDEX users_sorted ON users (sort_key, id);
CREATE INDEX users_organization_sorted ON users (organization_id, sort_key, id);
CREATE UNIQUE INDEX users_external ON users (created_by_client_id, external_app_user_id);
CREATE UNIQUE INDEX users_service_account ON users (created_by_client_id, organization_id) WHERE kind = 'service_account';
CREATE UNIQUE INDEX users_email_canonical_key ON users (email_canonical);
