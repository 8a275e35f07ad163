DROP FUNCTION impersonation_not_before(text, text, text);
DROP FUNCTION user_not_before(text);
DROP TABLE sign_outs;
CREATE OR REPLACE FUNCTION put_not_before(what text, whose text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF what NOT IN ('client_not_before', 'organization_not_before', 'user_not_before', 'everybody_not_before') THEN
        RAISE EXCEPTION 'there is no such kind: %', what;
    END IF;
    INSERT INTO vetoes (id, kind) SELECT DISTINCT id, what FROM unnest(whose) AS id
        ON CONFLICT (id, kind) DO UPDATE SET since = greatest(vetoes.since, excluded.since);
    IF what <> 'client_not_before' THEN
        UPDATE directory_version
            SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint),
                xact = pg_current_xact_id()
            WHERE xact <> pg_current_xact_id();
    END IF;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION put_not_before(text, text[]) SECURITY DEFINER SET search_path = pg_catalog, %I, pg_temp',
        current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION put_not_before(text, text[]) FROM PUBLIC;
