CREATE OR REPLACE VIEW people AS
SELECT u.id, u.kind, u.status, u.email, u.email_canonical, u.email_verified, u.name, u.given_name,
       u.family_name, u.nickname, u.picture, u.phone_number,
       u.organization_id, o.status AS organization_status,
       o.impersonation_enabled AS organization_impersonation_enabled,
       ARRAY(SELECT DISTINCT p FROM user_roles ur JOIN roles r ON r.name = ur.role,
             unnest(r.permissions) AS p WHERE ur.user_id = u.id) AS permissions
FROM users u LEFT JOIN organizations o ON o.id = u.organization_id;

DROP FUNCTION veto, veto_old_id, veto_all, lift_veto CASCADE;
DROP TABLE vetoes;
