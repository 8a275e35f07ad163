-- The largest index of directory.sql, as the migrations create it.
SET maintenance_work_mem = '1GB';
CREATE INDEX users_search ON users USING gin (search gin_trgm_ops) WITH (fastupdate = off);
