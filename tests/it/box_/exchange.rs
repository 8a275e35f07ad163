//! Token exchange: a person's fresh token for one with which they act as somebody.
use super::people::{at_desk, denied, get, token_at};
use super::{APP, service_account};
use crate::support::words::claims;
use crate::support::{Page, TestServer};
use serde_json::{Value, json};
use understudy::crypto::jws;
use understudy::domain::client::SigningAlgorithm;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const USER_ID: &str = "urn:understudy:params:oauth:token-type:user_id";
const SCOPE: &str = "&scope=openid%20profile%20files%3Aread";

struct Asked<'a> {
    client: [&'a str; 2],
    subject: [&'a str; 2],
    actor: [&'a str; 2],
    more: &'a [(&'a str, &'a str)],
}

impl<'a> Asked<'a> {
    fn as_alice(actor: &'a str) -> Self {
        Self {
            client: ["desk", "desk-secret"],
            subject: ["usr_alice", USER_ID],
            actor: [actor, ACCESS_TOKEN],
            more: &[],
        }
    }

    async fn send(&self, server: &TestServer) -> Page {
        let mut form = vec![
            ("grant_type", GRANT),
            ("client_id", self.client[0]),
            ("client_secret", self.client[1]),
            ("subject_token", self.subject[0]),
            ("subject_token_type", self.subject[1]),
            ("actor_token", self.actor[0]),
            ("actor_token_type", self.actor[1]),
        ];
        form.extend_from_slice(self.more);
        form.retain(|(_, value)| !value.is_empty());
        server.browser().post_form("/oauth/token", &form).await
    }
}

#[track_caller]
fn refused(page: &Page, error: &str) {
    assert_eq!((page.status, page.json()["error"].as_str()), (400, Some(error)), "{page:?}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
}

async fn cora(server: &TestServer) -> String {
    token_at(server, "cora@acme.test", "desk", SCOPE).await
}

fn access_token(page: &Page) -> String {
    page.json()["access_token"].as_str().unwrap_or_else(|| panic!("{page:?}")).to_owned()
}

#[tokio::test]
async fn g28_the_new_token_acts_names_its_actor_and_is_short() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let page = Asked::as_alice(&actor).send(&server).await;
    let said = page.json();
    assert_eq!((page.status, &said["issued_token_type"]), (200, &json!(ACCESS_TOKEN)));
    assert_eq!(
        (&said["token_type"], &said["scope"]),
        (&json!("Bearer"), &json!("openid profile files:read"))
    );
    assert!(said.get("refresh_token").is_none() && said.get("id_token").is_none());
    assert!((1790..=1800).contains(&said["expires_in"].as_i64().unwrap()), "{said}");
    let token = access_token(&page);
    let said = server.userinfo(&token).await.json();
    assert_eq!((&said["sub"], &said["act"]["sub"]), (&json!("usr_alice"), &json!("usr_cora")));
    let said = server.introspect(&token).await.json();
    assert_eq!((&said["impersonated"], &said["act"]["sub"]), (&json!(true), &json!("usr_cora")));
    let page = get(&server, "/forward-auth?scope=files%3Aread", &token, &[]).await;
    assert_eq!(
        (page.header("x-auth-subject"), page.header("x-auth-actor")),
        (Some("usr_alice"), Some("usr_cora"))
    );
    let trail = "SELECT string_agg(type, ' ' ORDER BY seq) FROM audit_events \
        WHERE channel = 'token_exchange' AND actor = 'usr_cora' AND subject = 'usr_alice' \
        AND type <> 'impersonation.api_call'";
    assert_eq!(server.db.text(trail).await, "impersonation.started impersonation.token_issued");
}

#[tokio::test]
async fn g28_it_never_outlives_the_tokens_it_came_of() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let until = "UPDATE access_tokens SET expires_at = clock_now() + interval '90 seconds'";
    server.db.sql(until).await;
    let page = Asked::as_alice(&actor).send(&server).await;
    assert!(page.json()["expires_in"].as_i64().unwrap() <= 90, "{page:?}");
}

#[tokio::test]
async fn g18_only_an_application_that_shows_who_it_is_exchanges() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    for client in [["desk", "wrong"], ["desk", ""], ["spa", ""], ["native", ""], ["", ""]] {
        let page = Asked { client, ..Asked::as_alice(&actor) }.send(&server).await;
        let error = page.json()["error"].clone();
        assert_eq!((page.status, error.as_str()), (401, Some("invalid_client")), "{client:?}");
    }
    let page = Asked { client: ["orders", "orders-secret"], ..Asked::as_alice(&actor) };
    refused(&page.send(&server).await, "unauthorized_client");
}

