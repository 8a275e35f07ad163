-- Who asked is typed: the same text may be the id of a client and of a person. The release before goes on writing
-- rows without a kind; of those the channel says which kind of id stands in `requested_by`, and the program reads
-- them so. No row is written anew, so that this takes no longer than a change of the catalogue.
ALTER TABLE impersonations
    -- Which kind of id `requested_by` is: 'application', 'token' and 'session' (a person), 'command_line'.
    ADD COLUMN requester_kind text,
    -- The application that holds the token by which a person asked.
    ADD COLUMN requester_application text COLLATE "C";

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
    -- An application's token is named with the person whose it is, and with nobody else.
    IF (i.requester_kind IS NULL AND i.requester_application IS NULL
        OR i.requester_kind IN ('application', 'token', 'session', 'command_line')
            AND (i.requester_kind = 'token') = (i.requester_application IS NOT NULL)) IS NOT TRUE
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
    IF (OLD.actor_id, OLD.subject_id, OLD.client_id, OLD.mode, OLD.channel, OLD.protocol, OLD.ticket_hash, OLD.bearer_hash, OLD.created_at,
            OLD.requested_by, OLD.requester_kind, OLD.requester_application)
        IS DISTINCT FROM (NEW.actor_id, NEW.subject_id, NEW.client_id, NEW.mode, NEW.channel, NEW.protocol, NEW.ticket_hash, NEW.bearer_hash, NEW.created_at,
            NEW.requested_by, NEW.requester_kind, NEW.requester_application)
        OR OLD.ended_at IS NOT NULL
        OR (OLD.redeemed_at IS NOT NULL AND (OLD.redeemed_at, OLD.ends_at, OLD.actor_proof, OLD.actor_session_id)
            IS DISTINCT FROM (NEW.redeemed_at, NEW.ends_at, NEW.actor_proof, NEW.actor_session_id))
    THEN RAISE EXCEPTION 'an impersonation moves forward only';
    END IF;
    RETURN NEW;
END $$;
