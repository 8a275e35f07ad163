//! A mode that is granted is told to whoever must keep it, or refused.
use crate::support::protocols::Spoken;
use crate::support::words::claims;
use crate::support::{Page, TestServer};
use reqwest::Method;
use serde_json::json;
use understudy::domain::Timestamp;

const MODE: &str = "http://schemas.auth0.com/impersonation_mode";
const CLAIM: &str = "https://understudy.dev/claims/impersonation";

async fn honours(server: &TestServer, client: &str, read_only: bool) {
    let sql = format!("UPDATE clients SET read_only = {read_only} WHERE id = '{client}'");
    server.db.sql(&sql).await;
}

fn modes_told(by: Spoken, page: &Page) -> Vec<String> {
    let said = by.attributes(page);
    said.into_iter().filter(|(name, _)| name == MODE).map(|(_, value)| value).collect()
}

/// Protocol × mode × what the application says, with a duration, a scope and a reason.
#[tokio::test]
async fn k07_every_protocol_carries_the_mode_or_refuses_it() {
    for by in Spoken::ALL {
        let server = TestServer::start().await;
        let client = by.client("legacy");
        for (mode, read_only) in
            [("full", false), ("full", true), ("read_only", false), ("read_only", true)]
        {
            let case = format!("{} {mode} {read_only}", by.name());
            honours(&server, &client, read_only).await;
            let answer = server
                .ask(
                    "usr_alice",
                    json!({
                        "protocol": by.name(), "impersonator_id": "usr_sam", "client_id": client,
                        "mode": mode, "duration": 60, "reason": "ticket 4711",
                        "additionalParameters": {"scope": "openid crm:read crm:write"},
                    }),
                )
                .await;
            let promised = by == Spoken::Oauth2 || read_only || mode == "full";
            if !promised {
                assert_eq!(answer.status, 403, "{case}");
                assert_eq!(answer.json()["error_code"], "mode_not_supported", "{case}");
                let trail = server.db.trail().await;
                assert!(trail.last().unwrap().ends_with("(mode_not_supported)"), "{trail:?}");
                continue;
            }
            assert_eq!(answer.status, 200, "{case}: {}", answer.body);
            let page = server.browser().get(&answer.body).await;
            assert!(by.is_answer(&page), "{case}: {}", page.body);
            let ends = "SELECT floor(extract(epoch FROM ends_at))::bigint FROM impersonations ORDER BY created_at DESC LIMIT 1";
            let ends = Timestamp::from_timestamp(server.db.count(ends).await, 0).unwrap();
            is_told(&server, (by, &page), (mode, ends), &case).await;
            assert!(
                !page.body.contains("4711"),
                "{case}: a reason is told to nobody but the trail"
            );
            let reason = "SELECT reason FROM impersonations ORDER BY created_at DESC LIMIT 1";
            assert_eq!(server.db.text(reason).await, "ticket 4711", "{case}");
        }
    }
}

/// The mode, the end and, where there are any, the scopes.
async fn is_told(
    server: &TestServer,
    (by, page): (Spoken, &Page),
    (mode, ends): (&str, Timestamp),
    case: &str,
) {
    if by != Spoken::Oauth2 {
        assert_eq!(modes_told(by, page), [mode], "{case}");
        let xml = by.xml(page).unwrap();
        let until = ends.format("%Y-%m-%dT%H:%M:%S").to_string();
        assert!(xml.contains(&until), "{case}: the end is told: {until} {xml}");
        return;
    }
    let code = page.location_param("code").unwrap();
    let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    for told in
        [id_token, server.userinfo(access).await.json(), server.introspect(access).await.json()]
    {
        assert_eq!(told[CLAIM]["mode"], mode, "{case}: {told}");
        assert_eq!(told[CLAIM]["exp"], json!(ends.timestamp()), "{case}: {told}");
    }
    let scope = tokens["scope"].as_str().unwrap_or_default();
    assert!(scope.contains("crm:read"), "{case}: {tokens}");
    assert_eq!(scope.contains("crm:write"), mode == "full", "{case}: {tokens}");
}

