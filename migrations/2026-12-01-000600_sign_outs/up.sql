-- 1. What was handed out until the moment at which this is called is dead, not until the transaction began: the
-- replacement of the keys waits for a lock. Applications count for the version of the directory too, because running
-- impersonations are decided by facts that are remembered with it.
CREATE OR REPLACE FUNCTION put_not_before(what text, whose text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF what NOT IN ('client_not_before', 'organization_not_before', 'user_not_before', 'everybody_not_before') THEN
        RAISE EXCEPTION 'there is no such kind: %', what;
    END IF;
    INSERT INTO vetoes (id, kind, since)
        SELECT DISTINCT id, what, clock_now() + (clock_timestamp() - now()) FROM unnest(whose) AS id
        ON CONFLICT (id, kind) DO UPDATE SET since = greatest(vetoes.since, excluded.since);
    UPDATE directory_version
        SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint),
            xact = pg_current_xact_id()
        WHERE xact <> pg_current_xact_id();
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION put_not_before(text, text[]) SECURITY DEFINER SET search_path = pg_catalog, %I, pg_temp',
        current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION put_not_before(text, text[]) FROM PUBLIC;

-- 2. Sign-outs whose rows are still to be marked as ended: one row of `vetoes` ends a million sessions at once, the
-- sessions themselves, the events of impersonations and the notices to applications follow in batches.
CREATE TABLE sign_outs (
    kind text NOT NULL CHECK (kind IN ('client_not_before', 'organization_not_before', 'user_not_before',
        'everybody_not_before')),
    id text COLLATE "C" NOT NULL,
    -- The person who did it. None: the command line.
    actor_id text COLLATE "C",
    -- Sessions up to this one are done.
    after_session text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (kind, id)
);

-- 3. Until when what these were given is dead, for lists of what is alive. The statements by which a token or a
-- session is found have the same written into them.
CREATE FUNCTION user_not_before(who text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT max(v.since) FROM users u JOIN vetoes v ON v.id IN (u.id, u.organization_id, '*')
    WHERE u.id = who AND CASE v.kind
        WHEN 'user_not_before' THEN v.id = u.id
        WHEN 'organization_not_before' THEN v.id = u.organization_id
        WHEN 'everybody_not_before' THEN v.id = '*' END
$$;

CREATE FUNCTION impersonation_not_before(actor text, subject text, client text) RETURNS timestamptz
    LANGUAGE sql STABLE AS $$
    SELECT greatest(user_not_before(actor), user_not_before(subject),
        (SELECT v.since FROM vetoes v WHERE v.id = client AND v.kind = 'client_not_before'))
$$;
