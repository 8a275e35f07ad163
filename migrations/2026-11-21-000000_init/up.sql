-- The whole first schema. Times are on the database's clock, ids compare byte for byte,
-- secrets are stored as SHA-256 or sealed, never in clear.

-- One clock: `now()` plus an offset that only tests set, on their own database.
CREATE TABLE clock (
    "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
    ahead interval NOT NULL DEFAULT '0'
);
INSERT INTO clock DEFAULT VALUES;
CREATE FUNCTION clock_now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT now() + (SELECT ahead FROM clock)';

CREATE TABLE settings (
    "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
    impersonation_enabled boolean NOT NULL DEFAULT true
);
INSERT INTO settings DEFAULT VALUES;

CREATE TABLE organizations (
    id text COLLATE "C" PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
    impersonation_enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    updated_at timestamptz NOT NULL DEFAULT clock_now()
);

CREATE TABLE roles (
    name text COLLATE "C" PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
    permissions text[] NOT NULL DEFAULT '{}',
    rank integer NOT NULL DEFAULT 0,
    built_in boolean NOT NULL DEFAULT false
);

CREATE TABLE users (
    id text COLLATE "C" PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
    organization_id text COLLATE "C" REFERENCES organizations (id),
    kind text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'app_user', 'service_account')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
    email text,
    -- Lower case by Unicode's rules, made by the program: the database's own depend on its locale.
    email_canonical text COLLATE "C" UNIQUE,
    email_verified boolean NOT NULL DEFAULT false,
    name text,
    given_name text,
    family_name text,
    nickname text,
    picture text,
    phone_number text,
    user_metadata jsonb NOT NULL DEFAULT '{}',
    app_metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    updated_at timestamptz NOT NULL DEFAULT clock_now(),
    last_login_at timestamptz,
    login_count bigint NOT NULL DEFAULT 0,
    CHECK ((email IS NULL) = (email_canonical IS NULL))
);
CREATE INDEX users_organization ON users (organization_id);

CREATE TABLE user_roles (
    user_id text COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role text COLLATE "C" NOT NULL REFERENCES roles (name),
    PRIMARY KEY (user_id, role)
);
CREATE INDEX user_roles_role ON user_roles (role);

CREATE TABLE credentials (
    user_id text COLLATE "C" PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    password_hash text,
    totp_secret_sealed bytea,
    changed_at timestamptz NOT NULL DEFAULT clock_now()
);

-- Everything the rules look at about a person, in one row.
CREATE VIEW people AS
SELECT u.id, u.kind, u.status, u.email, u.email_canonical, u.email_verified, u.name, u.given_name,
       u.family_name, u.nickname, u.picture, u.phone_number,
       u.organization_id, o.status AS organization_status,
       o.impersonation_enabled AS organization_impersonation_enabled,
       ARRAY(SELECT DISTINCT p FROM user_roles ur JOIN roles r ON r.name = ur.role,
             unnest(r.permissions) AS p WHERE ur.user_id = u.id) AS permissions
FROM users u LEFT JOIN organizations o ON o.id = u.organization_id;

CREATE TABLE clients (
    id text COLLATE "C" PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
    organization_id text COLLATE "C" REFERENCES organizations (id),
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
    kind text NOT NULL CHECK (kind IN ('global', 'web', 'spa', 'native', 'machine', 'saml', 'wsfed')),
    first_party boolean NOT NULL DEFAULT true,
    auth_method text NOT NULL,
    jwks jsonb,
    redirect_uris text[] NOT NULL DEFAULT '{}',
    post_logout_redirect_uris text[] NOT NULL DEFAULT '{}',
    initiate_login_uri text,
    backchannel_logout_uri text,
    grant_types text[] NOT NULL DEFAULT '{}',
    scopes text[] NOT NULL DEFAULT '{}',
    audiences text[] NOT NULL DEFAULT '{}',
    id_token_algorithm text NOT NULL DEFAULT 'RS256' CHECK (id_token_algorithm IN ('RS256', 'ES256', 'EdDSA')),
    access_token_lifetime integer NOT NULL DEFAULT 3600 CHECK (access_token_lifetime BETWEEN 1 AND 86400),
    impersonation_enabled boolean NOT NULL DEFAULT false,
    redeem text NOT NULL DEFAULT 'confirm' CHECK (redeem IN ('confirm', 'direct')),
    unsolicited boolean NOT NULL DEFAULT false,
    read_scopes text[] NOT NULL DEFAULT '{}',
    saml jsonb,
    wsfed jsonb,
    box jsonb,
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    updated_at timestamptz NOT NULL DEFAULT clock_now()
);

CREATE TABLE client_secrets (
    client_id text COLLATE "C" NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    PRIMARY KEY (client_id, secret_hash)
);

CREATE VIEW applications AS
SELECT c.*, o.status AS organization_status,
       o.impersonation_enabled AS organization_impersonation_enabled,
       ARRAY(SELECT secret_hash FROM client_secrets s WHERE s.client_id = c.id) AS secret_hashes