#[tokio::test]
async fn g19_other_kinds_of_tokens_are_refused() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let alice = at_desk(&server, "alice@acme.test").await;
    for kind in ["refresh_token", "id_token", "jwt", "saml2"] {
        let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
        let asked = Asked { subject: [&alice, &kind], ..Asked::as_alice(&actor) };
        refused(&asked.send(&server).await, "invalid_request");
        let asked = Asked { actor: [&actor, &kind], ..Asked::as_alice(&actor) };
        refused(&asked.send(&server).await, "invalid_request");
        let more = [("requested_token_type", kind.as_str())];
        let asked = Asked { more: &more, ..Asked::as_alice(&actor) };
        refused(&asked.send(&server).await, "invalid_request");
    }
    // What is sent is not what it is called.
    for token in ["usr_alice", "a.b.c", "x"] {
        let asked = Asked { subject: [token, ACCESS_TOKEN], ..Asked::as_alice(&actor) };
        refused(&asked.send(&server).await, "invalid_request");
    }
}

#[tokio::test]
async fn g20_a_token_that_is_over_is_no_proof() {
    let server = TestServer::start().await;
    for (what, sql) in [
        ("revoked", "UPDATE access_tokens SET revoked_at = clock_now()"),
        ("expired", "UPDATE access_tokens SET expires_at = clock_now() - interval '1 second'"),
        (
            "of somebody who is switched off",
            "UPDATE users SET status = 'inactive' WHERE id IN ('usr_cora', 'usr_alice')",
        ),
    ] {
        let actor = cora(&server).await;
        let alice = at_desk(&server, "alice@acme.test").await;
        server.db.sql(sql).await;
        refused(&Asked::as_alice(&actor).send(&server).await, "invalid_request");
        server.db.sql("UPDATE users SET status = 'active'").await;
        let fresh = cora(&server).await;
        if what != "of somebody who is switched off" {
            let asked = Asked { subject: [&alice, ACCESS_TOKEN], ..Asked::as_alice(&fresh) };
            refused(&asked.send(&server).await, "invalid_request");
        }
    }
}

#[tokio::test]
async fn g21_an_actor_that_nobody_signed_is_refused_and_written_down() {
    let server = TestServer::start().await;
    let now = server.db.count("SELECT extract(epoch FROM clock_now())::bigint").await;
    let body = json!({"iss": server.url, "sub": "usr_ada", "client_id": "desk", "aud": server.url,
        "exp": now + 300, "iat": now, "jti": "x", "scope": "openid"});
    let part = |value: &Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
    };
    let unsigned = format!("{}.{}.", part(&json!({"alg": "none", "typ": "at+jwt"})), part(&body));
    // Signed by us, and of nobody's sign-in.
    let ring = server.parts.shared.keys.ring().unwrap();
    let signed = jws::sign(ring.signer(SigningAlgorithm::Es256), "at+jwt", &body).unwrap();
    for actor in [unsigned.as_str(), signed.as_str(), "forged"] {
        refused(&Asked::as_alice(actor).send(&server).await, "invalid_request");
    }
    let noted = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.refused' \
        AND channel = 'token_exchange' AND client_id = 'desk'";
    assert_eq!(server.db.count(noted).await, 3);
}

#[tokio::test]
async fn g22_an_audience_that_is_not_the_applications_is_refused() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    for name in ["audience", "resource"] {
        let more = [(name, "https://jobs.test/api")];
        refused(
            &Asked { more: &more, ..Asked::as_alice(&actor) }.send(&server).await,
            "invalid_target",
        );
        let more = [(name, "https://files.test/api")];
        let page = Asked { more: &more, ..Asked::as_alice(&actor) }.send(&server).await;
        let said = claims(&access_token(&page));
        assert_eq!(
            (&said["aud"], &said["sub"]),
            (&json!("https://files.test/api"), &json!("usr_alice"))
        );
        assert_eq!((&said["act"]["sub"], said.get("sid")), (&json!("usr_cora"), None));
        assert_eq!(server.introspect(&access_token(&page)).await.json()["active"], true);
    }
}

/// A token for one API becomes none for another.
#[tokio::test]
async fn g22_an_audience_never_grows() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let narrow = "&scope=openid&audience=https%3A%2F%2Ffiles.test%2Fapi";
    let alice = token_at(&server, "alice@acme.test", "desk", narrow).await;
    for (audience, status) in
        [("", 400), ("https://other.test/api", 400), ("https://files.test/api", 200)]
    {
        let more = [("audience", audience)];
        let asked =
            Asked { subject: [&alice, ACCESS_TOKEN], more: &more, ..Asked::as_alice(&actor) };
        assert_eq!(asked.send(&server).await.status, status, "{audience}");
    }
}

