//! `src/store/schema.rs` says what the database is.
use crate::support::TestDb;
use std::collections::{BTreeMap, BTreeSet};

const SCHEMA: &str = include_str!("../../src/store/schema.rs");

/// What the program never reads or writes through diesel, and why.
const UNKNOWN_TO_DIESEL: &[(&str, &str)] = &[
    ("applications.created_at", "the view is for deciding"),
    ("applications.updated_at", "the view is for deciding"),
    ("audit_checkpoints", "sealed by one statement of its own"),
    ("audit_events.xact", "only of events that a seal of the old kind covers"),
    ("audit_sealing", "read and written by functions of its own"),
    ("directory_version", "for the release before"),
    ("directory_versions", "read by a written expression only"),
    ("sessions.impersonated", "generated"),
    ("sign_outs", "read and written by statements of its own"),
    ("users.search", "generated, and read by a statement of its own"),
    ("users.sort_key", "generated, and read by a statement of its own"),
];

/// A counter of failures: rows are only added, counted and deleted, and equal ones may be.
const WITHOUT_PRIMARY_KEY: &[&str] = &["login_failures"];

/// `(table, key, columns)`; a column is its name, its Postgres type, and whether it may be null.
type Columns = BTreeMap<String, (String, bool)>;

struct Table {
    key: Vec<String>,
    columns: Columns,
}

/// The `table!` blocks of the text.
fn declared() -> BTreeMap<String, Table> {
    let code: Vec<&str> = SCHEMA.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let blocks = code.split("diesel::table! {").skip(1);
    blocks.map(read_table).collect()
}

fn read_table(block: &str) -> (String, Table) {
    let (head, body) = block.split_once(") {").unwrap();
    let (name, key) = head.split_once('(').unwrap();
    let body = body.split('}').next().unwrap();
    let key = key.split(',').map(|column| column.trim().to_owned()).collect();
    let columns = body.split(',').map(str::trim).filter(|column| !column.is_empty());
    (name.trim().to_owned(), Table { key, columns: columns.map(read_column).collect() })
}

fn read_column(text: &str) -> (String, (String, bool)) {
    let (name, kind) = text.split_once("->").unwrap();
    let renamed = name.split("sql_name = \"").nth(1).and_then(|rest| rest.split('"').next());
    let name = renamed.unwrap_or_else(|| name.trim()).to_owned();
    let kind = kind.trim();
    let inner = kind.strip_prefix("Nullable<").and_then(|rest| rest.strip_suffix('>'));
    (name, (udt(inner.unwrap_or(kind)), inner.is_some()))
}

/// Postgres's name of a diesel type.
fn udt(kind: &str) -> String {
    if let Some(inner) = kind.strip_prefix("Array<").and_then(|rest| rest.strip_suffix('>')) {
        return format!("_{}", udt(inner));
    }
    let name = match kind {
        "Text" => "text",
        "Bool" => "bool",
        "Int4" => "int4",
        "Int8" => "int8",
        "Jsonb" => "jsonb",
        "Binary" => "bytea",
        "Timestamptz" => "timestamptz",
        other => panic!("a type that this test does not know: {other}"),
    };
    name.to_owned()
}

async fn migrated() -> TestDb {
    let db = TestDb::empty();
    understudy::store::connection::pool::migrate(&db.url).await.unwrap();
    db
}

/// What is really there, and which of it are views.
async fn real(db: &TestDb) -> (BTreeMap<String, Columns>, BTreeSet<String>) {
    let rows = db
        .rows(
            "SELECT c.table_name::text, c.column_name::text, c.udt_name::text, c.is_nullable = 'YES', \
             t.table_type = 'VIEW' FROM information_schema.columns c \
             JOIN information_schema.tables t USING (table_schema, table_name) \
             WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'",
        )
        .await;
    let (mut tables, mut views) = (BTreeMap::<String, Columns>::new(), BTreeSet::new());
    for row in rows {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        if row.get(4) {
            views.insert(table.clone());
        }
        tables.entry(table).or_default().insert(column, (row.get(2), row.get(3)));
    }
    (tables, views)
}

