-- Addresses are compared in NFC from now on (RFC 6532 section 3.1). One that would become the address of somebody else
-- stays as it is: it is for an administrator to say whose it is.
UPDATE users SET email_canonical = normalize(email_canonical, NFC)
WHERE email_canonical IS NOT NFC NORMALIZED
  AND NOT EXISTS (SELECT FROM users other WHERE other.email_canonical = normalize(users.email_canonical, NFC))
  AND NOT EXISTS (SELECT FROM users other WHERE other.id < users.id AND other.email_canonical IS NOT NFC NORMALIZED
                  AND normalize(other.email_canonical, NFC) = normalize(users.email_canonical, NFC));
