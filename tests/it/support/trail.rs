//! The audit trail: sealed, forged, and checked by the program itself.
use super::TestDb;
use super::db::MASTER_KEY;
use super::node::{Said, program, run};
use understudy::audit::chain::SealKey;
use understudy::crypto::seal::MasterKey;
use understudy::store::trail::sealing::seal_next;

/// How `audit verify` ends.
pub const BROKEN: i32 = 4;
pub const END_MISSING: i32 = 5;
pub const NOT_SEALED: i32 = 6;

pub fn seal_key() -> SealKey {
    SealKey::derive(&MasterKey::parse(MASTER_KEY).unwrap()).unwrap()
}

/// Seals all that is final, as a server does every few seconds; how many seals that made.
pub async fn seal(db: &TestDb) -> usize {
    let mut conn = understudy::store::connection::pool::connect(&db.url).await.unwrap();
    let mut seals = 0;
    while seal_next(&mut conn, &seal_key()).await.unwrap().is_some() {
        seals += 1;
    }
    seals
}

/// As the owner of the database would who switches every trigger off.
pub async fn forge(db: &TestDb, sql: &str) {
    db.sql(&format!("SET session_replication_role = replica; {sql}")).await;
}

/// `audit verify` with the master key.
pub fn verify(db: &TestDb) -> Said {
    run(&db.url, &["audit", "verify"])
}

/// The same without it.
pub fn verify_without_key(db: &TestDb) -> Said {
    let mut command = program(&db.url, "http://127.0.0.1:1");
    command.env_remove("UNDERSTUDY_MASTER_KEY");
    command.args(["audit", "verify"]).output().unwrap().into()
}

/// What was said of the head.
pub fn head(said: &Said) -> String {
    let head = said.out.lines().find_map(|line| line.strip_prefix("head: "));
    head.unwrap_or_else(|| panic!("no head: {said:?}")).to_owned()
}

/// A sealed trail: the directory of the stories, and three batches of twenty events with a seal each.
pub async fn sealed_trail() -> TestDb {
    let db = TestDb::create();
    seal(&db).await;
    for batch in 0..3 {
        db.sql(&format!(
            "INSERT INTO audit_events (type, actor, detail) \
             SELECT 'user.changed', 'batch{batch}', json_build_object('n', n) FROM generate_series(1, 20) n"
        ))
        .await;
        assert_eq!(seal(&db).await, 1);
    }
    db
}
