//! Who asks, how the actor has shown who they are, and how long ago.
use crate::box_::people::{cora, get, token_at};
use crate::support::words::claims;
use crate::support::{Browser, Page, TestServer};
use reqwest::Method;
use serde_json::{Value, json};
use understudy::crypto::bewit;

/// A token of somebody at `client`, with which our own API may be asked.
async fn api_token(server: &TestServer, email: &str, client: &str) -> String {
    // Lets the application ask for the scope, where there is such a setting.
    server
        .db
        .sql(
            "DO $$ BEGIN IF EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'clients' \
             AND column_name = 'api_scopes') THEN EXECUTE \
             'UPDATE clients SET api_scopes = ''{impersonations:create}'' WHERE first_party'; END IF; END $$",
        )
        .await;
    token_at(server, email, client, "&scope=openid%20impersonations%3Acreate").await
}

async fn create(server: &TestServer, token: &str, body: &Value) -> Page {
    let browser = server.browser();
    let request = browser.request(Method::POST, "/api/impersonations").bearer_auth(token);
    browser.send(request.json(body)).await
}

fn wanted(actor: &str, subject: &str, client: &str) -> Value {
    json!({"user_id": subject, "impersonator_id": actor, "client_id": client, "protocol": "oauth2"})
}

/// A link by the global client; its path and query.
async fn link(server: &TestServer, actor: &str, subject: &str, client: &str) -> String {
    let page = asked(server, actor, subject, client).await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.body.strip_prefix(&server.url).unwrap().to_owned()
}

async fn asked(server: &TestServer, actor: &str, subject: &str, client: &str) -> Page {
    let body = json!({"protocol": "oauth2", "impersonator_id": actor, "client_id": client});
    server.ask(subject, body).await
}

/// The access token that a direct link of the legacy application comes to.
async fn acting(server: &TestServer, actor: &str, subject: &str) -> String {
    let opened = server.browser().get(&link(server, actor, subject, "legacy").await).await;
    let code = opened.location_param("code").unwrap_or_else(|| panic!("{}", opened.body));
    let answer = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn confirm(browser: &Browser, link: &str) -> Page {
    let csrf = browser.open(link).await.form(link).field("csrf").unwrap_or_default();
    browser.post_form(link, &[("csrf", &csrf)]).await
}

async fn signed_in(server: &TestServer, email: &str) -> Browser {
    let browser = server.browser();
    let password = format!("{}-password", email.split('@').next().unwrap());
    assert_eq!(browser.sign_in(email, &password).await.status, 303);
    browser
}

#[track_caller]
fn is_denied(page: &Page, code: &str) {
    assert_eq!((page.status, page.json()["error_code"].as_str()), (403, Some(code)), "{page:?}");
}

#[track_caller]
fn says(page: &Page, words: &str) {
    assert_eq!(page.status, 403, "{}", page.body);
    assert_eq!(page.json()["error_description"], words);
}

const WAITING: &str = "SELECT count(*) FROM impersonations WHERE status = 'link_issued'";
const ALL: &str = "SELECT count(*) FROM impersonations";
const ENDED: &str = "SELECT string_agg(status || ' ' || end_reason, ', ' ORDER BY id) FROM impersonations WHERE ended_at IS NOT NULL";
/// The last refusal: why, whose, who asked, of which kind, by which application.
const REFUSED: &str = "SELECT concat_ws(' ', reason, coalesce(organization_id, '-'), detail ->> 'requested_by', \
    detail ->> 'requester', detail ->> 'application') FROM audit_events \
    WHERE type = 'impersonation.refused' ORDER BY seq DESC LIMIT 1";

#[tokio::test]
async fn k01_a_token_of_a_third_party_asks_for_nothing() {
    let server = TestServer::start().await;
    let token = api_token(&server, "sam@understudy.test", "desk").await;
    server.db.sql("UPDATE clients SET first_party = false WHERE id = 'desk'").await;
    for client in ["legacy", "portal", "desk"] {
        let page = create(&server, &token, &wanted("usr_sam", "usr_alice", client)).await;
        assert_eq!(page.status, 403, "{page:?}");
    }
    assert_eq!(server.db.count(ALL).await, 0);
}

#[tokio::test]
async fn k01_a_third_party_acts_by_no_header_and_exchanges_nothing() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let named = [("as-user", "usr_alice")];
    assert_eq!(get(&server, "/2.0/users/me", &token, &named).await.status, 200);
    server.db.sql("UPDATE clients SET first_party = false WHERE id = 'desk'").await;
    let by_email = [("on-behalf-of", "alice@acme.test")];
    for header in [named, by_email] {
        assert_eq!(get(&server, "/2.0/users/me", &token, &header).await.status, 403);
    }
    assert_eq!(server.db.text(REFUSED).await, "requester_not_allowed org_acme usr_cora token desk");
    assert_eq!(exchanged(&server, &token, "usr_alice").await.json()["error"], "invalid_grant");
    // What ran by it is over.
    assert_eq!(server.db.text(ENDED).await, "ended client_changed");
}

