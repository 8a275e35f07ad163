//! "End all sessions and tokens of …": a user, an organization, everybody; in the console, by the API, on the command line.
use super::applications::Filled;
use super::signed_in;
use crate::support::node::run;
use crate::support::{Browser, TestServer};
use serde_json::{Value, json};

const RECORDED: &str = "SELECT coalesce(actor, '-') || ' ' || (detail ->> 'of') || ' ' || (detail ->> 'sessions') || ' ' \
    || (detail ->> 'impersonations') || ' ' || coalesce(organization_id, '-') FROM audit_events \
    WHERE type = 'sessions.ended' AND detail ->> 'refused' IS NULL ORDER BY seq DESC LIMIT 1";

async fn is_in(browser: &Browser) -> bool {
    browser.get("/account").await.status == 200
}

async fn press(browser: &Browser, path: &str) -> crate::support::Page {
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{}", page.body);
    Filled::read(&page, path).send(browser, path).await
}

#[tokio::test]
async fn l09_the_console_ends_all_of_a_user_and_says_how_much_first() {
    let server = TestServer::start().await;
    let (ada, alice, other) =
        (signed_in(&server, "ada").await, server.alice().await, signed_in(&server, "carol").await);
    let acted = server.impersonated_tokens().await;
    let path = "/console/users/usr_alice/end-sessions";
    let asked = ada.get(path).await;
    assert!(
        asked.body.contains("1 sessions, 1 access tokens and 1 impersonations"),
        "{}",
        asked.body
    );
    assert!(ada.get("/console/users/usr_alice").await.body.contains(path));
    let done = press(&ada, path).await;
    assert_eq!(done.location(), "/console/users/usr_alice?done=sessions-ended");
    assert!(!is_in(&alice).await && is_in(&other).await && is_in(&ada).await);
    let token = acted["access_token"].as_str().unwrap();
    assert_eq!(server.userinfo(token).await.status, 401);
    assert_eq!(server.db.text(RECORDED).await, "usr_ada user 1 1 org_acme");
    let ended = "SELECT string_agg(DISTINCT status || ' ' || end_reason, ', ') FROM impersonations";
    assert_eq!(server.db.text(ended).await, "ended stopped_by_admin");
    assert!(is_in(&server.alice().await).await, "she signs in again");
}

#[tokio::test]
async fn l09_the_console_ends_all_of_an_organization_and_of_everybody() {
    let server = TestServer::start().await;
    let (ada, alice, other) =
        (signed_in(&server, "ada").await, server.alice().await, signed_in(&server, "carol").await);
    let done = press(&ada, "/console/organizations/org_acme/end-sessions").await;
    assert_eq!(done.location(), "/console/organizations/org_acme?done=sessions-ended");
    assert!(!is_in(&alice).await && is_in(&other).await);
    assert_eq!(server.db.text(RECORDED).await, "usr_ada organization 1 0 org_acme");
    let machine = server.client_token("machine", "machine-secret").await;
    let done = press(&ada, "/console/keys/end-sessions").await;
    assert!(done.body.contains("All sessions and tokens have ended"), "{}", done.body);
    assert!(!is_in(&other).await && !is_in(&ada).await);
    assert_eq!(server.introspect(&machine).await.json()["active"], false);
    assert_eq!(server.db.text(RECORDED).await, "usr_ada everybody 2 0 -");
}

#[tokio::test]
async fn l09_who_may_not_switch_somebody_off_does_not_end_their_sessions() {
    let server = TestServer::start().await;
    server.db.sql("INSERT INTO roles (name, permissions) VALUES ('desk', '{users:read,users:write,organizations:write}'); \
                   INSERT INTO user_roles VALUES ('usr_riley', 'desk')").await;
    let (riley, ada) = (signed_in(&server, "riley").await, signed_in(&server, "ada").await);
    // Of another organization, or of the operator: not there. Of everybody: not for the staff of one.
    for path in [
        "/console/users/usr_carol/end-sessions",
        "/console/users/usr_ada/end-sessions",
        "/console/organizations/org_globex/end-sessions",
        "/console/keys/end-sessions",
    ] {
        assert!(matches!(riley.get(path).await.status, 403 | 404), "{path}");
    }
    assert_eq!(riley.get("/console/organizations/org_acme/end-sessions").await.status, 403);
    assert!(is_in(&ada).await);
}

/// What the API answers a machine of the operator that lists the scope.
async fn ask(server: &TestServer, token: &str, body: Value) -> crate::support::Page {
    let browser = server.browser();
    let request = browser.request(reqwest::Method::POST, "/api/sessions/end-all");
    browser.send(request.bearer_auth(token).json(&body)).await
}

#[tokio::test]
async fn l09_the_api_ends_all_of_one_but_not_of_everybody_for_an_application() {
    let server = TestServer::start().await;
    server.db.sql("UPDATE clients SET api_scopes = '{sessions:end}' WHERE id = 'machine'").await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", "machine-secret"),
        ("scope", "sessions:end"),
    ];
    let token = server.browser().post_form("/oauth/token", &form).await.json();
    let token = token["access_token"].as_str().unwrap_or_else(|| panic!("{token}")).to_owned();
    let (alice, ada) = (server.alice().await, signed_in(&server, "ada").await);
    for body in [json!({}), json!({"user_id": "usr_alice", "everybody": true})] {
        assert_eq!(ask(&server, &token, body).await.status, 400);
    }
    assert_eq!(ask(&server, &token, json!({"everybody": true})).await.status, 403);
    assert_eq!(ask(&server, &token, json!({"user_id": "usr_ada"})).await.status, 403);
    assert_eq!(ask(&server, &token, json!({"user_id": "usr_nobody"})).await.status, 404);
    assert!(is_in(&alice).await && is_in(&ada).await);
    let answer = ask(&server, &token, json!({"user_id": "usr_alice"})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json(), json!({"sessions": 1, "tokens": 0, "impersonations": 0}));
    assert!(!is_in(&alice).await && is_in(&ada).await);
    let refused = "SELECT count(*) FROM audit_events WHERE type = 'sessions.ended' AND detail ->> 'refused' = 'true'";
    assert_eq!(server.db.count(refused).await, 3);
}

#[tokio::test]
async fn l09_the_command_line_ends_all_of_whom_it_is_told() {
    let server = TestServer::start().await;
    let (alice, other) = (server.alice().await, signed_in(&server, "carol").await);
    let end = |whose: &[&str]| {
        let command: Vec<&str> = ["sessions", "end"].iter().chain(whose).copied().collect();
        run(&server.db.url, &command)
    };
    assert!(!end(&[]).success && !end(&["--user", "usr_alice", "--everybody"]).success);
    assert!(!end(&["--user", "usr_nobody"]).success);
    let said = end(&["--user", "usr_alice"]);
    assert!(
        said.out.contains("ended all of usr_alice: 1 sessions, 0 tokens, 0 impersonations"),
        "{said:?}"
    );
    assert!(!is_in(&alice).await && is_in(&other).await);
    let again = end(&["--user", "usr_alice"]);
    assert!(again.out.contains(": 0 sessions"), "{again:?}");
    assert!(end(&["--application", "orders"]).success);
    assert!(is_in(&other).await, "a session is no application's");
    assert!(end(&["--organization", "org_globex"]).success);
    assert!(!is_in(&other).await);
}
