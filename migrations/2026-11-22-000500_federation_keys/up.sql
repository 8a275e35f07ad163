-- A request at the address of all applications names its sender by entity ID or realm.
CREATE INDEX clients_entity_id ON clients ((saml ->> 'entity_id')) WHERE kind = 'saml';
CREATE INDEX clients_realm ON clients ((wsfed ->> 'realm')) WHERE kind = 'wsfed';