#[tokio::test]
async fn k01_a_persons_token_makes_confirm_links_only() {
    let server = TestServer::start().await;
    let token = api_token(&server, "sam@understudy.test", "desk").await;
    let page = create(&server, &token, &wanted("usr_sam", "usr_alice", "legacy")).await;
    assert_eq!((page.status, &page.json()["redeem"]), (201, &json!("confirm")), "{page:?}");
    let row = "SELECT concat_ws(' ', redeem, requester_kind, requested_by, requester_application) \
        FROM impersonations";
    assert_eq!(server.db.text(row).await, "confirm token usr_sam desk");
    let event = "SELECT concat_ws(' ', detail ->> 'requested_by', detail ->> 'requester', \
        detail ->> 'application') FROM audit_events WHERE type = 'impersonation.link_issued'";
    assert_eq!(server.db.text(event).await, "usr_sam token desk");
    let url = page.json()["url"].as_str().unwrap().to_owned();
    let link = url.strip_prefix(&server.url).unwrap();
    let opened = server.browser().get(link).await;
    assert_eq!(opened.status, 200, "nobody is signed in: {}", opened.body);
    assert_eq!(server.db.count(WAITING).await, 1);
    let opened = confirm(&server.sam().await, link).await;
    assert!(opened.location_param("code").is_some(), "{opened:?}");
    // For nobody else.
    let page = create(&server, &token, &wanted("usr_ada", "usr_alice", "legacy")).await;
    assert_eq!(page.status, 403);
}

/// Another application of the same operator, but not the one that exchanges.
#[tokio::test]
async fn k01_a_token_that_another_application_was_given_names_no_subject() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let elsewhere = token_at(&server, "alice@acme.test", "portal", "&scope=openid").await;
    let page =
        exchange(&server, &actor, (&elsewhere, "urn:ietf:params:oauth:token-type:access_token"));
    let page = page.await;
    assert_eq!((page.status, &page.json()["error"]), (400, &json!("invalid_request")), "{page:?}");
    let own = token_at(&server, "alice@acme.test", "desk", "&scope=openid").await;
    let page = exchange(&server, &actor, (&own, "urn:ietf:params:oauth:token-type:access_token"));
    assert_eq!(page.await.status, 200);
}

async fn exchange(server: &TestServer, actor: &str, (subject, kind): (&str, &str)) -> Page {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", "desk"),
        ("client_secret", "desk-secret"),
        ("subject_token", subject),
        ("subject_token_type", kind),
        ("actor_token", actor),
        ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    server.browser().post_form("/oauth/token", &form).await
}

async fn exchanged(server: &TestServer, actor: &str, subject: &str) -> Page {
    exchange(server, actor, (subject, "urn:understudy:params:oauth:token-type:user_id")).await
}

const GLOBAL_OF_ACME: &str = "UPDATE clients SET organization_id = 'org_acme' WHERE id = 'global'";

#[tokio::test]
async fn k02_a_global_client_of_one_organization_reaches_no_other() {
    let server = TestServer::start().await;
    server.db.sql(GLOBAL_OF_ACME).await;
    for client in ["legacy", "portal"] {
        let page = asked(&server, "usr_sam", "usr_carol", client).await;
        is_denied(&page, "other_organization");
        assert_eq!(
            server.db.text(REFUSED).await,
            "other_organization org_acme global application global"
        );
        // Neither do they learn who there is.
        let unknown = asked(&server, "usr_sam", "usr_nobody", client).await;
        assert_eq!((unknown.status, unknown.body), (page.status, page.body));
        // Staff of the operator belong to none.
        is_denied(&asked(&server, "usr_ada", "usr_max", client).await, "other_organization");
    }
    let token = server.global_token().await;
    let page = create(&server, &token, &wanted("usr_sam", "usr_carol", "legacy")).await;
    is_denied(&page, "other_organization");
    assert_eq!(server.db.count(ALL).await, 0);
    assert_eq!(asked(&server, "usr_sam", "usr_alice", "legacy").await.status, 200);
}

