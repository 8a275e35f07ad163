//! One row ends what was handed out, however much it is; the rest is written down afterwards.
use crate::support::node::{run, until};
use crate::support::{TestDb, TestServer};
use std::time::{Duration, Instant};
use understudy::flows::{logout::sign_out_all, operations::after_restore};

const CALLBACK: &str = "http://127.0.0.1:9/legacy";
const AUTHORIZE: &str = "/authorize?response_type=code&scope=openid+offline_access&client_id=legacy\
    &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Flegacy";

/// As many sessions of Alice, each with a code that was redeemed, and an access token.
async fn fill(db: &TestDb, rows: u32) {
    let hash = |what: &str| format!("sha256(('{what}' || n)::bytea)");
    let (session, code, token) = (hash("session"), hash("code"), hash("token"));
    let sql = format!(
        "INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at) \
         SELECT 'ses_' || lpad(n::text, 9, '0'), {session}, 'usr_alice', now(), now(), now() + interval '1 day' \
         FROM generate_series(1, {rows}) n; \
         INSERT INTO authorization_codes (id, code_hash, client_id, user_id, session_id, redirect_uri, scope, \
         authenticated_at, created_at, expires_at, redeemed_at) \
         SELECT 'cod_' || n, {code}, 'legacy', 'usr_alice', 'ses_' || lpad(n::text, 9, '0'), '{CALLBACK}', 'openid', \
         now(), now(), now() + interval '1 minute', now() FROM generate_series(1, {rows}) n; \
         INSERT INTO access_tokens (token_hash, client_id, user_id, grant_id, session_id, scope, issued_at, \
         expires_at) SELECT {token}, 'legacy', 'usr_alice', 'cod_' || n, 'ses_' || lpad(n::text, 9, '0'), 'openid', \
         now(), now() + interval '1 hour' FROM generate_series(1, {rows}) n; \
         ANALYZE sessions, authorization_codes, access_tokens"
    );
    db.sql(&sql).await;
}

#[tokio::test]
async fn l09_with_a_hundred_thousand_sessions_codes_and_tokens_everything_ends_at_once() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let code = alice.get(AUTHORIZE).await.location_param("code").unwrap();
    let own = server.exchange("legacy", &code, CALLBACK).await.json();
    let acted = server.impersonated_tokens().await;
    // A copy that no server looks after.
    let copy = server.db.copy().await;
    fill(&copy, 100_000).await;
    let said = run(&copy.url, &["keys", "replace", "--compromised"]);
    assert!(said.success, "{said:?}");
    let told = "SELECT detail ->> 'sessions' || ' ' || (detail ->> 'tokens') || ' ' || \
        (detail ->> 'impersonations') FROM audit_events WHERE type = 'key.replaced'";
    assert_eq!(copy.text(told).await, "100001 100003 1");
    let marked =
        "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL AND impersonation_id IS NULL";
    assert!(copy.count(marked).await <= 2_000, "no statement went over all of them");

    // A server that starts on it goes on, and nothing from before is good meanwhile.
    let server = TestServer::start_on(copy, &[]).await;
    for tokens in [&own, &acted] {
        let token = tokens["access_token"].as_str().unwrap();
        assert_eq!(server.userinfo(token).await.status, 401);
    }
    let left = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
    let all = async || server.db.count(left).await == 0;
    until("every session is marked", 120, all).await;
    until("it is done", 10, async || server.db.count("SELECT count(*) FROM sign_outs").await == 0)
        .await;
    let ends = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.ended' \
        AND reason = 'stopped_by_admin' OR type = 'impersonation.ended' AND detail ->> 'reason' = 'stopped_by_admin'";
    assert_eq!(server.db.count(ends).await, 1, "{:?}", server.db.trail().await);
}

