-- A directory of :people people in 200 organizations, made by rule, so that two runs search the same.
-- Names are made of syllables, a few of them common and most of them rare, as names are.
-- What is made by rule needs no checks against other tables, and indexes are made at once, not entry by entry
-- (directory_indexes.sql, directory_search.sql).
SET session_replication_role = replica;
SET synchronous_commit = off;
DROP INDEX users_search, users_odd, users_sorted, users_organization_sorted, users_external, users_service_account;
ALTER TABLE users DROP CONSTRAINT users_email_canonical_key;
INSERT INTO organizations (id, name)
SELECT 'bench_org_' || n, 'Customer ' || n FROM generate_series(1, 200) AS n ON CONFLICT DO NOTHING;

WITH parts AS (
    SELECT ARRAY['al','an','be','ca','chris','da','el','em','er','fa','ga','ha','is','ja','jo','ka','la','li','lu','ma',
                 'mi','na','no','ol','pa','ra','ro','sa','so','ste','ta','ti','vi','wa','xa','yu','za','ze'] AS heads,
           ARRAY['a','bel','cy','dra','e','fia','gus','ia','jan','lia','lotte','mo','na','o','phine','quin','ra','rine','sha',
                 'tin','tor','us','vid','vin','wen','xel','y','zo'] AS tails,
           ARRAY['ack','berg','chen','da silva','ev','fer','garc','holm','ito','jensen','kow','lind','mart','nov','okaf',
                 'pet','quist','ross','schm','smith','tan','under','vas','wood','xu','young','zim'] AS roots,
           ARRAY['er','son','ski','ez','man','sen','ova','idis','ley','ström','','ton','well','ford','ini','i'] AS ends
)
INSERT INTO users (id, organization_id, email, email_canonical, name)
SELECT 'bench_' || md5(n::text), 'bench_org_' || (n % 200 + 1), mail, mail, given || ' ' || family
FROM generate_series(1, :people) AS n, parts,
LATERAL (SELECT hashint4(n) AS a, hashint4(n + 7777777) AS b) AS h,
LATERAL (SELECT initcap(heads[abs(a % 38) + 1] || tails[abs((a / 64) % 28) + 1]) AS given,
                initcap(roots[abs(b % 27) + 1] || ends[abs((b / 64) % 16) + 1]) AS family) AS names,
LATERAL (SELECT lower(replace(given || '.' || family, ' ', '-')) || n || '@customer-' || (n % 200 + 1) || '.test' AS mail) AS mails
ON CONFLICT (id) DO NOTHING;
INSERT INTO user_roles (user_id, role) SELECT id, 'support' FROM users WHERE id LIKE 'bench\_00%' ON CONFLICT DO NOTHING;
