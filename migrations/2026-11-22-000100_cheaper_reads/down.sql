CREATE INDEX audit_events_actor ON audit_events (actor, seq) WHERE actor IS NOT NULL;
CREATE INDEX audit_events_subject ON audit_events (subject, seq) WHERE subject IS NOT NULL;

DROP FUNCTION impersonations_stay CASCADE;
ALTER TABLE sessions DROP CONSTRAINT sessions_mark,
    ADD CONSTRAINT sessions_token_hash_check CHECK (length(token_hash) = 32),
    ADD CONSTRAINT sessions_check CHECK ((impersonation_id IS NULL) = (impersonator IS NULL)),
    ADD CONSTRAINT sessions_check1 CHECK ((impersonation_id IS NULL) = (bound_client_id IS NULL)),
    ADD CONSTRAINT sessions_check2 CHECK (impersonator IS NULL OR impersonator ->> 'user_id' <> user_id),
    ADD CONSTRAINT sessions_impersonation_id_fkey FOREIGN KEY (impersonation_id) REFERENCES impersonations (id);

ALTER TABLE sessions RESET (fillfactor);
ALTER TABLE refresh_tokens RESET (fillfactor);
ALTER TABLE authorization_codes RESET (fillfactor);
ALTER TABLE impersonations RESET (fillfactor);
DROP INDEX impersonations_recent;
CREATE INDEX impersonations_live ON impersonations (actor_session_id) WHERE status = 'active';
CREATE INDEX impersonations_waiting ON impersonations (actor_id, created_at) WHERE status = 'link_issued';
ALTER TABLE impersonations DROP CONSTRAINT impersonations_sound,
    ADD CONSTRAINT impersonations_status_check CHECK (status IN ('link_issued', 'active', 'ended', 'revoked')),
    ADD CONSTRAINT impersonations_mode_check CHECK (mode IN ('full', 'read_only')),
    ADD CONSTRAINT impersonations_redeem_check CHECK (redeem IN ('confirm', 'direct')),
    ADD CONSTRAINT impersonations_duration_seconds_check CHECK (duration_seconds BETWEEN 60 AND 3600),
    ADD CONSTRAINT impersonations_ticket_hash_check CHECK (length(ticket_hash) = 32),
    ADD CONSTRAINT impersonations_actor_proof_check CHECK (actor_proof IN ('asserted', 'session')),
    ADD CONSTRAINT impersonations_check CHECK (actor_id <> subject_id),
    ADD CONSTRAINT impersonations_check1 CHECK (link_expires_at <= created_at + interval '300 seconds'),
    ADD CONSTRAINT impersonations_check2 CHECK ((status IN ('active', 'ended')) = (redeemed_at IS NOT NULL)),
    ADD CONSTRAINT impersonations_check3 CHECK ((redeemed_at IS NULL) = (ends_at IS NULL)),
    ADD CONSTRAINT impersonations_check4 CHECK ((redeemed_at IS NULL) = (actor_proof IS NULL)),
    ADD CONSTRAINT impersonations_check5 CHECK (ends_at <= redeemed_at + interval '60 minutes'),
    ADD CONSTRAINT impersonations_check6 CHECK ((actor_proof = 'session') = (actor_session_id IS NOT NULL)),
    ADD CONSTRAINT impersonations_check7 CHECK ((status IN ('ended', 'revoked')) = (ended_at IS NOT NULL)),
    ADD CONSTRAINT impersonations_check8 CHECK ((ended_at IS NULL) = (end_reason IS NULL));
DROP FUNCTION impersonation_is_sound;

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
