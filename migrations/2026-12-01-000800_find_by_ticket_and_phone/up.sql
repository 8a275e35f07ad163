-- Support asks "who was in for ZD-4711?" and "who calls from this number?".

-- The history of impersonations, by ticket and by a part of the reason. Neither column changes after the insert, so a
-- redemption and an end write no entry here. Most impersonations of programs have neither.
CREATE INDEX impersonations_ticket ON impersonations (lower(ticket), id) WHERE ticket IS NOT NULL;
CREATE INDEX impersonations_reason ON impersonations USING gin (lower(reason) gin_trgm_ops) WHERE reason IS NOT NULL;

-- The audit trail, by ticket. The four frequent types are found by the impersonations of that ticket instead; the
-- search names them in the same words.
CREATE INDEX audit_events_ticket ON audit_events (lower(ticket), seq) WHERE ticket IS NOT NULL
    AND type NOT IN ('impersonation.link_issued', 'impersonation.started', 'impersonation.token_issued', 'impersonation.api_call');

-- Users, by a part of their phone number: its digits alone, because people write one number in many ways.
CREATE INDEX users_phone ON users USING gin (regexp_replace(phone_number, '[^0-9]', '', 'g') gin_trgm_ops)
    WHERE phone_number IS NOT NULL;
