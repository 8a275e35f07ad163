DROP TABLE session_participants;
ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_certificate_check;
DELETE FROM signing_keys WHERE purpose = 'xml';
ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_purpose_check;
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_purpose_check CHECK (purpose IN ('token', 'bewit'));
ALTER TABLE signing_keys DROP COLUMN certificate;