FROM clients c LEFT JOIN organizations o ON o.id = c.organization_id;

CREATE TABLE signing_keys (
    id text COLLATE "C" PRIMARY KEY,
    algorithm text NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA', 'HS256')),
    -- What it signs: tokens, or links (bewits).
    purpose text NOT NULL CHECK (purpose IN ('token', 'bewit')),
    state text NOT NULL CHECK (state IN ('next', 'current', 'retiring', 'retired')),
    public_jwk jsonb,
    private_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    retires_at timestamptz,
    CHECK ((algorithm = 'HS256') = (public_jwk IS NULL)),
    CHECK ((state = 'retiring') = (retires_at IS NOT NULL))
);
CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys (purpose, algorithm) WHERE state = 'current';

-- One row for each time that somebody may act as somebody else: the link, the session, the end.
CREATE TABLE impersonations (
    id text COLLATE "C" PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('link_issued', 'active', 'ended', 'revoked')),
    channel text NOT NULL,
    protocol text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('full', 'read_only')),
    actor_id text COLLATE "C" NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    client_id text COLLATE "C" NOT NULL,
    organization_id text COLLATE "C",
    -- Who asked for the link: the global client, or a person.
    requested_by text COLLATE "C" NOT NULL,
    reason text,
    reason_code text,
    ticket text,
    -- The login request that the application would have made.
    request jsonb NOT NULL,
    target_link_uri text,
    redeem text NOT NULL CHECK (redeem IN ('confirm', 'direct')),
    duration_seconds integer NOT NULL CHECK (duration_seconds BETWEEN 60 AND 3600),
    ticket_hash bytea NOT NULL UNIQUE CHECK (length(ticket_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    link_expires_at timestamptz NOT NULL,
    redeemed_at timestamptz,
    actor_proof text CHECK (actor_proof IN ('asserted', 'session')),
    actor_session_id text COLLATE "C",
    ends_at timestamptz,
    last_seen_at timestamptz,
    ended_at timestamptz,
    end_reason text,
    CHECK (actor_id <> subject_id),
    CHECK (link_expires_at <= created_at + interval '300 seconds'),
    CHECK ((status IN ('active', 'ended')) = (redeemed_at IS NOT NULL)),
    CHECK ((redeemed_at IS NULL) = (ends_at IS NULL)),
    CHECK ((redeemed_at IS NULL) = (actor_proof IS NULL)),
    CHECK (ends_at <= redeemed_at + interval '60 minutes'),
    CHECK ((actor_proof = 'session') = (actor_session_id IS NOT NULL)),
    CHECK ((status IN ('ended', 'revoked')) = (ended_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX impersonations_actor ON impersonations (actor_id, id);
CREATE INDEX impersonations_subject ON impersonations (subject_id, id);
CREATE INDEX impersonations_live ON impersonations (actor_session_id) WHERE status = 'active';
CREATE INDEX impersonations_waiting ON impersonations (actor_id, created_at) WHERE status = 'link_issued';

CREATE FUNCTION impersonations_move_forward_only() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER forward_only BEFORE UPDATE ON impersonations
    FOR EACH ROW EXECUTE FUNCTION impersonations_move_forward_only();

CREATE TABLE sessions (
    id text COLLATE "C" PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    user_id text COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    authenticated_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ip text,
    user_agent text,
    -- The mark. One session for an impersonation, and no session for somebody else without one.
    impersonation_id text COLLATE "C" UNIQUE REFERENCES impersonations (id),
    impersonated boolean GENERATED ALWAYS AS (impersonation_id IS NOT NULL) STORED,
    impersonator jsonb,
    bound_client_id text COLLATE "C",
    CHECK ((impersonation_id IS NULL) = (impersonator IS NULL)),
    CHECK ((impersonation_id IS NULL) = (bound_client_id IS NULL)),
    CHECK (impersonator IS NULL OR impersonator ->> 'user_id' <> user_id)
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expired ON sessions (expires_at);

CREATE FUNCTION sessions_keep_their_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.user_id, OLD.impersonation_id, OLD.impersonator, OLD.bound_client_id)
        IS DISTINCT FROM (NEW.user_id, NEW.impersonation_id, NEW.impersonator, NEW.bound_client_id)
    THEN RAISE EXCEPTION 'a session keeps its user and its mark';
    END IF;
    IF OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at
    THEN RAISE EXCEPTION 'an ended session stays ended';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_mark BEFORE UPDATE ON sessions
    FOR EACH ROW EXECUTE FUNCTION sessions_keep_their_mark();

-- The mark names the actor, the subject and the application of its impersonation.
CREATE FUNCTION sessions_check_their_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.impersonation_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM impersonations i WHERE i.id = NEW.impersonation_id AND i.subject_id = NEW.user_id
            AND i.client_id = NEW.bound_client_id AND i.actor_id = NEW.impersonator ->> 'user_id'
            AND i.status = 'active')
    THEN RAISE EXCEPTION 'the mark of a session must agree with its impersonation';
    END IF;
    RETURN NEW;
END $$;
-- Deferred, because one statement redeems the ticket and makes the session.
CREATE CONSTRAINT TRIGGER check_mark AFTER INSERT ON sessions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.impersonation_id IS NOT NULL) EXECUTE FUNCTION sessions_check_their_mark();

CREATE TABLE consents (
    user_id text COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id text COLLATE "C" NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT clock_now(),
    PRIMARY KEY (user_id, client_id)
);

-- What one sign-in gave an application: the code and every token after it.
CREATE TABLE authorization_codes (
    id text COLLATE "C" PRIMARY KEY,
    code_hash bytea NOT NULL UNIQUE CHECK (length(code_hash) = 32),
    client_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    impersonation_id text COLLATE "C",
    redirect_uri text NOT NULL,
    scope text NOT NULL,
    nonce text,
    code_challenge text,
    audience text,
    authenticated_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    expires_at timestamptz NOT NULL,
    redeemed_at timestamptz,
    -- A replayed code, a reused refresh token or a revocation ends everything that came of the code.
    revoked_at timestamptz
);
CREATE INDEX authorization_codes_session ON authorization_codes (session_id);
CREATE INDEX authorization_codes_expired ON authorization_codes (expires_at);

-- No foreign keys here: the hottest insert; every use joins what it hangs on.
CREATE TABLE access_tokens (
    -- Of an opaque token its hash; of a JWT the hash of its `jti`.
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    client_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C",
    grant_id text COLLATE "C",
    session_id text COLLATE "C",
    impersonation_id text COLLATE "C",
    scope text NOT NULL,
    audience text,
    issued_at timestamptz NOT NULL DEFAULT clock_now(),
    authenticated_at timestamptz,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CHECK (impersonation_id IS NULL OR (user_id IS NOT NULL AND grant_id IS NOT NULL))
);
CREATE INDEX access_tokens_grant ON access_tokens (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX access_tokens_expired ON access_tokens (expires_at);

CREATE TABLE refresh_tokens (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    grant_id text COLLATE "C" NOT NULL REFERENCES authorization_codes (id) ON DELETE CASCADE,
    client_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    scope text NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT clock_now(),
    -- Unused for this long, or however much used for longer than the second: over.
    expires_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id);
CREATE INDEX refresh_tokens_expired ON refresh_tokens (expires_at);

-- Things seen once that must not be seen again (`jti` of assertions).
CREATE TABLE replay_guard (
    kind text NOT NULL,
    key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (kind, key_hash)
);
CREATE INDEX replay_guard_expired ON replay_guard (expires_at);

-- Failed sign-ins, by the hash of account and address, and of the address alone.
CREATE TABLE login_failures (
    key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
    failed_at timestamptz NOT NULL DEFAULT clock_now()
);
CREATE INDEX login_failures_key ON login_failures (key_hash, failed_at);
CREATE INDEX login_failures_expired ON login_failures (failed_at);

-- Logout tokens that wait to be delivered to applications (OpenID Connect Back-Channel Logout).
CREATE TABLE logout_deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id text COLLATE "C" NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    impersonation_id text COLLATE "C",
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT clock_now(),
    delivered_at timestamptz,
    failure text
);
CREATE INDEX logout_deliveries_due ON logout_deliveries (due_at) WHERE delivered_at IS NULL;

CREATE TABLE audit_events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The writing transaction: rows below the oldest running one are final and can be sealed.
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_now(),
    type text NOT NULL,
    actor text,
    subject text,
    impersonation_id text,
    client_id text,
    organization_id text,
    channel text,
    protocol text,
    ip text,
    user_agent text,
    request_id text,
    reason text,
    ticket text,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_events_impersonation ON audit_events (impersonation_id, seq) WHERE impersonation_id IS NOT NULL;
CREATE INDEX audit_events_actor ON audit_events (actor, seq) WHERE actor IS NOT NULL;
CREATE INDEX audit_events_subject ON audit_events (subject, seq) WHERE subject IS NOT NULL;
CREATE INDEX audit_events_xact ON audit_events (xact, seq);

-- The hash chain: each seal covers all events of the transactions in [from_xact, to_xact).
CREATE TABLE audit_checkpoints (
    number bigint PRIMARY KEY,
    from_xact xid8 NOT NULL,
    to_xact xid8 NOT NULL,
    events bigint NOT NULL,
    last_seq bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    sealed_at timestamptz NOT NULL DEFAULT clock_now()
);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

INSERT INTO roles (name, permissions, rank, built_in) VALUES
    ('admin', '{impersonate,impersonate:admin,users:read,users:write,clients:read,clients:write,organizations:read,organizations:write,roles:write,impersonations:read,impersonations:end,audit:read,keys:write,policies:write,settings:write}', 100, true),
    ('support', '{impersonate,users:read,impersonations:read,impersonations:end,audit:read}', 10, true);
