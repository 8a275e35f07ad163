DROP INDEX sessions_superseded;
ALTER TABLE sessions DROP COLUMN superseded_until, DROP COLUMN superseded_hash;
