//! The commands, as they are typed.
use crate::support::db::MASTER_KEY;
use crate::support::node::{free_address, program, run, run_with};
use crate::support::{Node, TestDb, TestServer};
use reqwest::Method;
use std::collections::BTreeSet;

const COMMANDS: &[&str] = &[
    "serve",
    "dev",
    "migrate",
    "apply",
    "export",
    "impersonate",
    "user",
    "sessions",
    "client",
    "keys",
    "audit",
    "bootstrap",
    "restored",
    "healthcheck",
    "schema",
    "completions",
    "man",
];

#[tokio::test]
async fn help_teaches_every_command() {
    let db = TestDb::empty();
    let help = run(&db.url, &["--help"]);
    assert!(help.success && help.out.contains("Try it:"), "{help:?}");
    for command in COMMANDS {
        assert!(
            help.out.lines().any(|line| line.trim_start().starts_with(command)),
            "{command}: {}",
            help.out
        );
        let own = run(&db.url, &[command, "--help"]);
        assert!(own.success && own.out.contains("Usage: understudy"), "{own:?}");
    }
    assert!(run(&db.url, &["--version"]).out.starts_with("understudy "));
    for wrong in [&[][..], &["fly"], &["serve", "--fast"], &["impersonate", "--actor", "usr_sam"]] {
        let said = run(&db.url, wrong);
        assert!(!said.success && said.err.contains("Usage:"), "{wrong:?}: {said:?}");
    }
}

#[tokio::test]
async fn a_wrong_setting_stops_the_start_and_every_mistake_is_named() {
    let mut command = program("mysql://root:geheim-4711@localhost/x", "not a url");
    command
        .args(["serve", "--listen", "nowhere"])
        .env("UNDERSTUDY_MASTER_KEY", "too-short-4711")
        .env("UNDERSTUDY_PUBLIC_ULR", "https://id.example")
        .env("UNDERSTUDY_LOG_LEVEL", "debug")
        .env("UNDERSTUDY_RATE_LIMITS", "perhaps")
        .env("UNDERSTUDY_TRUSTED_PROXIES", "everybody");
    let said = run_with(command, "");
    assert!(!said.success);
    for name in [
        "DATABASE_URL",
        "UNDERSTUDY_PUBLIC_URL",
        "UNDERSTUDY_MASTER_KEY",
        "UNDERSTUDY_LISTEN",
        "UNDERSTUDY_PUBLIC_ULR",
        "UNDERSTUDY_LOG_LEVEL",
        "UNDERSTUDY_RATE_LIMITS",
        "UNDERSTUDY_TRUSTED_PROXIES",
    ] {
        assert!(said.err.contains(name), "{name}: {}", said.err);
    }
    assert!(said.err.contains("did you mean UNDERSTUDY_PUBLIC_URL?"), "{}", said.err);
    // i22: what is wrong with a secret is said without it.
    assert!(!said.err.contains("4711") && !said.out.contains("4711"), "{said:?}");
}

#[tokio::test]
async fn serve_says_what_it_cannot_do_without() {
    let mut command = program("", "");
    command.arg("serve").env("UNDERSTUDY_MASTER_KEY", "");
    let said = run_with(command, "");
    assert!(!said.success);
    for name in ["DATABASE_URL", "UNDERSTUDY_PUBLIC_URL", "UNDERSTUDY_MASTER_KEY"] {
        assert!(said.err.contains(name), "{name}: {}", said.err);
    }
}

#[tokio::test]
async fn migrate_goes_up_and_down() {
    let db = TestDb::empty();
    let first = run(&db.url, &["migrate"]);
    assert!(first.success && first.out.starts_with("migrated "), "{first:?}");
    assert_eq!(run(&db.url, &["migrate"]).out, "the schema is up to date\n");
    let down = run(&db.url, &["migrate", "--revert-last"]);
    assert!(down.success && down.out.starts_with("reverted "), "{down:?}");
    let again = run(&db.url, &["migrate"]).out;
    assert!(first.out.ends_with(&again) && again.lines().count() == 1, "{again}");
}

