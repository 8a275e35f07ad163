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

ALTER TABLE impersonations DROP COLUMN requester_application, DROP COLUMN requester_kind;