#[tokio::test]
async fn k02_it_is_asked_again_when_a_link_is_opened_and_while_it_runs() {
    let server = TestServer::start().await;
    let running = acting(&server, "usr_sam", "usr_carol").await;
    let own = acting(&server, "usr_sam", "usr_alice").await;
    let direct = link(&server, "usr_sam", "usr_carol", "legacy").await;
    let confirmed = link(&server, "usr_sam", "usr_carol", "portal").await;
    assert_eq!(server.userinfo(&running).await.status, 200);
    server.db.sql(GLOBAL_OF_ACME).await;
    assert_eq!(server.userinfo(&running).await.status, 401);
    assert_eq!(server.userinfo(&own).await.status, 200, "its own organization");
    says(&server.browser().get(&direct).await, "Impersonation - Not permitted");
    let sam = server.sam().await;
    says(&sam.get(&confirmed).await, "Impersonation - Not permitted");
    assert_eq!(server.db.text(ENDED).await, "ended client_changed, revoked client_changed");
}

#[tokio::test]
async fn k03_an_actor_who_is_only_named_reaches_no_administrator() {
    let server = TestServer::start().await;
    let page = asked(&server, "usr_ada", "usr_max", "legacy").await;
    is_denied(&page, "higher_privileges");
    assert_eq!(server.db.count(ALL).await, 0);
    let promoted = "INSERT INTO user_roles (user_id, role) VALUES ('usr_alice', 'user-manager')";
    let running = acting(&server, "usr_ada", "usr_alice").await;
    let waiting = link(&server, "usr_ada", "usr_alice", "legacy").await;
    assert_eq!(server.userinfo(&running).await.status, 200);
    server.db.sql(promoted).await;
    assert_eq!(server.userinfo(&running).await.status, 401);
    says(&server.browser().get(&waiting).await, "Impersonation - Not permitted");
    assert_eq!(server.db.text(ENDED).await, "ended subject_changed, revoked subject_changed");
}

#[tokio::test]
async fn k03_an_actor_who_has_signed_in_still_may() {
    let server = TestServer::start().await;
    let link = link(&server, "usr_ada", "usr_max", "portal").await;
    let ada = signed_in(&server, "ada@understudy.test").await;
    let opened = confirm(&ada, &link).await;
    let code = opened.location_param("code").unwrap_or_else(|| panic!("{opened:?}"));
    let tokens = server.exchange("portal", &code, "http://127.0.0.1:9/portal").await.json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["sub"], "usr_max");
    assert_eq!(server.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 200);
}

#[tokio::test]
async fn k04_an_old_session_confirms_nothing_and_nothing_is_used_up() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    server.db.advance("4 minutes 50 seconds").await;
    let early = link(&server, "usr_sam", "usr_alice", "portal").await;
    let csrf = sam.open(&early).await.form(&early).field("csrf").unwrap();
    server.db.advance("15 seconds").await;
    // The form was ours, and the session has aged meanwhile.
    let pressed = sam.post_form(&early, &[("csrf", &csrf)]).await;
    assert_eq!(pressed.header("location"), None, "{pressed:?}");
    let late = link(&server, "usr_sam", "usr_alice", "portal").await;
    let opened = sam.open(&late).await;
    assert!(!opened.body.contains("Alice Chen") || opened.body.contains("password"), "{opened:?}");
    assert_eq!(server.db.count(WAITING).await, 2);
    assert_eq!(server.db.count("SELECT count(*) FROM sessions WHERE impersonated").await, 0);
    let fresh = server.sam().await;
    for link in [early, late] {
        assert!(confirm(&fresh, &link).await.location_param("code").is_some());
    }
}

#[tokio::test]
async fn k04_the_api_asks_for_a_fresh_sign_in() {
    let server = TestServer::start().await;
    let token = api_token(&server, "sam@understudy.test", "desk").await;
    let body = wanted("usr_sam", "usr_alice", "portal");
    server.db.advance("4 minutes 50 seconds").await;
    assert_eq!(create(&server, &token, &body).await.status, 201);
    server.db.advance("15 seconds").await;
    let page = create(&server, &token, &body).await;
    assert_eq!(page.status, 401, "{page:?}");
    let challenge = page.header("www-authenticate").unwrap();
    let expected = "Bearer error=\"insufficient_user_authentication\", max_age=\"300\"";
    assert_eq!(challenge, expected, "RFC 9470 §3");
    assert_eq!(page.json()["error"], "insufficient_user_authentication");
    assert_eq!(page.json()["error_code"], "step_up_required");
    assert_eq!(server.db.text(REFUSED).await, "step_up_required org_acme usr_sam token desk");
    // The global client has no sign-in that could age.
    server.db.advance("2 hours").await;
    assert_eq!(asked(&server, "usr_sam", "usr_alice", "portal").await.status, 200);
}

