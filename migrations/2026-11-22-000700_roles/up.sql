-- The first administrator of a fresh installation shows such a code. Printed once by the server, used once,
-- dead after an hour and as soon as there is an administrator.
CREATE TABLE setup_codes (
    code_hash bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT clock_now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CHECK (expires_at <= created_at + interval '1 hour')
);

-- Lists of organizations go by their names.
CREATE INDEX organizations_sorted ON organizations ((lower(name) COLLATE "C"), id);

-- Trigrams are made of letters and digits alone. A search that begins with a sign and has no trigram finds the
-- words that begin so; in most directories that are few. The program calls more a letter than this does, so
-- whatever it takes for a sign is in here.
CREATE FUNCTION odd_beginnings(search text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT left(word, 1)) FROM unnest(string_to_array(search, ' ')) AS word
    WHERE word ~ '^[^a-z0-9]'
$$;
CREATE INDEX users_odd ON users USING gin (odd_beginnings(search)) WITH (fastupdate = off)
    WHERE odd_beginnings(search) IS NOT NULL;
