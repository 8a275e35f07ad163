//! How an impersonation shows, everywhere, and nowhere else.
use crate::support::TestServer;
use crate::support::protocols::{Demand, Spoken, each};
use crate::support::words::claims;
use serde_json::{Value, json};
use understudy::domain::Timestamp;

const CLAIM: &str = "https://understudy.dev/claims/impersonation";

#[track_caller]
fn is_marked(claims: &Value, server: &TestServer) {
    assert_eq!(claims["sub"], "usr_alice");
    assert_eq!(claims["impersonated"], true);
    assert_eq!(
        claims["impersonator"],
        json!({"user_id": "usr_sam", "email": "sam@understudy.test"})
    );
    assert_eq!(claims["act"], json!({"iss": server.url, "sub": "usr_sam"}));
    assert_eq!(claims["acr"], "0");
    assert_eq!(claims.get("amr"), None);
    assert_eq!(claims[CLAIM]["mode"], "full");
    assert!(claims["sid"].as_str().unwrap().starts_with("ses_"));
    assert!(claims[CLAIM]["id"].as_str().unwrap().starts_with("imp_"));
}

#[tokio::test]
async fn a59_every_channel_carries_the_marks() {
    each(async |server| {
        let page = server.browser().get(&server.link("legacy").await).await;
        let told = server.told("legacy", &page).await;
        assert_eq!(told.email, "alice@acme.test");
        let sam = ("usr_sam".to_owned(), "sam@understudy.test".to_owned());
        assert_eq!(told.actor, Some(sam));
        if server.by != Spoken::Oauth2 {
            let said = server.by.attributes(&page);
            let mark = ("http://schemas.auth0.com/impersonated".to_owned(), "true".to_owned());
            assert_eq!(said.iter().filter(|one| **one == mark).count(), 1, "{said:?}");
        }
        let session = "SELECT concat_ws(' ', impersonator, impersonated, user_id, bound_client_id) \
            FROM sessions";
        let client = server.client("legacy");
        assert_eq!(
            server.db.text(session).await,
            format!(
                r#"{{"email": "sam@understudy.test", "user_id": "usr_sam"}} t usr_alice {client}"#
            )
        );
    })
    .await;
}

#[tokio::test]
async fn a59_c_tokens_userinfo_and_introspection_carry_the_marks() {
    let server = TestServer::start().await;
    let tokens = server.impersonated_tokens().await;
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    is_marked(&id_token, &server);
    assert_eq!(id_token["aud"], "legacy");
    let access = tokens["access_token"].as_str().unwrap();
    let profile = server.userinfo(access).await.json();
    is_marked(&profile, &server);
    assert_eq!(profile["name"], "Alice Chen");
    let introspected = server.introspect(access).await.json();
    assert_eq!(introspected["active"], true);
    is_marked(&introspected, &server);
}

#[tokio::test]
async fn a59_b_a_jwt_for_an_api_carries_the_marks() {
    let server = TestServer::start().await;
    let body = json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy",
        "additionalParameters": {"audience": "https://crm.test/api", "scope": "openid crm:read"}});
    let link = server.ask("usr_alice", body).await.body;
    let code = server.browser().get(&link).await.location_param("code").unwrap();
    let answer = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let jwt = answer.json()["access_token"].as_str().unwrap().to_owned();
    let token = claims(&jwt);
    is_marked(&token, &server);
    assert_eq!(token["aud"], "https://crm.test/api");
    is_marked(&server.introspect(&jwt).await.json(), &server);
}

#[tokio::test]
async fn a34_an_impersonation_gets_no_refresh_token() {
    let server = TestServer::start().await;
    let body = json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy",
        "additionalParameters": {"scope": "openid offline_access crm:read"}});
    let link = server.ask("usr_alice", body).await.body;
    let code = server.browser().get(&link).await.location_param("code").unwrap();
    let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json();
    assert_eq!(tokens.get("refresh_token"), None);
    assert_eq!(tokens["scope"], "openid crm:read");
}

#[tokio::test]
async fn a36_an_impersonated_access_token_is_no_refresh_token() {
    let server = TestServer::start().await;
    let tokens = server.impersonated_tokens().await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["access_token"].as_str().unwrap()),
        ("client_id", "legacy"),
        ("client_secret", "legacy-secret"),
    ];
    let answer = server.browser().post_form("/oauth/token", &form).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")));
}

#[tokio::test]
async fn a35_no_expiry_lies_past_the_hard_end() {
    each(async |server| {
        let mut body = server.asking("legacy");
        body["duration"] = 180.into();
        let link = server.ask("usr_alice", body).await.body;
        let page = server.browser().get(&link).await;
        server.is_answered(&page);
        let end = "SELECT to_json(ends_at)::text FROM impersonations";
        let end = server.db.text(end).await.trim_matches('"').parse::<Timestamp>().unwrap();
        let times = server.by.xml(&page).map_or_else(Vec::new, |xml| ends(&xml));
        assert!(server.by == Spoken::Oauth2 || times.len() >= 2, "{times:?}");
        assert!(times.iter().all(|time| *time <= end), "{times:?} {end}");
    })
    .await;
}