#[tokio::test]
async fn diesel_knows_the_database_as_it_is() {
    let (real, views) = real(&migrated().await).await;
    let declared = declared();
    assert!(declared.len() > 15, "the text is not read any more");
    let mut wrong = Vec::new();
    for (table, Table { columns, .. }) in &declared {
        for (column, (kind, null)) in columns {
            let Some((real_kind, real_null)) = real.get(table).and_then(|real| real.get(column))
            else {
                wrong.push(format!("{table}.{column} is not in the database"));
                continue;
            };
            // Of a view Postgres does not know it.
            if real_kind != kind || (real_null != null && !views.contains(table)) {
                wrong.push(format!(
                    "{table}.{column}: {kind} null={null}, is {real_kind} null={real_null}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_diesel_does_not_know_is_written_down() {
    let (real, _) = real(&migrated().await).await;
    let declared = declared();
    let mut unknown = Vec::new();
    for (table, columns) in &real {
        match declared.get(table) {
            None => unknown.push(table.clone()),
            Some(known) => {
                let missing = columns.keys().filter(|column| !known.columns.contains_key(*column));
                unknown.extend(missing.map(|column| format!("{table}.{column}")));
            }
        }
    }
    let expected: Vec<&str> = UNKNOWN_TO_DIESEL.iter().map(|(name, _)| *name).collect();
    assert_eq!(unknown, expected);
}

#[tokio::test]
async fn every_table_has_the_primary_key_that_diesel_uses() {
    let db = migrated().await;
    let rows = db
        .rows(
            "SELECT c.relname::text, coalesce((SELECT array_agg(a.attname::text ORDER BY k.place) \
               FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) \
               JOIN pg_attribute a ON a.attnum = k.attnum \
               WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid), '{}') \
             FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace",
        )
        .await;
    let declared = declared();
    let mut without = Vec::new();
    for row in rows {
        let (table, key): (String, Vec<String>) = (row.get(0), row.get(1));
        if key.is_empty() {
            without.push(table);
        } else if let Some(known) = declared.get(&table) {
            assert_eq!(known.key, key, "{table}");
        }
    }
    assert_eq!(without, WITHOUT_PRIMARY_KEY);
}

#[tokio::test]
async fn i24_ids_compare_byte_for_byte() {
    let loose = "SELECT coalesce(string_agg(table_name || '.' || column_name, ' '), '') \
        FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text' \
        AND (column_name = 'id' OR column_name LIKE '%\\_id') AND collation_name IS DISTINCT FROM 'C' \
        AND table_name <> '__diesel_schema_migrations' AND (table_name, column_name) <> ('audit_events', 'request_id')";
    let loose = migrated().await.text(loose).await;
    // The trail is read by people and programs outside, by equality only.
    let trail =
        ["actor", "client_id", "impersonation_id", "organization_id", "subject", "request_id"];
    let left: Vec<&str> = loose
        .split_whitespace()
        .filter(|name| !trail.iter().any(|column| *name == format!("audit_events.{column}")))
        .collect();
    assert_eq!(left, Vec::<&str>::new());
}

#[tokio::test]
async fn every_moment_has_its_zone() {
    let zoneless = "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' \
        AND data_type IN ('timestamp without time zone', 'date', 'time without time zone') \
        AND table_name <> '__diesel_schema_migrations'";
    assert_eq!(migrated().await.count(zoneless).await, 0);
}

/// A link as somebody would write it by hand, with `changes` to its columns.
fn link_row(changes: &[(&str, &str)]) -> String {
    let mut columns = BTreeMap::from([
        ("id", "'imp_x'"),
        ("status", "'link_issued'"),
        ("channel", "'link'"),
        ("protocol", "'oauth2'"),
        ("mode", "'full'"),
        ("actor_id", "'a'"),
        ("subject_id", "'b'"),
        ("client_id", "'c'"),
        ("requested_by", "'cli'"),
        ("request", "'{}'"),
        ("redeem", "'direct'"),
        ("duration_seconds", "900"),
        ("ticket_hash", "sha256('x')"),
        ("created_at", "now()"),
        ("link_expires_at", "now() + interval '1 minute'"),
    ]);
    columns.extend(changes.iter().copied());
    let names: Vec<&str> = columns.keys().copied().collect();
    let values: Vec<&str> = columns.values().copied().collect();
    format!("INSERT INTO impersonations ({}) VALUES ({})", names.join(", "), values.join(", "))
}

const REDEEMED: &[(&str, &str)] = &[
    ("status", "'active'"),
    ("redeemed_at", "now()"),
    ("ends_at", "now() + interval '15 minutes'"),
    ("actor_proof", "'asserted'"),
    ("last_seen_at", "now()"),
];

#[tokio::test]
async fn the_database_refuses_an_impersonation_that_cannot_be() {
    let db = migrated().await;
    for wrong in [
        &[("mode", "'half'")][..],
        &[("redeem", "'later'")],
        &[("status", "'waiting'")],
        &[("status", "'active'")],
        &[("status", "'ended'")],
        &[("status", "'revoked'")],
        &[("duration_seconds", "59")],
        &[("duration_seconds", "3601")],
        &[("ticket_hash", "'short'")],
        &[("subject_id", "'a'")],
        &[("link_expires_at", "now() + interval '301 seconds'")],
        &[("ended_at", "now()")],
        &[("end_reason", "'expired'")],
        &[("ends_at", "now()")],
        &[("actor_proof", "'asserted'")],
        &[("actor_session_id", "'ses_x'")],
        &[("requester_kind", "'somebody'")],
        &[("requester_kind", "'token'")],
        &[("requester_kind", "'session'"), ("requester_application", "'c'")],
        &[("requester_application", "'c'")],
    ] {
        let refusal = db.refuses(&link_row(wrong)).await;
        assert!(refusal.contains("impersonations_sound"), "{wrong:?}: {refusal}");
    }
    for wrong in [
        &[("status", "'link_issued'")][..],
        &[("ends_at", "NULL")],
        &[("ends_at", "now() + interval '61 minutes'")],
        &[("actor_proof", "NULL")],
        &[("actor_proof", "'heard'")],
        &[("actor_proof", "'session'")],
        &[("actor_session_id", "'ses_x'")],
        &[("ended_at", "now()"), ("end_reason", "'expired'")],
    ] {
        let row = link_row(&[REDEEMED, wrong].concat());
        let refusal = db.refuses(&row).await;
        assert!(refusal.contains("impersonations_sound"), "{wrong:?}: {refusal}");
    }
    db.sql(&link_row(&[])).await;
    let by_token = [
        ("id", "'imp_z'"),
        ("ticket_hash", "sha256('z')"),
        ("requester_kind", "'token'"),
        ("requester_application", "'c'"),
    ];
    db.sql(&link_row(&by_token)).await;
    let other = [("id", "'imp_y'"), ("ticket_hash", "sha256('y')")];
    db.sql(&link_row(&[REDEEMED, &other].concat())).await;
}

#[tokio::test]
async fn an_impersonation_with_a_session_stays_on_record() {
    let db = migrated().await;
    db.sql("INSERT INTO users (id) VALUES ('a'), ('b')").await;
    let session = |mark: &str| {
        format!(
            "INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at, \
             impersonation_id, impersonator, bound_client_id) \
             VALUES ('ses_x', sha256('s'), 'b', now(), now(), now(), {mark})"
        )
    };
    for (half, why) in [
        ("'imp_x', NULL, 'c'", "sessions_mark"),
        ("'imp_x', '{\"user_id\": \"a\"}', NULL", "sessions_mark"),
        ("NULL, '{\"user_id\": \"a\"}', 'c'", "sessions_mark"),
        ("NULL, NULL, 'c'", "sessions_mark"),
        ("'imp_x', '{}', 'c'", "sessions_mark"),
        ("'imp_x', '{\"user_id\": \"b\"}', 'c'", "sessions_mark"),
        ("'imp_x', '{\"user_id\": \"a\"}', 'c'", "must agree with its impersonation"),
    ] {
        let refusal = db.refuses(&session(half)).await;
        assert!(refusal.contains(why), "{half}: {refusal}");
    }
    db.sql(&link_row(REDEEMED)).await;
    db.sql(&session("'imp_x', '{\"user_id\": \"a\"}', 'c'")).await;
    for loss in [
        "DELETE FROM impersonations",
        "TRUNCATE impersonations CASCADE",
        "UPDATE impersonations SET id = 'imp_z'",
    ] {
        assert!(db.refuses(loss).await.contains("impersonation"), "{loss}");
    }
}

#[tokio::test]
async fn whoever_sends_a_federated_request_is_found_by_an_index() {
    let db = TestDb::create();
    let client = db.client().await;
    client.batch_execute("SET enable_seqscan = off").await.unwrap();
    for (index, who) in [
        ("clients_entity_id", "kind = 'saml' AND saml ->> 'entity_id' = 'x'"),
        ("clients_realm", "kind = 'wsfed' AND wsfed ->> 'realm' = 'x'"),
    ] {
        let sql = format!("EXPLAIN SELECT min(id) FROM clients WHERE {who} HAVING count(*) = 1");
        let plan = client.query(&sql, &[]).await.unwrap();
        let lines: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        assert!(lines.iter().any(|line| line.contains(index)), "{lines:?}");
    }
}

/// An index that mentions one of these columns makes Postgres write all indexes of the row anew.
#[tokio::test]
async fn a_redemption_and_an_end_write_no_index() {
    let db = migrated().await;
    let mentioned = db
        .count(
            "SELECT count(*) FROM pg_indexes WHERE tablename = 'impersonations' AND indexdef ~ \
             '(status|redeemed_at|actor_proof|actor_session_id|ends_at|last_seen_at|ended_at|end_reason)'",
        )
        .await;
    assert_eq!(mentioned, 0);
    assert!(
        db.count("SELECT count(*) FROM pg_indexes WHERE tablename = 'impersonations'").await > 5
    );
}
