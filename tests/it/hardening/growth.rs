//! What is there stays small, what is written stays in order, and old hashes are renewed.
use crate::support::{Browser, TestDb, TestServer};
use futures_util::future::join_all;
use understudy::crypto::password;
use understudy::flows::operations::verify_audit::{Evidence, verify};
use understudy::store::trail::sealing::seal_next;

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

/// Argon2id with a sixteenth of our memory, for `alice-password`.
fn weak() -> String {
    use argon2::password_hash::{PasswordHasher as _, SaltString};
    use argon2::{Algorithm, Argon2, Params, Version};
    let salt = SaltString::encode_b64(&[3; 16]).unwrap();
    let params = Params::new(1024, 1, 1, Some(32)).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(b"alice-password", &salt).unwrap().to_string()
}

#[tokio::test]
async fn i10_a_weak_hash_is_renewed_by_a_sign_in_of_its_owner_and_by_nothing_else() {
    let server = TestServer::start_with(OFF).await;
    let weak = weak();
    let set =
        format!("UPDATE credentials SET password_hash = '{weak}' WHERE user_id = 'usr_alice'");
    server.db.sql(&set).await;
    let stored = "SELECT password_hash FROM credentials WHERE user_id = 'usr_alice'";
    server.sam_as_alice("portal").await;
    server.impersonated_tokens().await;
    assert_eq!(server.db.text(stored).await, weak, "an impersonation knows no password");
    assert_eq!(server.browser().sign_in("alice@acme.test", "wrong").await.status, 400);
    assert_eq!(server.db.text(stored).await, weak);
    // A sign-in that cannot be written down renews nothing.
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'no space left on device'; END $$; \
        CREATE TRIGGER full_disk BEFORE INSERT ON audit_events EXECUTE FUNCTION full_disk()";
    server.db.sql(full).await;
    assert_eq!(server.browser().sign_in("alice@acme.test", "alice-password").await.status, 503);
    assert_eq!(server.db.text(stored).await, weak);
    server.db.sql("DROP TRIGGER full_disk ON audit_events").await;

    server.alice().await;
    let renewed = server.db.text(stored).await;
    assert!(renewed != weak && !password::needs_rehash(&renewed), "{renewed}");
    server.alice().await;
    assert_eq!(server.db.text(stored).await, renewed, "once is enough");
}

/// On two nodes, with two that seal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i16_of_two_hundred_who_write_at_once_every_event_is_there_and_the_chain_is_one() {
    let server = TestServer::start_with(OFF).await;
    let token = server.global_token().await;
    let before = server.db.count("SELECT count(*) FROM audit_events").await;
    let browser = Browser::bare(&server.url);
    let writing = join_all((0..200).map(|nth| {
        let body = serde_json::json!({
            "protocol": "oauth2", "impersonator_id": "usr_max", "client_id": "legacy",
            "reason": format!("the {nth}th"),
        });
        let request = browser.request(reqwest::Method::POST, "/users/usr_alice/impersonate");
        browser.send(request.bearer_auth(&token).json(&body))
    }));
    let sealing = async |parts: &understudy::app::ServerParts| {
        let ctx = parts.context(1).unwrap();
        for _ in 0..30 {
            let mut conn = ctx.store.conn().await.unwrap();
            seal_next(&mut conn, &ctx.shared.seals).await.unwrap();
        }
    };
    let (answers, (), ()) =
        futures_util::join!(writing, sealing(&server.parts), sealing(&server.parts));
    // Refused, and written down; or told to come again, and then there is nothing.
    let refused = answers.iter().filter(|page| page.status == 403).count();
    assert!(answers.iter().all(|page| matches!(page.status, 403 | 503)), "{answers:?}");
    assert!(refused >= 50, "{refused}");
    let written =
        "SELECT count(DISTINCT seq) FROM audit_events WHERE type = 'impersonation.refused'";
    assert_eq!(server.db.count(written).await, i64::try_from(refused).unwrap());
    let total = server.db.count("SELECT count(*) FROM audit_events").await;
    assert_eq!(total, before + i64::try_from(refused).unwrap());

    sealing(&server.parts).await;
    let forked = "SELECT count(*) - coalesce(max(number), 0) FROM audit_checkpoints";
    assert_eq!(server.db.count(forked).await, 0);
    let ctx = server.parts.context(1).unwrap();
    let evidence = Evidence { key: Some(&ctx.shared.seals), kept: None };
    let report = verify(&ctx.store, &evidence, |_| ()).await.unwrap();
    assert_eq!(report.broken, None);
    assert_eq!(report.events + report.unsealed, total, "{report:?}");
}

#[tokio::test]
async fn i20_what_has_expired_goes_in_small_bites_until_nothing_is_left() {
    let db = TestDb::create();
    db.sql(
        "INSERT INTO access_tokens (token_hash, client_id, scope, issued_at, expires_at) \
         SELECT sha256(n::text::bytea), 'machine', '', clock_now() - interval '2 days', clock_now() - interval '1 day' \
         FROM generate_series(1, 15000) n; \
         INSERT INTO replay_guard (kind, key_hash, expires_at) \
         SELECT 'test', sha256(n::text::bytea), clock_now() - interval '1 day' FROM generate_series(1, 15000) n; \
         INSERT INTO access_tokens (token_hash, client_id, scope, expires_at) \
         VALUES (sha256('live'), 'machine', '', clock_now() + interval '1 day'); \
         CREATE TABLE bites (size bigint); \
         CREATE FUNCTION note_bite() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         INSERT INTO bites SELECT count(*) FROM gone; RETURN NULL; END $$; \
         CREATE TRIGGER note_bite AFTER DELETE ON access_tokens REFERENCING OLD TABLE AS gone \
         FOR EACH STATEMENT EXECUTE FUNCTION note_bite(); \
         CREATE TRIGGER note_bite AFTER DELETE ON replay_guard REFERENCING OLD TABLE AS gone \
         FOR EACH STATEMENT EXECUTE FUNCTION note_bite()",
    )
    .await;
    // Its own watch does it, without a minute between two bites.
    let server = TestServer::start_on(db, OFF).await;
    let left = "SELECT (SELECT count(*) FROM access_tokens) + (SELECT count(*) FROM replay_guard)";
    crate::support::node::until("only what lives is left", 40, async || {
        server.db.count(left).await == 1
    })
    .await;
    assert_eq!(server.db.count("SELECT max(size) FROM bites").await, 1000);
}

#[tokio::test]
async fn i21_who_has_not_signed_in_leaves_nothing_behind() {
    let server = TestServer::start_with(OFF).await;
    let before = server.db.contents().await;
    let events = "SELECT count(*) FROM audit_events";
    let written = server.db.count(events).await;
    let browser = Browser::bare(&server.url);
    let callback = "http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    for nth in 0..60 {
        let ask = format!(
            "/authorize?response_type=code&client_id=orders&scope=openid&redirect_uri={callback}&state={nth}&nonce=n{nth}"
        );
        for path in [
            ask.as_str(),
            &format!("{ask}&prompt=none"),
            "/login?return_to=%2Faccount",
            "/account",
            "/console/users",
            "/wsfed/shop-wsfed?wa=wsignin1.0&wtrealm=urn:test:wsfed",
            "/samlp/orders-saml?SAMLRequest=x",
            "/go",
        ] {
            let page = browser.open(path).await;
            assert!(page.status < 500, "{path}: {page:?}");
        }
    }
    assert_eq!(server.db.contents().await, before);
    assert_eq!(server.db.count(events).await, written);
}
