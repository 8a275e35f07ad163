DROP TABLE audit_checkpoints, audit_events, logout_deliveries, login_failures, replay_guard,
    refresh_tokens, access_tokens, authorization_codes, consents, sessions, impersonations,
    signing_keys CASCADE;
DROP VIEW applications, people;
DROP TABLE client_secrets, clients, credentials, user_roles, users, roles, organizations, settings;
DROP FUNCTION audit_is_append_only, sessions_check_their_mark, sessions_keep_their_mark,
    impersonations_move_forward_only;
DROP FUNCTION clock_now CASCADE;
DROP TABLE clock;
