DROP INDEX clients_realm;
DROP INDEX clients_entity_id;
