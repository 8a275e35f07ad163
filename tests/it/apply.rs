//! `understudy apply` and `export`, as they are typed.
use crate::support::node::{Said, program, run, run_with};
use crate::support::{TestDb, TestServer};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo.yaml");

/// Applies what is on standard input.
fn apply(db: &TestDb, text: &str, flags: &[&str]) -> Said {
    let mut command = program(&db.url, "http://127.0.0.1:1");
    command.args(["apply", "-f", "-"]).args(flags);
    run_with(command, text)
}

#[tokio::test]
async fn the_demo_file_applies_twice_and_survives_a_round_trip() {
    let (db, other) = (TestDb::empty(), TestDb::empty());
    for empty in [&db, &other] {
        assert!(run(&empty.url, &["migrate"]).success);
    }
    let first = run(&db.url, &["apply", "-f", DEMO]);
    assert!(first.success, "{first:?}");
    assert_eq!(
        db.count("SELECT count(*) FROM users WHERE id IN ('usr_sam', 'usr_alice')").await,
        2
    );
    let before = db.contents().await;
    let again = run(&db.url, &["apply", "-f", DEMO]);
    assert!(again.out.starts_with("0 to create, 0 to update, 0 to delete"), "{again:?}");
    assert_eq!(db.contents().await, before, "applying twice changes nothing");

    let exported = run(&db.url, &["export"]);
    assert!(exported.success && exported.out.contains("usr_alice"), "{exported:?}");
    assert!(
        !exported.out.contains("argon2") && !exported.out.contains("-secret"),
        "{}",
        exported.out
    );
    assert!(apply(&other, &exported.out, &["--prune"]).success);
    assert_eq!(run(&other.url, &["export"]).out, exported.out);
    let plan = apply(&db, &exported.out, &["--prune"]);
    assert!(plan.out.starts_with("0 to create, 0 to update, 0 to delete"), "{plan:?}");
}

#[tokio::test]
async fn a_dry_run_prints_the_plan_and_changes_nothing_and_prune_removes() {
    let db = TestDb::create();
    let text = "version: 1\norganizations: [{id: org_new, name: New}]\n\
        users: [{id: usr_sam, email: sam@understudy.test}, {id: usr_ada, email: ada@understudy.test, roles: [admin]}]\n";
    let before = db.contents().await;
    let plan = apply(&db, text, &["--dry-run", "--prune"]);
    assert!(
        plan.success && plan.out.contains("org_new") && plan.out.contains("usr_alice"),
        "{plan:?}"
    );
    assert_eq!(db.contents().await, before);
    assert_eq!(apply(&db, text, &["--prune"]).out, plan.out, "it does what it said");
    assert_eq!(
        db.text("SELECT string_agg(id, ' ' ORDER BY id) FROM users").await,
        "usr_ada usr_sam"
    );
    assert_eq!(db.count("SELECT count(*) FROM clients").await, 0);
}

#[tokio::test]
async fn h14_a_file_takes_no_last_administrator_away() {
    let db = TestDb::create();
    let before = db.contents().await;
    let nobody = "version: 1\nusers: [{id: usr_sam, email: sam@understudy.test}]\n";
    let demoted =
        "version: 1\nusers: [{id: usr_ada, email: ada@understudy.test, roles: [support]}]\n";
    let off = "version: 1\nusers: [{id: usr_ada, email: ada@understudy.test, roles: [admin], status: inactive}]\n";
    let moved = "version: 1\norganizations: [{id: org_acme, name: Acme}]\n\
                 users: [{id: usr_ada, email: ada@understudy.test, roles: [admin], organization: org_acme}]\n";
    for (text, flags) in [
        (nobody, &["--prune"][..]),
        (nobody, &["--prune", "--dry-run"]),
        (demoted, &[]),
        (off, &[]),
        (moved, &[]),
    ] {
        let said = apply(&db, text, flags);
        assert!(!said.success && said.out.is_empty(), "{text}{said:?}");
        assert!(said.err.contains("nobody would be left who administers"), "{}", said.err);
        assert_eq!(db.contents().await, before, "{text}");
    }
    let another =
        "version: 1\nusers: [{id: usr_new, email: new@understudy.test, roles: [admin]}]\n";
    assert!(apply(&db, another, &["--prune"]).success);
    assert_eq!(db.text("SELECT string_agg(id, ' ') FROM users").await, "usr_new");
}

#[tokio::test]
async fn secrets_come_from_the_environment_and_work_at_once() {
    let server = TestServer::start().await;
    let text = "version: 1\nclients: [{client_id: shop, kind: machine, client_secret: \"${SHOP_SECRET}\"}]\n";
    let missing = apply(&server.db, text, &[]);
    assert!(!missing.success && missing.err.contains("SHOP_SECRET"), "{missing:?}");
    assert_eq!(server.db.count("SELECT count(*) FROM clients WHERE id = 'shop'").await, 0);
    let mut command = program(&server.db.url, "http://127.0.0.1:1");
    command.args(["apply", "-f", "-"]).env("SHOP_SECRET", "from-the-environment");
    let said = run_with(command, text);
    assert!(said.success && !said.out.contains("from-the-environment"), "{said:?}");
    server.client_token("shop", "from-the-environment").await;
}

