-- The role that the server of docker-compose.yml uses, made once; its password is set each time.
-- least-rights.sql grants its rights.
SELECT format('CREATE ROLE %I LOGIN', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" PASSWORD :'password';