#[tokio::test]
async fn k04_the_exchange_asks_for_a_fresh_sign_in_and_ends_nothing() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let page = exchanged(&server, &actor, "usr_alice").await;
    let running = page.json()["access_token"].as_str().unwrap().to_owned();
    server.db.advance("6 minutes").await;
    for subject in ["usr_alice", "auth0|bob"] {
        let page = exchanged(&server, &actor, subject).await;
        assert_eq!((page.status, &page.json()["error"]), (400, &json!("invalid_request")));
        let words = page.json()["error_description"].as_str().unwrap().to_owned();
        assert!(words.contains("signed in too long ago"), "{words}");
        assert_eq!(server.db.text(REFUSED).await, "step_up_required org_acme usr_cora token desk");
    }
    assert_eq!(server.userinfo(&running).await.status, 200, "what runs goes on");
    // A call that names somebody shows the token each time.
    let named = [("as-user", "auth0|bob")];
    assert_eq!(get(&server, "/2.0/users/me", &actor, &named).await.status, 200);
}

#[tokio::test]
async fn k04_zero_minutes_is_never() {
    let server = TestServer::start_with(&[("UNDERSTUDY_STEP_UP_MINUTES", "0")]).await;
    let token = api_token(&server, "sam@understudy.test", "desk").await;
    let (sam, actor) = (server.sam().await, cora(&server).await);
    server.db.advance("50 minutes").await;
    let page = create(&server, &token, &wanted("usr_sam", "usr_alice", "portal")).await;
    assert_eq!(page.status, 201, "{page:?}");
    let link = link(&server, "usr_sam", "usr_alice", "portal").await;
    assert!(confirm(&sam, &link).await.location_param("code").is_some());
    assert_eq!(exchanged(&server, &actor, "usr_alice").await.status, 200);
}

#[tokio::test]
async fn k18_a_refusal_is_seen_by_the_auditors_of_whoever_tried() {
    let server = TestServer::start().await;
    let token = api_token(&server, "riley@acme.test", "desk").await;
    for (subject, client, organization) in [
        ("usr_cody", "portal", "org_acme"),
        ("usr_carol", "portal", "org_acme"),
        ("usr_nobody", "portal", "org_acme"),
        ("usr_alice", "nothing", "org_acme"),
        ("usr_alice", "closed", "org_acme"),
    ] {
        let page = create(&server, &token, &wanted("usr_riley", subject, client)).await;
        assert!(matches!(page.status, 403 | 404), "{page:?}");
        let event = server.db.text(REFUSED).await;
        assert!(event.ends_with(&format!(" {organization} usr_riley token desk")), "{event}");
    }
    // Staff of the operator tried: the organization of whom it was about.
    assert_eq!(asked(&server, "usr_sam", "usr_left", "portal").await.status, 403);
    assert_eq!(
        server.db.text(REFUSED).await,
        "subject_inactive org_acme global application global"
    );
    // By a token, and about nobody there is.
    let actor = cora(&server).await;
    for header in [("as-user", "nobody"), ("on-behalf-of", "nobody@acme.test")] {
        assert_eq!(get(&server, "/2.0/users/me", &actor, &[header]).await.status, 403);
        let event = server.db.text(REFUSED).await;
        assert_eq!(event, "other_organization org_acme usr_cora token desk");
    }
    let page = exchange(&server, &actor, ("x", "urn:ietf:params:oauth:token-type:access_token"));
    assert_eq!(page.await.status, 400);
    let event = server.db.text(REFUSED).await;
    assert_eq!(event, "the subject token cannot be used org_acme usr_cora token desk");
    assert_eq!(exchanged(&server, &actor, "usr_cody").await.status, 400);
    assert_eq!(server.db.text(REFUSED).await, "higher_privileges org_acme usr_cora token desk");
}

const NAMESAKE: &str = "INSERT INTO users (id, organization_id, email, email_canonical) \
    VALUES ('global', 'org_acme', 'global@acme.test', 'global@acme.test')";

