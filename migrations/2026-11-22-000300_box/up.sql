-- Users that applications make, and channels that act without a link.

-- Somebody's own role of such a name stays what it is, and gives no more than it did.
INSERT INTO roles (name, permissions, rank, built_in) VALUES
    ('coadmin', '{impersonate,users:read,users:write,impersonations:read,impersonations:end}', 50, true),
    ('app_service', '{impersonate,users:read,users:write}', 40, true)
ON CONFLICT (name) DO NOTHING;

ALTER TABLE users
    -- The application that made an app user, or whose own a service account is.
    ADD COLUMN created_by_client_id text COLLATE "C" REFERENCES clients (id) ON DELETE CASCADE
        DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN external_app_user_id text COLLATE "C",
    -- Fields of the Box-shaped API that nothing here decides by.
    ADD COLUMN box jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT users_people_own_themselves CHECK (kind <> 'person' OR created_by_client_id IS NULL),
    ADD CONSTRAINT users_external_id_has_an_owner
        CHECK (external_app_user_id IS NULL OR created_by_client_id IS NOT NULL);
CREATE UNIQUE INDEX users_external ON users (created_by_client_id, external_app_user_id);
-- One service account for an application in an organization.
CREATE UNIQUE INDEX users_service_account ON users (created_by_client_id, organization_id)
    WHERE kind = 'service_account';

CREATE OR REPLACE VIEW people AS
SELECT u.id, u.kind, u.status, u.email, u.email_canonical, u.email_verified, u.name, u.given_name,
       u.family_name, u.nickname, u.picture, u.phone_number,
       u.organization_id, o.status AS organization_status,
       o.impersonation_enabled AS organization_impersonation_enabled,
       ARRAY(SELECT unnest(r.permissions) FROM user_roles ur JOIN roles r ON r.name = ur.role
             WHERE ur.user_id = u.id) AS permissions,
       u.created_by_client_id
FROM users u LEFT JOIN organizations o ON o.id = u.organization_id;

-- A call with a bearer has no link and no session: its row begins active and ends with the bearer.
ALTER TABLE impersonations
    -- `access_tokens.token_hash` of the actor's own token.
    ADD COLUMN bearer_hash bytea,
    ALTER COLUMN request DROP NOT NULL,
    ALTER COLUMN redeem DROP NOT NULL,
    ALTER COLUMN duration_seconds DROP NOT NULL,
    ALTER COLUMN ticket_hash DROP NOT NULL,
    ALTER COLUMN link_expires_at DROP NOT NULL;
CREATE OR REPLACE FUNCTION impersonation_is_sound(i impersonations) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF (i.mode IN ('full', 'read_only') AND i.actor_id <> i.subject_id AND CASE
        WHEN i.channel IN ('as_user', 'on_behalf_of', 'token_exchange')
            THEN i.ticket_hash IS NULL AND length(i.bearer_hash) = 32 AND i.actor_proof = 'token'
        WHEN i.channel = 'jwt_grant'
            THEN i.ticket_hash IS NULL AND i.bearer_hash IS NULL AND i.actor_proof = 'client'
        ELSE i.bearer_hash IS NULL AND i.request IS NOT NULL AND i.redeem IN ('confirm', 'direct')
            AND i.duration_seconds BETWEEN 60 AND 3600 AND length(i.ticket_hash) = 32
            AND i.link_expires_at <= i.created_at + interval '300 seconds'
            AND (i.actor_proof IS NULL OR i.actor_proof IN ('asserted', 'session')) END) IS NOT TRUE
    THEN RETURN false;
    END IF;
    IF i.redeemed_at IS NULL AND num_nonnulls(i.ends_at, i.actor_proof, i.actor_session_id) > 0
        OR (i.ended_at IS NULL) <> (i.end_reason IS NULL)
    THEN RETURN false;
    END IF;
    IF i.redeemed_at IS NULL THEN
        RETURN i.status = CASE WHEN i.ended_at IS NULL THEN 'link_issued' ELSE 'revoked' END;
    END IF;
    -- The sixty minutes are those of a link.
    RETURN (i.status = CASE WHEN i.ended_at IS NULL THEN 'active' ELSE 'ended' END
        AND i.ends_at <= i.redeemed_at
            + CASE WHEN i.ticket_hash IS NULL THEN interval '24 hours' ELSE interval '60 minutes' END
        AND (i.actor_proof = 'session') = (i.actor_session_id IS NOT NULL)) IS TRUE;
END $$;
-- One row, however many calls; and once it has ended there is no other for this token.
CREATE UNIQUE INDEX impersonations_bearer ON impersonations (bearer_hash, subject_id, channel)
    WHERE bearer_hash IS NOT NULL;

CREATE INDEX impersonations_by_token ON impersonations (ends_at) WHERE status = 'active' AND ticket_hash IS NULL;

CREATE OR REPLACE FUNCTION impersonations_move_forward_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.actor_id, OLD.subject_id, OLD.client_id, OLD.mode, OLD.channel, OLD.protocol, OLD.ticket_hash, OLD.bearer_hash, OLD.created_at)
        IS DISTINCT FROM (NEW.actor_id, NEW.subject_id, NEW.client_id, NEW.mode, NEW.channel, NEW.protocol, NEW.ticket_hash, NEW.bearer_hash, NEW.created_at)
        OR OLD.ended_at IS NOT NULL
        OR (OLD.redeemed_at IS NOT NULL AND (OLD.redeemed_at, OLD.ends_at, OLD.actor_proof, OLD.actor_session_id)
            IS DISTINCT FROM (NEW.redeemed_at, NEW.ends_at, NEW.actor_proof, NEW.actor_session_id))
    THEN RAISE EXCEPTION 'an impersonation moves forward only';
    END IF;
    RETURN NEW;
END $$;

-- A token of such an impersonation comes of no sign-in.
ALTER TABLE access_tokens
    -- The token that this one has part of the scope of; it goes with it.
    ADD COLUMN narrowed_from bytea,
    DROP CONSTRAINT access_tokens_check,
    ADD CONSTRAINT access_tokens_impersonated_has_a_user
        CHECK (impersonation_id IS NULL OR user_id IS NOT NULL);
CREATE INDEX access_tokens_narrowed ON access_tokens (narrowed_from) WHERE narrowed_from IS NOT NULL;