#[tokio::test]
async fn impersonate_prints_a_link_that_works() {
    let server = TestServer::start().await;
    let ask = |actor: &str, client: &str| {
        let mut command = program(&server.db.url, &server.url);
        command.args([
            "impersonate",
            "--actor",
            actor,
            "--subject",
            "usr_alice",
            "--application",
            client,
        ]);
        command.args(["--reason", "Order NW-20418", "--ticket", "T-7"]);
        run_with(command, "")
    };
    let said = ask("usr_sam", "legacy");
    assert!(said.success, "{said:?}");
    let link = said.out.strip_suffix('\n').unwrap();
    assert!(
        link.starts_with(&format!("{}/users/usr_alice/impersonate?&bewit=", server.url)),
        "{link}"
    );
    let opened = server.browser().get(link).await;
    assert_eq!(opened.status, 302, "{}", opened.body);
    let code = opened.location_param("code").unwrap();
    let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json();
    let claims = crate::support::words::claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(claims["impersonator"]["user_id"], "usr_sam");
    let trail =
        "SELECT reason || ' ' || ticket FROM audit_events WHERE type = 'impersonation.link_issued'";
    assert_eq!(server.db.text(trail).await, "Order NW-20418 T-7");
    // K-19: no user and no application of that id.
    let asked = "SELECT requester_kind || ' ' || requested_by FROM impersonations";
    assert_eq!(server.db.text(asked).await, "command_line cli");

    for (actor, client, words) in [
        ("usr_alice", "legacy", "nobody acts as themselves"),
        ("usr_max", "legacy", "may not act as others"),
        ("usr_sam", "closed", "does not accept impersonated sign-ins"),
    ] {
        let said = ask(actor, client);
        assert!(!said.success && said.err.contains(words) && said.out.is_empty(), "{said:?}");
    }
}

#[tokio::test]
async fn i05_keys_are_listed_and_rotated_under_a_running_server() {
    let server = TestServer::start().await;
    let before = run(&server.db.url, &["keys", "list"]);
    assert_eq!(before.out.lines().count(), 11, "a header, and the keys: {before:?}");
    let tokens = server.impersonated_tokens().await;
    let waiting = server.link("legacy").await;
    let old = published(&server).await;

    let said = run(&server.db.url, &["keys", "rotate"]);
    assert!(
        said.success && said.out.lines().all(|line| line.starts_with("now signing: ")),
        "{said:?}"
    );
    assert_eq!(said.out.lines().count(), 5);
    let after = run(&server.db.url, &["keys", "list"]).out;
    assert_eq!(after.lines().filter(|line| line.contains("retiring")).count(), 5, "{after}");
    assert_eq!(after.lines().filter(|line| line.contains("current")).count(), 5, "{after}");
    // The server follows: what it signs with now was published before.
    crate::support::node::until("it follows", 5, async || published(&server).await != old).await;
    let new = published(&server).await;
    assert!(new.is_superset(&old), "{old:?} {new:?}");
    let signed = server.impersonated_tokens().await;
    let (was, is) = (kid(&tokens["id_token"]), kid(&signed["id_token"]));
    assert!(was != is && old.contains(&was) && old.contains(&is), "{was} {is} {old:?}");
    // What was signed and handed out before is as good as before.
    assert_eq!(server.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(server.browser().get(&waiting).await.status, 302);
    let hint = format!("/oidc/logout?id_token_hint={}", tokens["id_token"].as_str().unwrap());
    assert!(matches!(server.browser().get(&hint).await.status, 302 | 303));
}

/// [`published`] judges every document that it reads.
#[tokio::test]
async fn i07_at_every_moment_of_a_rotation_the_published_keys_are_distinct_public_and_enough() {
    let server = TestServer::start().await;
    let mut known = published(&server).await;
    for round in 0..3 {
        let url = server.db.url.clone();
        let rotating =
            tokio::task::spawn_blocking(move || run(&url, &["keys", "rotate", "--force"]));
        let before = known.clone();
        // While it is done, and until the server has followed.
        while !rotating.is_finished() || published(&server).await == before {
            let seen = published(&server).await;
            let tokens = server.impersonated_tokens().await;
            let signed_by = kid(&tokens["id_token"]);
            known.extend(seen);
            assert!(known.contains(&signed_by), "round {round}: {signed_by} was never published");
            // Whoever fetches the keys now verifies what was signed just now.
            assert!(published(&server).await.contains(&signed_by), "round {round}: {signed_by}");
        }
        assert!(rotating.await.unwrap().success, "round {round}");
        known.extend(published(&server).await);
    }
}

/// The ids of the published keys: all different, and nothing private beside them.
async fn published(server: &TestServer) -> BTreeSet<String> {
    let answer = server.browser().get("/.well-known/jwks.json").await.json();
    let keys = answer["keys"].as_array().unwrap();
    for key in keys {
        let names: Vec<&String> = key.as_object().unwrap().keys().collect();
        let public = ["alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"];
        assert!(names.iter().all(|name| public.contains(&name.as_str())), "{names:?}");
    }
    let ids: BTreeSet<String> =
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), keys.len());
    ids
}

