-- What an application may ask of our own APIs, whether it keeps to read-only impersonation, and whether it may ask
-- about tokens of other applications. The defaults give none of it, and the release before does not look.
ALTER TABLE clients
    ADD COLUMN api_scopes text[] NOT NULL DEFAULT '{}',
    ADD COLUMN introspect boolean NOT NULL DEFAULT false,
    ADD COLUMN read_only boolean NOT NULL DEFAULT false;

-- New columns of a view come last.
CREATE OR REPLACE VIEW applications AS
SELECT c.id, c.organization_id, c.name, c.status, c.kind, c.first_party, c.auth_method, c.jwks, c.redirect_uris,
       c.post_logout_redirect_uris, c.initiate_login_uri, c.backchannel_logout_uri, c.grant_types, c.scopes,
       c.audiences, c.id_token_algorithm, c.access_token_lifetime, c.impersonation_enabled, c.redeem,
       c.unsolicited, c.read_scopes, c.saml, c.wsfed, c.box, c.created_at, c.updated_at,
       o.status AS organization_status,
       o.impersonation_enabled AS organization_impersonation_enabled,
       ARRAY(SELECT secret_hash FROM client_secrets s WHERE s.client_id = c.id) AS secret_hashes,
       c.api_scopes, c.introspect, c.read_only
FROM clients c LEFT JOIN organizations o ON o.id = c.organization_id;
