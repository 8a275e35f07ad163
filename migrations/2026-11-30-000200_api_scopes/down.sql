DROP VIEW applications;
ALTER TABLE clients DROP COLUMN api_scopes, DROP COLUMN introspect, DROP COLUMN read_only;
CREATE VIEW applications AS
SELECT c.*, o.status AS organization_status,
       o.impersonation_enabled AS organization_impersonation_enabled,
       ARRAY(SELECT secret_hash FROM client_secrets s WHERE s.client_id = c.id) AS secret_hashes
FROM clients c LEFT JOIN organizations o ON o.id = c.organization_id;
