-- The clock is a function that Postgres writes into the plan of a statement, and no table that every statement
-- opens. Tests put another one in its place, on their own database, as its owner.
CREATE OR REPLACE FUNCTION clock_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT now()';
DROP TABLE clock;
