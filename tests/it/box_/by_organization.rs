//! What is remembered of one organization stays when another one changes (L-15).
use super::people::{at_desk, cora, denied, userinfo_as};
use crate::support::detour::detour;
use crate::support::{TestDb, TestServer};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How often a statement was sent that reads people.
struct PeopleReads(Arc<AtomicU64>);

impl PeopleReads {
    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// Follows the messages of one connection to Postgres: the start, then a letter and a length before each.
struct Messages {
    seen: Vec<u8>,
    started: bool,
    /// Prepared statements that read people.
    reading: HashSet<String>,
}

impl Messages {
    /// How many of the statements in `bytes` read people.
    fn count(&mut self, bytes: &[u8]) -> u64 {
        self.seen.extend_from_slice(bytes);
        let mut reads = 0;
        loop {
            let head = usize::from(self.started);
            let Some(length) = self.seen.get(head..head + 4) else { return reads };
            let length = u32::from_be_bytes(length.try_into().unwrap());
            let length = usize::try_from(length).unwrap() + head;
            if self.seen.len() < length {
                return reads;
            }
            let message: Vec<u8> = self.seen.drain(..length).collect();
            if std::mem::replace(&mut self.started, true) {
                let mut texts = message[5..].split(|byte| *byte == 0);
                let mut text =
                    || String::from_utf8_lossy(texts.next().unwrap_or_default()).into_owned();
                let (first, second) = (text(), text());
                match message[0] {
                    b'P' if second.contains("\"people\".") => {
                        self.reading.insert(first);
                    }
                    b'B' => reads += u64::from(self.reading.contains(&second)),
                    _ => {}
                }
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "each connection lives as long as its two ends")]
async fn counted(db: &TestDb) -> (PeopleReads, TestServer) {
    let reads = Arc::new(AtomicU64::new(0));
    let shared = Arc::clone(&reads);
    let url = detour(db, move |ours, theirs| {
        let (mut from_us, mut to_us) = ours.into_split();
        let (mut from_them, mut to_them) = theirs.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_them, &mut to_us).await });
        let reads = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut messages =
                Messages { seen: Vec::new(), started: false, reading: HashSet::new() };
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = from_us.read(&mut buffer).await {
                reads.fetch_add(messages.count(&buffer[..length]), Ordering::Relaxed);
                if to_them.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        });
    });
    let db = TestDb { name: "no_such_database".to_owned(), url: url.await };
    (PeopleReads(reads), TestServer::start_on(db, &[]).await)
}

async fn name_of(server: &TestServer, token: &str) -> serde_json::Value {
    server.userinfo(token).await.json()["name"].clone()
}

#[tokio::test]
async fn l15_a_change_in_one_organization_costs_calls_in_another_no_statement() {
    let db = TestDb::create();
    let (reads, server) = counted(&db).await;
    let (cora, carol) = (cora(&server).await, at_desk(&server, "carol@globex.test").await);
    let both = async || {
        assert_eq!(userinfo_as(&server, &cora, "usr_alice").await.status, 200);
        assert_eq!(name_of(&server, &carol).await, "Carol");
    };
    both().await;
    both().await;
    reads.take();
    both().await;
    assert_eq!(reads.take(), 0, "nothing has changed");
    for change in [
        "UPDATE users SET name = 'Carola', email_verified = true WHERE id = 'usr_carol'",
        "UPDATE users SET name = 'Carol' WHERE id = 'usr_carol'",
        "INSERT INTO user_roles VALUES ('usr_carol', 'auditor')",
        "DELETE FROM user_roles WHERE user_id = 'usr_carol'",
        "UPDATE organizations SET impersonation_enabled = false WHERE id = 'org_globex'",
        "UPDATE clients SET name = 'Shop' WHERE id = 'globex-shop'",
        "UPDATE client_secrets SET secret_hash = sha256('x') WHERE client_id = 'globex-shop'",
        "SELECT put_not_before('organization_not_before', '{org_globex}')",
        "DELETE FROM users WHERE id = 'usr_carol'",
    ] {
        db.sql(change).await;
        assert_eq!(userinfo_as(&server, &cora, "usr_alice").await.status, 200, "{change}");
        assert_eq!(reads.take(), 0, "{change}");
    }
    // Otherwise the numbers above would show nothing.
    db.sql("UPDATE users SET name = 'Alice' WHERE id = 'usr_alice'").await;
    assert_eq!(userinfo_as(&server, &cora, "usr_alice").await.json()["name"], "Alice");
    assert!(reads.take() > 0);
    for everybody in [
        "UPDATE settings SET impersonation_enabled = true",
        "UPDATE roles SET rank = rank WHERE name = 'auditor'",
        "UPDATE clients SET name = 'Orders' WHERE id = 'orders'",
    ] {
        db.sql(everybody).await;
        assert_eq!(userinfo_as(&server, &cora, "usr_alice").await.status, 200, "{everybody}");
        assert!(reads.take() > 0, "{everybody}");
    }
}