#[tokio::test]
async fn g23_a_scope_never_grows() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    for scope in ["files:write", "openid files:read files:write", "offline_access", "users:write"] {
        let more = [("scope", scope)];
        refused(
            &Asked { more: &more, ..Asked::as_alice(&actor) }.send(&server).await,
            "invalid_scope",
        );
    }
    let more = [("scope", "files:read")];
    let page = Asked { more: &more, ..Asked::as_alice(&actor) }.send(&server).await;
    assert_eq!(page.json()["scope"], "files:read");
    let alice = token_at(&server, "alice@acme.test", "desk", "&scope=openid").await;
    let subject = [alice.as_str(), ACCESS_TOKEN];
    refused(
        &Asked { subject, more: &more, ..Asked::as_alice(&actor) }.send(&server).await,
        "invalid_scope",
    );
    let page = Asked { subject, ..Asked::as_alice(&actor) }.send(&server).await;
    assert_eq!(page.json()["scope"], "openid", "the subject's own token says how much");
}

#[tokio::test]
async fn g24_without_an_actor_there_is_no_exchange() {
    let server = TestServer::start().await;
    let alice = at_desk(&server, "alice@acme.test").await;
    for subject in [["usr_alice", USER_ID], [alice.as_str(), ACCESS_TOKEN]] {
        for actor in [["", ""], ["", ACCESS_TOKEN]] {
            refused(
                &Asked { subject, actor, ..Asked::as_alice("") }.send(&server).await,
                "invalid_request",
            );
        }
    }
}

#[tokio::test]
async fn g25_whoever_acts_already_exchanges_nothing() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let acting = access_token(&Asked::as_alice(&actor).send(&server).await);
    // As the subject, as the actor, and as both.
    let subject = [acting.as_str(), ACCESS_TOKEN];
    refused(&Asked { subject, ..Asked::as_alice(&actor) }.send(&server).await, "invalid_request");
    let bob = ["auth0|bob", USER_ID];
    let page = Asked { subject: bob, ..Asked::as_alice(&acting) }.send(&server).await;
    assert_eq!(page.status, 400, "{page:?}");
    assert_eq!(Asked { subject, ..Asked::as_alice(&acting) }.send(&server).await.status, 400);
    denied(&get(&server, "/userinfo", &acting, &[("as-user", "auth0|bob")]).await);
}

#[tokio::test]
async fn g26_a_token_that_names_its_actor_is_for_no_other() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let narrow = "&scope=openid&audience=https%3A%2F%2Ffiles.test%2Fapi";
    let alice = token_at(&server, "alice@acme.test", "desk", narrow).await;
    let ring = server.parts.shared.keys.ring().unwrap();
    let more = [("audience", "https://files.test/api")];
    for (named, status) in [("usr_cody", 400), ("usr_cora", 200)] {
        let mut body = claims(&alice);
        body["may_act"] = json!({"sub": named});
        let token = jws::sign(ring.signer(SigningAlgorithm::Es256), "at+jwt", &body).unwrap();
        let asked =
            Asked { subject: [&token, ACCESS_TOKEN], more: &more, ..Asked::as_alice(&actor) };
        assert_eq!(asked.send(&server).await.status, status, "{named}");
    }
}

/// The same no as at the door of links, from the same rules: see the property test of the heart.
#[tokio::test]
async fn g27_who_may_not_be_acted_as_is_not_exchanged_for() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let subjects = [
        "nobody",
        "usr_cora",
        "usr_cody",
        "usr_ada",
        "usr_riley",
        "usr_carol",
        "usr_left",
        "usr_service",
        "usr_app",
        "usr_auditor",
    ];
    let mut bodies = std::collections::BTreeSet::new();
    for subject in subjects {
        let page =
            Asked { subject: [subject, USER_ID], ..Asked::as_alice(&actor) }.send(&server).await;
        refused(&page, "invalid_grant");
        bodies.insert(page.body);
    }
    assert_eq!(bodies.len(), 1, "the same words for all: {bodies:?}");
    let off = "UPDATE clients SET impersonation_enabled = false WHERE id = 'desk'";
    server.db.sql(off).await;
    refused(&Asked::as_alice(&actor).send(&server).await, "invalid_grant");
}