#[tokio::test]
async fn l09_after_a_backup_was_put_back_a_hundred_thousand_end_in_a_second() {
    let server = TestServer::start().await;
    fill(&server.db, 100_000).await;
    let ctx = server.parts.context(1).unwrap();
    let begun = Instant::now();
    let alive = after_restore::end_issued_credentials(&ctx).await.unwrap();
    let took = begun.elapsed();
    assert_eq!((alive.sessions, alive.tokens), (100_000, 100_000));
    // With a million by hand 0.8 s; others may be at work on this machine.
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// Everything that is dead is dead by the moment alone: no row is marked here.
async fn all_is_dead(put: &str) {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let code = async || alice.get(AUTHORIZE).await.location_param("code").unwrap();
    let own = server.exchange("legacy", &code().await, CALLBACK).await.json();
    let waiting = code().await;
    let sam = server.sam_as_alice("orders").await;
    let acted = server.impersonated_tokens().await;
    let link = server.link("legacy").await;
    let shown = |page: crate::support::Page| page.json()["entries"].as_array().unwrap().len();
    let global = server.global_token().await;
    let list = async |status: &str| {
        let path = format!("/api/impersonations?status={status}");
        let browser = server.browser();
        let request = browser.request(reqwest::Method::GET, &path).bearer_auth(&global);
        shown(browser.send(request).await)
    };
    assert_eq!((list("active").await, list("link_issued").await), (2, 1));

    server.db.sql(put).await;
    assert!(alice.get("/account").await.status != 200, "{put}: the session");
    for tokens in [&own, &acted] {
        let token = tokens["access_token"].as_str().unwrap();
        assert_eq!(server.userinfo(token).await.status, 401, "{put}");
        assert_eq!(server.introspect(token).await.json()["active"], false, "{put}");
    }
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "legacy"),
        ("client_secret", "legacy-secret"),
        ("refresh_token", own["refresh_token"].as_str().unwrap()),
    ];
    let refreshed = server.browser().post_form("/oauth/token", &form).await;
    assert_eq!(refreshed.json()["error"], "invalid_grant", "{put}");
    let exchanged = server.exchange("legacy", &waiting, CALLBACK).await;
    assert_eq!(exchanged.json()["error"], "invalid_grant", "{put}");
    let account = sam.open("/account").await;
    assert!(!account.body.contains("Alice Chen"), "{put}: {}", account.body);
    assert_eq!(server.browser().get(&link).await.status, 403, "{put}: the link");
    let global = server.global_token().await;
    let list = async |status: &str| {
        let path = format!("/api/impersonations?status={status}");
        let browser = server.browser();
        let request = browser.request(reqwest::Method::GET, &path).bearer_auth(&global);
        shown(browser.send(request).await)
    };
    assert_eq!((list("active").await, list("link_issued").await), (0, 0), "{put}");
    // It ends when it is asked about, with its event.
    // Where the actor is signed out too, that is the reason.
    let ended = "SELECT count(*) FROM impersonations WHERE ended_at IS NOT NULL \
        AND end_reason IN ('stopped_by_admin', 'logout')";
    assert!(server.db.count(ended).await >= 2, "{put}");
    // And everything works anew.
    server.alice().await;
    let token = server.impersonated_tokens().await;
    assert_eq!(server.userinfo(token["access_token"].as_str().unwrap()).await.status, 200);
}

#[tokio::test]
async fn l09_the_moment_of_a_user_ends_what_they_and_others_as_them_hold() {
    all_is_dead("SELECT put_not_before('user_not_before', ARRAY['usr_alice'])").await;
}

#[tokio::test]
async fn l09_the_moment_of_an_organization_ends_what_its_people_hold() {
    all_is_dead("SELECT put_not_before('organization_not_before', ARRAY['org_acme'])").await;
}

#[tokio::test]
async fn l09_the_moment_of_everybody_ends_it_all() {
    all_is_dead("SELECT put_not_before('everybody_not_before', ARRAY['*'])").await;
}

#[tokio::test]
async fn l09_a_session_that_was_proven_again_meanwhile_is_over_all_the_same() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    server.db.sql("SELECT put_not_before('user_not_before', ARRAY['usr_alice'])").await;
    // Its password was typed once more while the row was being written.
    server.db.sql("UPDATE sessions SET authenticated_at = clock_now() + interval '1 second'").await;
    server.db.advance("1 minute").await;
    assert!(alice.get("/account").await.status != 200);
}

#[tokio::test]
async fn l09_the_sign_outs_of_one_do_not_touch_another() {
    let server = TestServer::start().await;
    let (alice, sam) = (server.alice().await, server.sam().await);
    let ctx = server.parts.context(1).unwrap();
    let globex = understudy::domain::OrganizationId::parse("org_globex").unwrap();
    let reach = sign_out_all::SignOutReach::Organization(globex);
    let asking = sign_out_all::SignOutBy::Operator;
    let caller = understudy::domain::caller::Caller::default();
    let alive = sign_out_all::sign_out_all(&ctx, asking, &reach, &caller).await.unwrap();
    assert_eq!((alive.sessions, alive.tokens, alive.impersonations), (0, 0, 0));
    assert_eq!((alice.get("/account").await.status, sam.get("/account").await.status), (200, 200));
}
