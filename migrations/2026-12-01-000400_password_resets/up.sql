-- One-time links by which people choose a new password. A newer one takes the place of the one before, and using one
-- deletes it, so there is at most one row for each user.
CREATE TABLE password_resets (
    user_id text COLLATE "C" PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    code_hash bytea NOT NULL UNIQUE CHECK (octet_length(code_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at)
);