/// Every moment at which something in an answer ends.
fn ends(xml: &str) -> Vec<Timestamp> {
    let attributes = xml.split("NotOnOrAfter=\"").skip(1).map(|rest| rest.split('"').next());
    let elements = xml.split("Expires>").skip(1).step_by(2).map(|rest| rest.split('<').next());
    attributes.chain(elements).map(|text| text.unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn a35_b_no_token_lives_past_the_hard_end() {
    let server = TestServer::start().await;
    let body = json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy", "duration": 180});
    let link = server.ask("usr_alice", body).await.body;
    let code = server.browser().get(&link).await.location_param("code").unwrap();
    let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json();
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    assert!(tokens["expires_in"].as_i64().unwrap() <= 180);
    assert!(id_token["exp"].as_i64() <= id_token[CLAIM]["exp"].as_i64());
    let introspected = server.introspect(tokens["access_token"].as_str().unwrap()).await.json();
    assert!(introspected["exp"].as_i64() <= id_token[CLAIM]["exp"].as_i64());
}

#[tokio::test]
async fn a60_forged_marks_in_the_profile_show_nowhere() {
    each(async |server| {
        let alice = server.alice().await;
        let answer = server.sign_on(&alice, "orders", Demand::Nothing).await;
        if server.by != Spoken::Oauth2 {
            assert_eq!(server.told("orders", &answer).await.actor, None);
            let said = server.by.attributes(&answer);
            assert!(!said.iter().any(|(name, _)| name.contains("/impersonat")), "{said:?}");
            return;
        }
        let code = answer.location_param("code").unwrap();
        let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
        let profile = server.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
        for claims in [claims(tokens["id_token"].as_str().unwrap()), profile] {
            for name in ["impersonated", "impersonator", "act", CLAIM] {
                assert_eq!(claims.get(name), None, "{claims}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a52_the_trail_names_the_actor_and_never_the_subject_as_actor() {
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        let page = sam.get("/me/impersonation").await;
        assert_eq!(page.json()["impersonator"]["user_id"], "usr_sam", "{}", page.body);
        let page = server.browser().get(&server.link("legacy").await).await;
        server.told("legacy", &page).await;
        let trail = server.db.trail().await;
        let about = |what: &str| {
            let wanted = format!("impersonation.{what} usr_sam->usr_alice");
            trail.iter().filter(|event| **event == wanted).count()
        };
        assert_eq!((about("link_issued"), about("started")), (2, 2), "{trail:?}");
        assert!(about("token_issued") >= 1, "{trail:?}");
        assert_eq!(about("link_issued") + about("started") + about("token_issued"), trail.len());
        for wrong in ["actor = 'usr_alice'", "impersonation_id IS NULL"] {
            let events = "SELECT count(*) FROM audit_events WHERE type LIKE 'impersonation.%' AND";
            assert_eq!(server.db.count(&format!("{events} {wrong}")).await, 0, "{wrong}");
        }
    })
    .await;
}

#[tokio::test]
async fn a44_the_subject_keeps_no_trace_of_it_in_their_own_record() {
    each(async |server| {
        let row = "SELECT row_to_json(u)::text FROM users u WHERE id = 'usr_alice'";
        let before = server.db.text(row).await;
        let page = server.browser().get(&server.link("legacy").await).await;
        server.told("legacy", &page).await;
        server.sam_as_alice("portal").await;
        assert_eq!(server.db.text(row).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_read_only_impersonation_keeps_only_what_reads() {
    let server = TestServer::start().await;
    let body = json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy", "mode": "read_only",
        "additionalParameters": {"scope": "openid crm:read crm:write"}});
    let link = server.ask("usr_alice", body).await.body;
    let code = server.browser().get(&link).await.location_param("code").unwrap();
    let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json();
    assert_eq!(tokens["scope"], "openid crm:read");
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())[CLAIM]["mode"], "read_only");
}

#[tokio::test]
async fn i12_the_database_refuses_a_session_that_hides_or_changes_its_mark() {
    let server = TestServer::start().await;
    server.impersonated_tokens().await;
    let db = &server.db;
    for change in [
        "UPDATE sessions SET impersonator = NULL, impersonation_id = NULL, bound_client_id = NULL",
        "UPDATE sessions SET user_id = 'usr_carol'",
        "UPDATE sessions SET impersonator = '{\"user_id\": \"usr_ada\"}'",
        "UPDATE sessions SET bound_client_id = 'orders'",
    ] {
        assert_eq!(db.refuses(change).await, "a session keeps its user and its mark", "{change}");
    }
    let insert = "INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at, impersonator) \
                  VALUES ('s', sha256('x'), 'usr_alice', now(), now(), now(), '{\"user_id\": \"usr_sam\"}')";
    assert!(db.refuses(insert).await.contains("check constraint"));
    let second = "INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at, \
                  impersonation_id, impersonator, bound_client_id) SELECT 's2', sha256('y'), user_id, now(), now(), now(), \
                  impersonation_id, impersonator, bound_client_id FROM sessions";
    assert!(db.refuses(second).await.contains("unique"));
    assert!(
        db.refuses("UPDATE impersonations SET actor_id = 'usr_ada'").await.contains("forward only")
    );
    assert!(
        db.refuses("UPDATE impersonations SET redeemed_at = NULL").await.contains("forward only")
    );
}

#[tokio::test]
async fn a55_the_trail_cannot_be_changed() {
    let server = TestServer::start().await;
    server.impersonated_tokens().await;
    for change in [
        "UPDATE audit_events SET actor = 'usr_alice'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
    ] {
        assert_eq!(server.db.refuses(change).await, "the audit trail is append-only");
    }
}
