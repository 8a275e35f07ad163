-- The console: finding one of a million people while the name is being typed, and codes that carry an
-- impersonation from one window of the actor to another.

-- Trigrams. The extension is trusted: the owner of the database may create it (Postgres 13 and later).
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- What a search looks at, and by what people are sorted. Both are made by Postgres, so that whoever writes
-- a user need not know of them. A space before each word that can be searched by its beginning.
ALTER TABLE users
    ADD COLUMN search text GENERATED ALWAYS AS (
        ' ' || lower(coalesce(name, '')) || ' ' || lower(coalesce(email, '')) || ' ' || lower(id COLLATE "default")) STORED,
    ADD COLUMN sort_key text COLLATE "C" GENERATED ALWAYS AS (
        left(lower(coalesce(nullif(name, ''), email, id COLLATE "default")), 200)) STORED;
-- A finer picture of what is in it: by this Postgres chooses between the trigrams and the sorted index.
ALTER TABLE users ALTER COLUMN search SET STATISTICS 1000;
CREATE INDEX users_search ON users USING gin (search gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX users_sorted ON users (sort_key, id);
CREATE INDEX users_organization_sorted ON users (organization_id, sort_key, id);
DROP INDEX users_organization;

-- Typed at /go in another window of the same person. No secret is in here: what the console asked for is
-- kept, and the link is made when the code is used.
CREATE TABLE handover_codes (
    code_hash bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    actor_id text COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    subject_id text COLLATE "C" NOT NULL,
    client_id text COLLATE "C" NOT NULL,
    request jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CHECK (expires_at <= created_at + interval '300 seconds')
);
CREATE INDEX handover_codes_actor ON handover_codes (actor_id);
CREATE INDEX handover_codes_expired ON handover_codes (expires_at);

-- The history and the trail, by what people look for. Events are written at every token, so what can be
-- found by a small index is.
CREATE INDEX impersonations_client ON impersonations (client_id, id);
CREATE INDEX impersonations_organization ON impersonations (organization_id, id);
CREATE INDEX impersonations_running ON impersonations (ends_at) WHERE status = 'active';
CREATE INDEX audit_events_type ON audit_events (type, seq);
CREATE INDEX audit_events_client ON audit_events (client_id, seq) WHERE client_id IS NOT NULL;
CREATE INDEX audit_events_organization ON audit_events (organization_id, seq) WHERE organization_id IS NOT NULL;
-- By person: not those that are written at every impersonation and every token of one, which are found by
-- the impersonations of that person. The search names these four types in the same words.
CREATE INDEX audit_events_actor ON audit_events (actor, seq) WHERE actor IS NOT NULL
    AND type NOT IN ('impersonation.link_issued', 'impersonation.started', 'impersonation.token_issued', 'impersonation.api_call');
CREATE INDEX audit_events_subject ON audit_events (subject, seq) WHERE subject IS NOT NULL
    AND type NOT IN ('impersonation.link_issued', 'impersonation.started', 'impersonation.token_issued', 'impersonation.api_call');
CREATE INDEX audit_events_at ON audit_events USING brin (at) WITH (autosummarize = on);

-- Support staff read their own part of the trail. Administrators hold both, as they hold everything.
UPDATE roles SET permissions = array_replace(permissions, 'audit:read', 'audit:read-own') WHERE built_in AND name = 'support';
UPDATE roles SET permissions = array_append(permissions, 'audit:read-own') WHERE built_in AND name = 'admin';
