-- SAML 2.0 and WS-Federation: keys with certificates, and who was signed in where.
ALTER TABLE signing_keys ADD COLUMN certificate bytea;
ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_purpose_check;
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_purpose_check CHECK (purpose IN ('token', 'bewit', 'xml'));
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_certificate_check CHECK ((purpose = 'xml') = (certificate IS NOT NULL));

-- What one sign-in told an application that is answered at once; its logout is about such a row.
CREATE TABLE session_participants (
    -- The `SessionIndex` of SAML.
    id text COLLATE "C" PRIMARY KEY,
    protocol text NOT NULL CHECK (protocol IN ('samlp', 'wsfed', 'wsfed-rms')),
    client_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    impersonation_id text COLLATE "C",
    return_url text NOT NULL,
    -- How the application was told to call the user.
    name_id text COLLATE "C",
    name_id_format text,
    created_at timestamptz NOT NULL,
    -- The application says that it has ended its session.
    left_at timestamptz,
    CHECK ((name_id IS NULL) = (name_id_format IS NULL))
);
CREATE INDEX session_participants_session ON session_participants (session_id);
CREATE INDEX session_participants_name ON session_participants (client_id, name_id) WHERE name_id IS NOT NULL;
