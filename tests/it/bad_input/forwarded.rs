//! Who says from where a request came.
use crate::support::TestServer;
use reqwest::Method;
use serde_json::json;

/// The address in the trail after a request with these headers.
async fn address(server: &TestServer, headers: &[(&str, &str)]) -> String {
    let token = server.global_token().await;
    let body = json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy"});
    let browser = server.browser();
    let request = browser.request(Method::POST, "/users/usr_alice/impersonate").bearer_auth(token);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    assert_eq!(browser.send(request.json(&body)).await.status, 200);
    server.db.text("SELECT ip FROM audit_events WHERE type = 'impersonation.link_issued' ORDER BY seq DESC LIMIT 1").await
}

#[tokio::test]
async fn c81_nobody_is_believed_about_an_address_unless_we_were_told_to() {
    let server = TestServer::start().await;
    for headers in [
        [("x-forwarded-for", "203.0.113.7")],
        [("x-forwarded-for", "203.0.113.7, 198.51.100.1")],
        [("forwarded", "for=203.0.113.7")],
        [("x-real-ip", "203.0.113.7")],
        [("x-client-ip", "203.0.113.7")],
        [("true-client-ip", "203.0.113.7")],
    ] {
        assert_eq!(address(&server, &headers).await, "127.0.0.1", "{headers:?}");
    }
}

#[tokio::test]
async fn c81_behind_a_known_proxy_the_last_hop_that_is_not_ours_counts() {
    let proxies = [("UNDERSTUDY_TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8")];
    let server = TestServer::start_with(&proxies).await;
    for (hops, expected) in [
        ("203.0.113.7", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7, 10.0.0.5", "203.0.113.7"),
        ("2001:db8::7, 10.0.0.5", "2001:db8::7"),
    ] {
        assert_eq!(address(&server, &[("x-forwarded-for", hops)]).await, expected, "{hops}");
    }
    // What is no address ends the chain: whatever is left of it was said by nobody we know.
    for hops in ["203.0.113.7, nonsense", "nonsense", ""] {
        let address = address(&server, &[("x-forwarded-for", hops)]).await;
        assert_ne!(address, "203.0.113.7", "{hops}");
    }
}