fn kid(jwt: &serde_json::Value) -> String {
    use base64::Engine as _;
    let header = jwt.as_str().unwrap().split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_says_so() {
    let db = TestDb::create();
    let mut command = program(&db.url, "http://127.0.0.1:1");
    let other = "YW5vdGhlci10ZXN0cy1tYXN0ZXIta2V5LTMyYnl0ZXM=";
    command.args(["keys", "rotate"]).env("UNDERSTUDY_MASTER_KEY", other);
    let before = db.contents().await;
    let said = run_with(command, "");
    assert!(!said.success && said.err.contains("UNDERSTUDY_MASTER_KEY"), "{said:?}");
    assert!(!said.err.contains(other) && !said.err.contains(MASTER_KEY), "{said:?}");
    assert_eq!(db.contents().await, before);
}

/// i04: sealed for one row, it opens in no other.
#[tokio::test]
async fn i04_keys_that_were_swapped_in_the_database_are_refused() {
    let db = TestDb::create();
    db.sql(
        "UPDATE signing_keys a SET private_sealed = b.private_sealed FROM signing_keys b \
         WHERE a.algorithm = 'RS256' AND b.algorithm = 'RS256' AND a.id <> b.id",
    )
    .await;
    let said = run(&db.url, &["keys", "rotate"]);
    assert!(!said.success && said.err.contains("signing_keys"), "{said:?}");
}

#[tokio::test]
async fn healthcheck_tells_a_ready_server_from_one_that_is_not() {
    let db = TestDb::create();
    let node = Node::launch(&db.url);
    node.until_ready().await;
    let check = |address: &str| {
        let mut command = program(&db.url, "http://127.0.0.1:1");
        command.arg("healthcheck").env("UNDERSTUDY_LISTEN", address);
        run_with(command, "")
    };
    let address = node.url.strip_prefix("http://").unwrap();
    assert!(check(address).success);
    // As in a container, where a server listens on every address.
    let port = address.rsplit(':').next().unwrap();
    assert!(check(&format!("0.0.0.0:{port}")).success);
    db.sql("ALTER TABLE signing_keys RENAME TO away").await;
    crate::support::node::until("it notices", 5, async || {
        node.status("/health/ready").await == Some(503)
    })
    .await;
    let said = check(address);
    assert!(!said.success && said.err.contains("not ready"), "{said:?}");
    assert!(!check(&free_address()).success);
    let browser = node.browser();
    assert_eq!(browser.send(browser.request(Method::GET, "/health/live")).await.status, 200);
}