/// The same by every way in: the console, our own API, a link that is confirmed.
#[tokio::test]
async fn k07_read_only_is_refused_by_every_way_in() {
    let server = TestServer::start().await;
    for client in ["portal-saml", "portal-wsfed", "legacy-saml"] {
        let protocol = if client.ends_with("saml") { "samlp" } else { "wsfed" };
        let body = json!({"user_id": "usr_alice", "impersonator_id": "usr_sam", "client_id": client,
            "protocol": protocol, "mode": "read_only"});
        let browser = server.browser();
        let request = browser.request(Method::POST, "/api/impersonations").json(&body);
        let answer = browser.send(request.bearer_auth(server.global_token().await)).await;
        assert_eq!(
            (answer.status, answer.json()["error_code"].clone()),
            (403, json!("mode_not_supported")),
            "{client}"
        );
    }
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
}

/// Asked again when a link is opened, and while it runs.
#[tokio::test]
async fn k07_a_promise_that_is_taken_back_ends_what_was_begun_with_it() {
    let server = TestServer::start().await;
    honours(&server, "portal-saml", true).await;
    honours(&server, "legacy-saml", true).await;
    let ask = async |client: &str| {
        let body = json!({"protocol": "samlp", "impersonator_id": "usr_sam", "client_id": client, "mode": "read_only"});
        let answer = server.ask("usr_alice", body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let waiting = ask("portal-saml").await;
    honours(&server, "portal-saml", false).await;
    let sam = server.sam().await;
    let opened = sam.open(waiting.strip_prefix(&server.url).unwrap()).await;
    assert!(
        opened.field("SAMLResponse").is_none() && opened.field("csrf").is_none(),
        "{}",
        opened.body
    );
    let link = ask("legacy-saml").await;
    assert_eq!(server.browser().get(&link).await.status, 200);
    let id = server.db.text("SELECT id FROM impersonations WHERE client_id = 'legacy-saml'").await;
    honours(&server, "legacy-saml", false).await;
    let ctx = server.parts.context(1).unwrap();
    let conn = ctx.store.conn().await.unwrap();
    let id = understudy::domain::ImpersonationId::parse(id).unwrap();
    let caller = understudy::domain::caller::Caller::default();
    let goes_on = understudy::flows::impersonation::end_impersonation::decide_again(
        &ctx, &conn, &id, &caller,
    )
    .await
    .unwrap();
    assert!(goes_on.is_none());
    let reason = "SELECT end_reason FROM impersonations WHERE client_id = 'legacy-saml'";
    assert_eq!(server.db.text(reason).await, "client_changed");
}

/// Nobody brings the mark by their profile, and an application does not rename it.
#[tokio::test]
async fn k07_the_mark_of_the_mode_is_nobodys_to_write() {
    let server = TestServer::start().await;
    server.db.sql("UPDATE users SET user_metadata = '{\"impersonation_mode\": \"full\"}', nickname = 'full' WHERE id = 'usr_alice'; \
         UPDATE clients SET read_only = true, saml = saml || '{\"attributes\": {\"http://schemas.auth0.com/impersonation_mode\": \"nickname\"}}' WHERE id = 'legacy-saml'").await;
    let body = json!({"protocol": "samlp", "impersonator_id": "usr_sam", "client_id": "legacy-saml", "mode": "read_only"});
    let answer = server.ask("usr_alice", body).await;
    let page = server.browser().get(&answer.body).await;
    assert_eq!(modes_told(Spoken::Samlp, &page), ["read_only"]);
    // Without an impersonation there is none.
    let alice = server.alice().await;
    let asks =
        Spoken::Samlp.asks(&server, "legacy", crate::support::protocols::Demand::Nothing).await;
    let own = alice.open(&asks).await;
    assert_eq!(modes_told(Spoken::Samlp, &own), Vec::<String>::new());
}

fn offers(page: &Page) -> (bool, bool) {
    let radio = |value: &str| page.body.contains(&format!("name=\"mode\" value=\"{value}\""));
    (radio("full"), radio("read_only"))
}

#[tokio::test]
async fn k07_the_console_offers_read_only_where_it_is_kept() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let form = async |query: &str| {
        let page = sam.open(&format!("/console/users/usr_alice/sign-in-as?{query}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        page
    };
    assert_eq!(offers(&form("application=portal").await), (true, true));
    for client in ["portal-saml", "portal-wsfed"] {
        honours(&server, client, false).await;
        let query = format!("application={client}");
        assert_eq!(offers(&form(&query).await), (true, false), "{client}");
        let refused = form(&format!("{query}&mode=read_only")).await;
        assert!(refused.body.contains("mode_not_supported"), "{client}: {}", refused.body);
        assert!(!refused.body.contains("Open now"), "{client}");
        honours(&server, client, true).await;
        assert_eq!(offers(&form(&query).await), (true, true), "{client}");
    }
}
