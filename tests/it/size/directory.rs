//! `apply` and `export` of many people, and of one among many.
use crate::support::TestDb;
use futures_util::future::join;
use std::fmt::Write as _;
use understudy::domain::caller::Caller;
use understudy::flows::operations::rotate_keys;
use understudy::provision::{self, DryRun, File, Prune};
use understudy::store;
use understudy::store::trail::checkpoints;
use understudy::store::trail::sealing::seal_next;

const MANY: usize = 2_500;

fn file(text: &str) -> File {
    provision::read_draft(text, |_| None, |_| Err("no files".to_owned()))
        .unwrap_or_else(|wrong| panic!("{wrong:?}"))
}

/// People of one organization, each with a role and every second one with a hash.
fn many(more: &str) -> String {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                RdescudvJCsgt3ub+b1dWRWJTmaaJObG1dFN4bRCqfE";
    let mut text = "version: 1\norganizations: [{id: big}]\nusers:\n".to_owned();
    for nth in 0..MANY {
        let password =
            if nth % 2 == 0 { format!(", password_hash: '{hash}'") } else { String::new() };
        writeln!(
            text,
            "  - {{id: p{nth:05}, email: p{nth}@big.test, name: Person {nth}, organization: big, \
             roles: [support], app_metadata: {{nth: {nth}}}{password}{more}}}"
        )
        .unwrap();
    }
    text
}

/// Rows of `users` that were read since the statistics began.
async fn users_read(db: &TestDb) -> i64 {
    // A session tells what it has done at its end.
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
    while db.count(others).await > 0 {}
    db.count(
        "SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables WHERE relname = 'users'",
    )
    .await
}

#[tokio::test]
async fn l11_an_apply_of_one_person_reads_nobody_else() {
    let db = TestDb::create();
    db.sql("INSERT INTO users (id, email, email_canonical) \
            SELECT 'p' || n, 'p' || n || '@x.test', 'p' || n || '@x.test' FROM generate_series(1, 20000) n; \
            ANALYZE users, user_roles, credentials")
        .await;
    let one = file("version: 1\nusers: [{email: p77@x.test, name: Seventy-seven}]");
    let before = users_read(&db).await;
    let mut conn = store::connection::pool::connect(&db.url).await.unwrap();
    let plan = provision::plan(&conn, &one, Prune::No).await.unwrap();
    assert!(plan.to_string().contains("update    user         p77  name: none -> Seventy-seven"));
    provision::apply_to(&mut conn, &one, Prune::No).await.unwrap();
    drop(conn);
    let read = users_read(&db).await - before;
    assert!((1..200).contains(&read), "{read} rows of 20,000");
    assert_eq!(db.text("SELECT name FROM users WHERE id = 'p77'").await, "Seventy-seven");
}

#[tokio::test]
async fn l11_an_address_that_somebody_has_whom_the_file_does_not_name_stays_theirs() {
    let db = TestDb::create();
    let mut conn = store::connection::pool::connect(&db.url).await.unwrap();
    let taken = file("version: 1\nusers: [{id: other, email: ALICE@acme.test}]");
    let refused = provision::apply_to(&mut conn, &taken, Prune::No).await.unwrap_err().to_string();
    assert!(refused.contains("belongs to user `usr_alice`"), "{refused}");
    // The last administrator is known by an address alone, and stays.
    let last = file("version: 1\nusers: [{email: ada@understudy.test, status: inactive}]");
    let refused = provision::apply_to(&mut conn, &last, Prune::No).await.unwrap_err().to_string();
    assert!(refused.contains("nobody would be left"), "{refused}");
}

#[tokio::test]
async fn l12_many_people_are_written_in_batches_with_an_event_each_and_exported_in_pages() {
    let db = TestDb::create();
    let before = db.count("SELECT count(*) FROM audit_events").await;
    let mut conn = store::connection::pool::connect(&db.url).await.unwrap();
    let text = many("");
    let plan = provision::apply_to(&mut conn, &file(&text), Prune::No).await.unwrap();
    assert!(plan.to_string().ends_with("2501 to create, 0 to update, 0 to delete, 0 unchanged"));
    let short = plan.shown(provision::Listing::Short).to_string();
    assert_eq!(short.lines().count(), 102, "{short}");
    assert!(short.contains("… and 2401 more changes (--full lists them)"), "{short}");
    let sql = "SELECT count(*) FROM users u JOIN user_roles r ON r.user_id = u.id \
               LEFT JOIN credentials c ON c.user_id = u.id WHERE u.organization_id = 'big' AND r.role = 'support' \
               AND u.email_verified AND u.app_metadata = jsonb_build_object('nth', substr(u.id, 2)::int) \
               AND (c.password_hash IS NOT NULL) = (substr(u.id, 2)::int % 2 = 0)";
    assert_eq!(db.count(sql).await, 2_500);
    let after = db.count("SELECT count(*) FROM audit_events").await;
    assert_eq!(after - before, 2_501);

    let exported = provision::export_from(&mut conn).await.unwrap();
    assert_eq!(exported.matches("\nusers:\n").count(), 1);
    assert!(exported.contains("- id: p02499\n"), "the last page too");
    for text in [exported, text] {
        let plan = provision::apply_to(&mut conn, &file(&text), Prune::No).await.unwrap();
        assert!(plan.to_string().starts_with("0 to create, 0 to update, 0 to delete"), "{plan}");
    }
    // Another role for everybody: the old one is taken, each keeps their password.
    let changed = many("").replace("roles: [support]", "roles: [coadmin]");
    provision::apply_to(&mut conn, &file(&changed), Prune::No).await.unwrap();
    let roles = "SELECT count(*) FROM user_roles WHERE user_id LIKE 'p%' AND role = 'coadmin'";
    assert_eq!(db.count(roles).await, 2_500);
    assert_eq!(db.count(&roles.replace("coadmin", "support")).await, 0);
    assert_eq!(db.count("SELECT count(*) FROM credentials WHERE user_id LIKE 'p%'").await, 1_250);
}