#[tokio::test]
async fn a_mistake_names_its_line_and_key_and_nothing_is_changed() {
    let db = TestDb::create();
    let before = db.contents().await;
    for (text, words) in [
        ("version: 1\nusers:\n  - id: a\n    emial: a@x.test\n", &["line 4", "emial"][..]),
        (
            "version: 1\nusers:\n  - {id: a, organization: nowhere}\n",
            &["line 3", "organization", "nowhere"],
        ),
        ("version: 1\nusers:\n  - {id: a}\n  - {id: a}\n", &["line 4", "users[1]"]),
        (
            "version: 1\nclients:\n  - client_id: c\n    kind: web\n    redirect_uris: [javascript:x]\n",
            &["line 5", "redirect_uris"],
        ),
        ("version: 2\n", &["line 1", "version"]),
        ("version: 1\nnonsense: {}\n", &["line 2", "nonsense"]),
        ("version: 1\nusers: [\n", &["line"]),
        // Two at once: both are named.
        (
            "version: 1\nusers:\n  - {id: a, kind: robot}\n  - {id: b, roles: [king]}\n",
            &["line 3", "robot", "line 4", "king"],
        ),
    ] {
        let said = apply(&db, text, &[]);
        assert!(!said.success && said.out.is_empty(), "{text}{said:?}");
        for word in words {
            assert!(said.err.contains(word), "{text}{word}: {}", said.err);
        }
        assert!(said.err.contains("nothing was changed"), "{}", said.err);
    }
    let said = run(&db.url, &["apply", "-f", "/nowhere/directory.yaml"]);
    assert!(!said.success && said.err.contains("/nowhere/directory.yaml"), "{said:?}");
    assert_eq!(db.contents().await, before);
}

#[tokio::test]
async fn c99_an_address_that_starts_a_sign_in_is_https_and_kept_as_it_is() {
    let db = TestDb::create();
    let file = |uri: &str| {
        format!(
            "version: 1\nclients:\n  - client_id: shop\n    kind: web\n    client_secret: shop-secret\n    \
             redirect_uris: [\"https://shop.test/callback\"]\n    initiate_login_uri: \"{uri}\"\n"
        )
    };
    let before = db.contents().await;
    for bad in ["http://shop.test/login", "javascript:alert(1)", "/login", "https://shop.test/#a"] {
        let said = apply(&db, &file(bad), &[]);
        assert!(!said.success && said.err.contains("initiate_login_uri"), "{bad}: {said:?}");
        assert!(said.err.contains("line 7"), "{bad}: {said:?}");
    }
    assert_eq!(db.contents().await, before);
    let good = "https://shop.test/login?from=understudy";
    assert!(apply(&db, &file(good), &[]).success);
    let stored = "SELECT initiate_login_uri FROM clients WHERE id = 'shop'";
    assert_eq!(db.text(stored).await, good);
    let exported = run(&db.url, &["export"]).out;
    assert!(exported.contains(&format!("initiate_login_uri: {good}")), "{exported}");
}

#[tokio::test]
async fn l16_a_hash_from_elsewhere_signs_in_and_is_replaced_by_one_of_ours() {
    let server = TestServer::start().await;
    let hashes = [
        "$2b$04$47u5GoVM2F/qt/lLqbP6R.PfhpMAg999uwRVpY4EyC1XsLzUU4qMq",
        "$pbkdf2-sha256$i=1000,l=32$LosIYsagN2Fqj+RBluWcOQ$SuErU32EcPdxY2ZD23LbAmdPDuf17k4ehdkCIK9VLS8",
        "$scrypt$ln=10,r=8,p=1$QiiFUKq1NmaMsda6d651bg$tNJm1n7aLhQKQqKhzBWVb1Gxm0CjvxOdMEexGjCSsd4",
        "$argon2i$v=19$m=64,t=1,p=1$kjb3iILN53ZPhNjehvjVDg$9R3VNSobtnDlknwYdYu4Cu/YoT8U/FMxJSvH+E7+6Ng",
    ];
    for (nth, hash) in hashes.iter().enumerate() {
        let (id, email) = (format!("usr_brought{nth}"), format!("brought{nth}@acme.test"));
        let file =
            format!("version: 1\nusers: [{{id: {id}, email: {email}, password_hash: '{hash}'}}]\n");
        let said = apply_text(&server, &file);
        assert!(said.success, "{said:?}");
        let wrong = server.browser().sign_in(&email, "importee").await;
        assert_eq!(wrong.status, 400);
        let stored = format!("SELECT password_hash FROM credentials WHERE user_id = '{id}'");
        assert_eq!(server.db.text(&stored).await, *hash, "a wrong password changes nothing");
        assert_eq!(server.browser().sign_in(&email, "imported").await.status, 303);
        assert!(server.db.text(&stored).await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(server.browser().sign_in(&email, "imported").await.status, 303);
    }
    let dear = "version: 1\nusers:\n  - email: dear@acme.test\n    password_hash: '$2b$31$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW'\n";
    let said = apply_text(&server, dear);
    assert!(!said.success && said.err.contains("line 4: users[0].password_hash"), "{said:?}");
    assert!(!said.err.contains("R9h/"), "no hash is quoted");
}

fn apply_text(server: &TestServer, file: &str) -> Said {
    let mut command = program(&server.db.url, &server.url);
    command.args(["apply", "-f", "-"]);
    run_with(command, file)
}