#[tokio::test]
async fn g29_a_token_that_acts_is_never_washed_clean() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let acting = access_token(&Asked::as_alice(&actor).send(&server).await);
    let subject = [acting.as_str(), ACCESS_TOKEN];
    refused(
        &Asked { subject, actor: ["", ""], ..Asked::as_alice("") }.send(&server).await,
        "invalid_request",
    );
    for grant in ["refresh_token", "authorization_code"] {
        let form = [
            ("grant_type", grant),
            ("client_id", "desk"),
            ("client_secret", "desk-secret"),
            ("refresh_token", acting.as_str()),
            ("code", acting.as_str()),
        ];
        assert_eq!(server.browser().post_form("/oauth/token", &form).await.status, 400);
    }
    // And it ends with the token of its actor.
    assert_eq!(server.userinfo(&acting).await.status, 200);
    let form = [("token", actor.as_str()), ("client_id", "desk"), ("client_secret", "desk-secret")];
    assert_eq!(server.browser().post_form("/oauth/revoke", &form).await.status, 200);
    assert_eq!(server.userinfo(&acting).await.status, 401);
}

#[tokio::test]
async fn g30_every_audience_that_is_named_has_to_be_allowed() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    for (targets, status) in [
        (["https://files.test/api", "https://files.test/api"], 200),
        (["https://files.test/api", "https://jobs.test/api"], 400),
        (["https://jobs.test/api", "https://files.test/api"], 400),
        // A token is for one.
        (["https://files.test/api", "https://other.test/api"], 400),
    ] {
        for names in [["audience", "audience"], ["audience", "resource"]] {
            let more = [(names[0], targets[0]), (names[1], targets[1])];
            let page = Asked { more: &more, ..Asked::as_alice(&actor) }.send(&server).await;
            assert_eq!(page.status, status, "{more:?}: {page:?}");
            assert!(status == 200 || page.json()["error"] == "invalid_target");
        }
    }
}

#[tokio::test]
async fn g35_only_access_tokens_of_our_own_applications_name_a_subject() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    let browser = server.browser();
    assert_eq!(browser.sign_in("alice@acme.test", "alice-password").await.status, 303);
    server.db.sql("UPDATE clients SET first_party = true WHERE id = 'stranger'").await;
    let path = "/authorize?response_type=code&client_id=stranger&scope=openid\
        &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fstranger";
    let code = browser.get(path).await.location_param("code").unwrap();
    let tokens = server.exchange("stranger", &code, "http://127.0.0.1:9/stranger").await.json();
    server.db.sql("UPDATE clients SET first_party = false WHERE id = 'stranger'").await;
    // Clients are remembered for a second.
    let server =
        TestServer::start_on(server.db.copy().await, &[("UNDERSTUDY_PUBLIC_URL", &server.url)])
            .await;
    for kind in ["id_token", "access_token"] {
        let subject = [tokens[kind].as_str().unwrap(), ACCESS_TOKEN];
        let page = Asked { subject, ..Asked::as_alice(&actor) }.send(&server).await;
        refused(&page, "invalid_request");
    }
}

#[tokio::test]
async fn g36_the_actor_is_a_person_who_may_act_and_has_just_signed_in_here() {
    let server = TestServer::start().await;
    let alice = at_desk(&server, "alice@acme.test").await;
    let bob = ["auth0|bob", USER_ID];
    let page = Asked { subject: bob, ..Asked::as_alice(&alice) }.send(&server).await;
    refused(&page, "invalid_grant");
    let elsewhere = token_at(&server, "cora@acme.test", "portal", "&scope=openid").await;
    refused(&Asked::as_alice(&elsewhere).send(&server).await, "invalid_request");
    let machine = server.client_token("machine", "machine-secret").await;
    let service = APP.enterprise_token(&server).await;
    assert!(!service_account(&server, APP).await.is_empty());
    for actor in [machine, service] {
        refused(&Asked::as_alice(&actor).send(&server).await, "invalid_request");
    }
    let old = cora(&server).await;
    server.db.advance("301 seconds").await;
    refused(&Asked::as_alice(&old).send(&server).await, "invalid_request");
    let fresh = cora(&server).await;
    assert_eq!(Asked::as_alice(&fresh).send(&server).await.status, 200);
}

#[tokio::test]
async fn g37_an_outage_is_no_verdict() {
    let server = TestServer::start().await;
    let actor = cora(&server).await;
    server.db.sql("ALTER TABLE impersonations RENAME TO gone").await;
    let page = Asked::as_alice(&actor).send(&server).await;
    assert_eq!(page.status, 503, "{page:?}");
    server.db.sql("ALTER TABLE gone RENAME TO impersonations").await;
    assert_eq!(Asked::as_alice(&actor).send(&server).await.status, 200);
}