#[tokio::test]
async fn k19_a_user_of_the_same_id_does_not_stand_for_the_application_that_asked() {
    let server = TestServer::start().await;
    server.db.sql(NAMESAKE).await;
    let running = acting(&server, "usr_sam", "usr_alice").await;
    let waiting = ["legacy", "portal"].map(|client| link(&server, "usr_sam", "usr_alice", client));
    let waiting = futures_util::future::join_all(waiting).await;
    assert_eq!(server.userinfo(&running).await.status, 200);
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'global'").await;
    assert_eq!(server.userinfo(&running).await.status, 401);
    says(&server.browser().get(&waiting[0]).await, "Impersonation - Not permitted");
    says(&server.sam().await.get(&waiting[1]).await, "Impersonation - Not permitted");
    assert_eq!(server.db.text(ENDED).await, "ended feature_off, revoked feature_off");
    let last = server.db.text(REFUSED).await;
    assert_eq!(last, "requester_gone org_acme global application global");
}

/// The same people in the same application, but somebody else asked for it.
#[tokio::test]
async fn k19_a_remembered_yes_to_one_requester_is_none_to_another() {
    let server = TestServer::start().await;
    let by_global = acting(&server, "usr_sam", "usr_alice").await;
    let by_person = acting(&server, "usr_sam", "usr_alice").await;
    // Rows of the release before, of which the channel says who asked.
    server.db.sql("ALTER TABLE impersonations DISABLE TRIGGER forward_only").await;
    let older = "UPDATE impersonations SET requester_kind = NULL, channel = 'console', requested_by = 'cli' \
        WHERE id = (SELECT max(id) FROM impersonations)";
    server.db.sql(older).await;
    server.db.sql("ALTER TABLE impersonations ENABLE TRIGGER forward_only").await;
    for token in [&by_global, &by_person] {
        assert_eq!(server.userinfo(token).await.status, 200);
    }
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'global'").await;
    assert_eq!(server.userinfo(&by_person).await.status, 200);
    assert_eq!(server.userinfo(&by_global).await.status, 401);
    assert_eq!(server.userinfo(&by_person).await.status, 200);
}

#[tokio::test]
async fn k19_who_asked_is_written_once_and_for_all() {
    let server = TestServer::start().await;
    server.impersonated_tokens().await;
    for change in
        ["requested_by = 'cli'", "requester_kind = 'command_line'", "requester_application = 'x'"]
    {
        let refusal = server.db.refuses(&format!("UPDATE impersonations SET {change}")).await;
        assert!(refusal.contains("moves forward only"), "{change}: {refusal}");
    }
}

/// A link for the ticket of `link`, by a key of ours, under another path.
fn renamed(server: &TestServer, link: &str, path: &str) -> String {
    let (made, _) = bewit::read(link).unwrap();
    let ring = server.parts.shared.keys.ring().unwrap();
    let base = &server.parts.shared.canonical;
    let bewit = bewit::make(ring.link_signer(), base, path, made.expires_at, &made.ext);
    format!("{path}&bewit={bewit}")
}

#[tokio::test]
async fn k20_the_path_names_the_subject_or_the_actor_of_its_ticket() {
    let server = TestServer::start().await;
    let link = server.link("legacy").await;
    for path in [
        "/users/usr_ada/impersonate?",
        "/users/usr_carol/impersonate?",
        "/users/USR_ALICE/impersonate?",
        "/users/usr_alice%20/impersonate?",
        "/users/nobody/impersonate?",
        "/api/users/usr_ada/impersonate?",
        "/users/%ff/impersonate?",
    ] {
        let other = renamed(&server, &link, path);
        says(&server.browser().get(&other).await, "Impersonation - Bad mac");
        assert_eq!(server.db.count(WAITING).await, 1, "{path}");
    }
    // Auth0's document prints the actor's; a character may be encoded that need not be.
    for path in [
        "/users/usr_sam/impersonate?",
        "/api/users/usr_alice/impersonate?",
        "/users/usr%5Falice/impersonate?",
    ] {
        let link = server.link("legacy").await;
        let opened = server.browser().get(&renamed(&server, &link, path)).await;
        assert_eq!(opened.status, 302, "{path}: {}", opened.body);
    }
}

#[tokio::test]
async fn k20_neither_is_a_confirmation_posted_under_another_path() {
    let server = TestServer::start().await;
    let link = server.link("portal").await;
    let sam = server.sam().await;
    let csrf = sam.open(&link).await.form(&link).field("csrf").unwrap();
    for path in ["/users/usr_ada/impersonate?", "/api/users/usr_ada/impersonate?"] {
        let other = renamed(&server, &link, path);
        says(&sam.get(&other).await, "Impersonation - Bad mac");
        let posted = sam.post_form(&other, &[("csrf", &csrf)]).await;
        assert_eq!(posted.status, 403, "{}", posted.body);
        assert_eq!(server.db.count(WAITING).await, 1);
    }
    assert!(sam.post_form(&link, &[("csrf", &csrf)]).await.location_param("code").is_some());
}