#[tokio::test]
async fn l12_a_file_whose_last_change_fails_has_changed_nothing() {
    let db = TestDb::create();
    db.sql("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'no space left on device'; END $$; \
            CREATE TRIGGER full_disk BEFORE INSERT ON audit_events FOR EACH ROW WHEN (NEW.subject = 'p02499') \
            EXECUTE FUNCTION full_disk()")
        .await;
    let mut conn = store::connection::pool::connect(&db.url).await.unwrap();
    let before = db.count("SELECT count(*) FROM audit_events").await;
    provision::apply_to(&mut conn, &file(&many("")), Prune::No).await.unwrap_err();
    assert_eq!(db.count("SELECT count(*) FROM users WHERE id LIKE 'p0%'").await, 0);
    assert_eq!(db.count("SELECT count(*) FROM audit_events").await, before);
    // The connection has its usual limits again.
    db.sql("DROP TRIGGER full_disk ON audit_events").await;
    provision::apply_to(&mut conn, &file(&many("")), Prune::No).await.unwrap();
}

#[tokio::test]
async fn l12_people_who_are_switched_off_in_a_batch_are_signed_out() {
    let db = TestDb::create();
    let mut conn = store::connection::pool::connect(&db.url).await.unwrap();
    provision::apply_to(&mut conn, &file(&many("")), Prune::No).await.unwrap();
    db.sql("INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at) \
            SELECT 's' || id, sha256(id::bytea), id, clock_now(), clock_now(), clock_now() + interval '1 day' \
            FROM users WHERE id LIKE 'p0%'")
        .await;
    let off = many(", status: inactive");
    provision::apply_to(&mut conn, &file(&off), Prune::No).await.unwrap();
    let live = "SELECT count(*) FROM sessions WHERE user_id LIKE 'p0%' AND ended_at IS NULL";
    assert_eq!(db.count(live).await, 0);
    let dead = "SELECT count(*) FROM vetoes WHERE kind = 'user_not_before' AND id LIKE 'p0%'";
    assert_eq!(db.count(dead).await, 2_500);
}

/// A run that waits in the middle of its work stops neither keys nor seals, and the next run waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l12_while_a_file_is_applied_keys_are_rotated_and_the_trail_is_sealed() {
    let db = TestDb::create();
    let parts = crate::support::server::parts(&db.url, "http://127.0.0.1:1");
    let ctx = parts.context(3).unwrap();
    let holding = db.client().await;
    holding
        .batch_execute("BEGIN; SELECT FROM users WHERE id = 'usr_alice' FOR UPDATE")
        .await
        .unwrap();
    let text =
        "version: 1\nusers: [{id: usr_alice, name: Alice Other}, {id: new, email: new@acme.test}]";
    let (first, second) = (file(text), file(text));
    let apply =
        async { provision::apply(&ctx, &first, DryRun::No, Prune::No).await.unwrap().to_string() };
    let beside = async {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND wait_event_type = 'Lock'";
        while db.count(waits).await == 0 {}
        let mut conn = ctx.store.conn().await.unwrap();
        rotate_keys::rotate(&mut conn, &ctx.shared.keys, (None, &Caller::default())).await.unwrap();
        while seal_next(&mut conn, &ctx.shared.seals).await.unwrap().is_some() {}
        assert_eq!(checkpoints::count_unsealed(&conn, 10).await.unwrap(), 0);
        drop(conn);
        let next = provision::apply(&ctx, &second, DryRun::No, Prune::No);
        let let_go = async {
            while db.count(&waits.replace("'Lock'", "'Lock' AND wait_event = 'advisory'")).await
                == 0
            {}
            holding.batch_execute("COMMIT").await.unwrap();
        };
        join(next, let_go).await.0.unwrap().to_string()
    };
    let (first, second) = join(apply, beside).await;
    assert!(first.ends_with("1 to create, 1 to update, 0 to delete, 0 unchanged"), "{first}");
    assert!(second.ends_with("0 to create, 0 to update, 0 to delete, 2 unchanged"), "{second}");
}