#[tokio::test]
async fn l15_a_change_is_seen_at_once_in_its_organization_and_after_a_move_in_both() {
    let server = TestServer::start().await;
    let (token, carol) = (cora(&server).await, at_desk(&server, "carol@globex.test").await);
    let change = async |sql: &str| server.db.sql(sql).await;
    for (name, organization) in [
        ("One", "'org_globex'"),
        ("Two", "'org_acme'"),
        ("Three", "NULL"),
        ("Four", "'org_globex'"),
    ] {
        for name in [name.to_owned(), format!("{name} again")] {
            change(&format!("UPDATE users SET name = '{name}' WHERE id = 'usr_carol'")).await;
            assert_eq!(name_of(&server, &carol).await, name.as_str());
        }
        change(&format!(
            "UPDATE users SET organization_id = {organization} WHERE id = 'usr_carol'"
        ))
        .await;
        // In the organization of the one who acts she may be acted as, and nowhere else.
        for _ in 0..2 {
            let page = userinfo_as(&server, &token, "usr_carol").await;
            if organization == "'org_acme'" {
                assert_eq!(page.status, 200, "{page:?}");
            } else {
                denied(&page);
            }
        }
        assert_eq!(name_of(&server, &carol).await, format!("{name} again").as_str());
    }
    // A change of the old organization and one of the new in the same transaction as the move.
    for status in ["inactive", "active"] {
        change(&format!(
            "BEGIN; UPDATE users SET organization_id = 'org_acme' WHERE id = 'usr_carol'; \
             UPDATE organizations SET status = '{status}' WHERE id = 'org_acme'; COMMIT"
        ))
        .await;
        let expected = if status == "active" { 200 } else { 401 };
        assert_eq!(server.userinfo(&carol).await.status, expected, "{status}");
    }
}

#[tokio::test]
async fn l15_changes_of_two_organizations_do_not_wait_for_each_other() {
    let server = TestServer::start().await;
    let rename = |id: &str| format!("UPDATE users SET name = 'Renamed' WHERE id = '{id}'");
    let (one, other) = (server.db.client().await, server.db.client().await);
    // It has its version already, and keeps it for as long as its transaction takes.
    let held = format!("BEGIN; SET CONSTRAINTS ALL IMMEDIATE; {}", rename("usr_alice"));
    one.batch_execute(&held).await.unwrap();
    let limit = "SET lock_timeout = '5s'";
    other.batch_execute(&format!("{limit}; {}", rename("usr_carol"))).await.unwrap();
    let same = format!("{limit}; {}", rename("usr_cora"));
    assert!(other.batch_execute(&same).await.is_err(), "of one organization they wait");
    one.batch_execute("COMMIT").await.unwrap();
    other.batch_execute(&rename("usr_cora")).await.unwrap();
}

/// However many organizations change, a statement reads a few rows; and no change is lost with those that go.
#[tokio::test]
async fn l15_many_changed_organizations_become_one_new_version_of_everything() {
    let server = TestServer::start().await;
    let carol = at_desk(&server, "carol@globex.test").await;
    let (many, rows) = (150, "SELECT count(*) FROM directory_versions");
    server
        .db
        .sql(&format!(
            "INSERT INTO organizations (id, name) SELECT 'org_' || n, n FROM generate_series(1, {many}) n"
        ))
        .await;
    let version = "SELECT version FROM directory_version";
    let mut before = server.db.count(version).await;
    for n in 1..=many {
        server
            .db
            .sql(&format!(
                "UPDATE organizations SET impersonation_enabled = false WHERE id = 'org_{n}'; \
                 UPDATE users SET name = 'Carol {n}' WHERE id = 'usr_carol'"
            ))
            .await;
        let now = server.db.count(version).await;
        assert!(now > before, "the release before sees each change: {now}, {before}");
        before = now;
        if n % 10 == 0 {
            assert_eq!(name_of(&server, &carol).await, format!("Carol {n}").as_str());
        }
        assert!(server.db.count(rows).await <= 65);
    }
}
