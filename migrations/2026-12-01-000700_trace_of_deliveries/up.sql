-- The trace of the request that ended a session, so that the logout token that follows carries it on (W3C Trace
-- Context). Null: the server ended it by itself, or a release before this one wrote the row.
ALTER TABLE logout_deliveries ADD COLUMN traceparent text
    CHECK (traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');
