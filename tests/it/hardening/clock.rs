//! The clock that everybody goes by jumps.
use crate::support::TestServer;
use reqwest::Method;

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];
const ENDS: &str = "SELECT string_agg(concat_ws(' ', id, expires_at), ',' ORDER BY id) FROM sessions WHERE id = ANY (\
    SELECT id FROM sessions ORDER BY created_at LIMIT 3)";

/// An hour ahead and back again, as after a wrong setting that somebody corrects.
#[tokio::test]
async fn j16_a_clock_that_jumps_prolongs_nothing_and_brings_nothing_back() {
    let server = TestServer::start_with(OFF).await;
    let alice = server.alice().await;
    let sam = server.sam_as_alice("portal").await;
    let used = server.link("legacy").await;
    let code = server.browser().get(&used).await.location_param("code").unwrap();
    let redeemed = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json();
    let token = redeemed["access_token"].as_str().unwrap().to_owned();
    let waiting = server.link("legacy").await;
    let ends = server.db.text(ENDS).await;

    let is_sound = async |when: &str| {
        assert_eq!(server.db.text(ENDS).await, ends, "{when}: no session is prolonged");
        let again = server.browser().get(&used).await;
        assert_eq!(again.status, 403, "{when}: {}", again.body);
        let twice = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await;
        assert_eq!(twice.status, 400, "{when}: {}", twice.body);
        // What is begun now works from beginning to end.
        let tokens = server.impersonated_tokens().await;
        let fresh = tokens["access_token"].as_str().unwrap();
        assert_eq!(server.userinfo(fresh).await.json()["impersonated"], true, "{when}");
        let page = alice.open("/account").await;
        assert!(page.status == 200 && page.body.contains("Alice Chen"), "{when}: {}", page.body);
    };
    server.db.advance("1 hour").await;
    assert_eq!(server.userinfo(&token).await.status, 401);
    assert!(server.browser().get(&waiting).await.body.contains("Access expired"));
    assert!(!sam.open("/me/impersonation").await.body.contains("Alice"));
    is_sound("an hour ahead").await;

    server.db.advance("-1 hour").await;
    is_sound("back again").await;
    let seen = sam.open("/me/impersonation").await;
    assert!(!seen.body.contains("Alice"), "what was over stays over: {}", seen.body);
    assert_eq!(server.userinfo(&token).await.status, 401, "a code that came twice took it along");

    server.db.advance("-1 hour").await;
    is_sound("an hour behind").await;
    let browser = server.browser();
    let list = browser.request(Method::GET, "/api/impersonations");
    let list = browser.send(list.bearer_auth(server.global_token().await)).await;
    assert_eq!(list.status, 200, "{}", list.body);
}
