-- A directory of :people people in 200 organizations, made by rule, so that two runs search the same.
-- Names are made of syllables, a few of them common and most of them rare, as names are.
-- The indexes are made at once, not entry by entry.
DROP INDEX users_search, users_odd, users_sorted, users_organization_sorted;
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
ON CONFLICT DO NOTHING;
CREATE INDEX users_search ON users USING gin (search gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX users_odd ON users USING gin (odd_beginnings(search)) WITH (fastupdate = off)
    WHERE odd_beginnings(search) IS NOT NULL;
CREATE INDEX users_sorted ON users (sort_key, id);
CREATE INDEX users_organization_sorted ON users (organization_id, sort_key, id);
INSERT INTO user_roles (user_id, role) SELECT id, 'support' FROM users WHERE id LIKE 'bench\_00%' ON CONFLICT DO NOTHING;
VACUUM ANALYZE users, user_roles, organizations;
