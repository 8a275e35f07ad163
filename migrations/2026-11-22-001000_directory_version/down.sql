DROP FUNCTION directory_changes CASCADE;
DROP TABLE directory_version;
