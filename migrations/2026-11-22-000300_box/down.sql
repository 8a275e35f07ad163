-- What the older program has no words for goes: it could not read it.
DELETE FROM access_tokens WHERE impersonation_id IS NOT NULL AND grant_id IS NULL;
ALTER TABLE access_tokens
    DROP COLUMN narrowed_from,
    DROP CONSTRAINT access_tokens_impersonated_has_a_user,
    ADD CONSTRAINT access_tokens_check
        CHECK (impersonation_id IS NULL OR (user_id IS NOT NULL AND grant_id IS NOT NULL));

DELETE FROM impersonations WHERE ticket_hash IS NULL;
DROP INDEX impersonations_by_token;
CREATE OR REPLACE FUNCTION impersonation_is_sound(i impersonations) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF (i.mode IN ('full', 'read_only') AND i.redeem IN ('confirm', 'direct')
        AND i.duration_seconds BETWEEN 60 AND 3600 AND length(i.ticket_hash) = 32
        AND i.actor_id <> i.subject_id
        AND i.link_expires_at <= i.created_at + interval '300 seconds') IS NOT TRUE
    THEN RETURN false;
    END IF;
    IF i.redeemed_at IS NULL AND num_nonnulls(i.ends_at, i.actor_proof, i.actor_session_id) > 0
        OR (i.ended_at IS NULL) <> (i.end_reason IS NULL)
    THEN RETURN false;
    END IF;
    IF i.redeemed_at IS NULL THEN
        RETURN i.status = CASE WHEN i.ended_at IS NULL THEN 'link_issued' ELSE 'revoked' END;
    END IF;
    RETURN (i.status = CASE WHEN i.ended_at IS NULL THEN 'active' ELSE 'ended' END
        AND i.ends_at <= i.redeemed_at + interval '60 minutes'
        AND CASE i.actor_proof WHEN 'asserted' THEN i.actor_session_id IS NULL
            WHEN 'session' THEN i.actor_session_id IS NOT NULL END) IS TRUE;
END $$;
ALTER TABLE impersonations
    DROP COLUMN bearer_hash,
    ALTER COLUMN request SET NOT NULL,
    ALTER COLUMN redeem SET NOT NULL,
    ALTER COLUMN duration_seconds SET NOT NULL,
    ALTER COLUMN ticket_hash SET NOT NULL,
    ALTER COLUMN link_expires_at SET NOT NULL;

CREATE OR REPLACE FUNCTION impersonations_move_forward_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.actor_id, OLD.subject_id, OLD.client_id, OLD.mode, OLD.channel, OLD.protocol, OLD.ticket_hash, OLD.created_at)
        IS DISTINCT FROM (NEW.actor_id, NEW.subject_id, NEW.client_id, NEW.mode, NEW.channel, NEW.protocol, NEW.ticket_hash, NEW.created_at)
        OR OLD.ended_at IS NOT NULL
        OR (OLD.redeemed_at IS NOT NULL AND (OLD.redeemed_at, OLD.ends_at, OLD.actor_proof, OLD.actor_session_id)
            IS DISTINCT FROM (NEW.redeemed_at, NEW.ends_at, NEW.actor_proof, NEW.actor_session_id))
    THEN RAISE EXCEPTION 'an impersonation moves forward only';
    END IF;
    RETURN NEW;
END $$;

DROP VIEW people;
DELETE FROM users WHERE created_by_client_id IS NOT NULL;
ALTER TABLE users DROP COLUMN created_by_client_id, DROP COLUMN external_app_user_id, DROP COLUMN box;
CREATE VIEW people AS
SELECT u.id, u.kind, u.status, u.email, u.email_canonical, u.email_verified, u.name, u.given_name,
       u.family_name, u.nickname, u.picture, u.phone_number,
       u.organization_id, o.status AS organization_status,
       o.impersonation_enabled AS organization_impersonation_enabled,
       ARRAY(SELECT unnest(r.permissions) FROM user_roles ur JOIN roles r ON r.name = ur.role
             WHERE ur.user_id = u.id) AS permissions
FROM users u LEFT JOIN organizations o ON o.id = u.organization_id;

DELETE FROM user_roles USING roles WHERE role = roles.name AND built_in AND role IN ('coadmin', 'app_service');
DELETE FROM roles WHERE built_in AND name IN ('coadmin', 'app_service');
