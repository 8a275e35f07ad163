//! Wrong secrets of applications: limited over workers and nodes, and told to whoever reads the trail.
use super::{PROXIED, other_node, seconds};
use crate::support::node::until;
use crate::support::{Page, TestServer};
use reqwest::Method;

async fn show(server: &TestServer, from: &str, (client, secret): (&str, &str)) -> Page {
    let form =
        [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)];
    let browser = server.browser();
    let request = browser.request(Method::POST, "/oauth/token").form(&form);
    browser.send(request.header("x-forwarded-for", from)).await
}

#[tokio::test]
async fn k08_a_hundred_wrong_secrets_a_minute_are_a_hundred_over_all_nodes() {
    let server = TestServer::start_with(PROXIED).await;
    let node = other_node(&server, PROXIED).await;
    for nth in 0..100 {
        let at = if nth % 2 == 0 { &server } else { &node };
        let address = format!("2001:db8:1:1::{nth:x}");
        assert_eq!(show(at, &address, ("machine", "wrong")).await.status, 401, "{nth}");
    }
    for at in [&server, &node] {
        for secret in ["wrong", "machine-secret"] {
            let held_back = show(at, "2001:db8:1:1::aaaa", ("machine", secret)).await;
            assert!((1..=60).contains(&seconds(&held_back)), "{secret}");
        }
        let elsewhere = show(at, "2001:db8:1:2::1", ("machine", "machine-secret")).await;
        assert_eq!(elsewhere.status, 200, "a network without failures is not locked out");
        let other = show(at, "2001:db8:1:1::1", ("global", "global-secret")).await;
        assert_eq!(other.status, 200, "nor another application");
    }
    server.db.advance("61 seconds").await;
    assert_eq!(show(&server, "2001:db8:1:1::1", ("machine", "machine-secret")).await.status, 200);
}

/// Every network by itself is under its limit: those who guess wait for each other.
#[tokio::test]
async fn k08_an_application_is_slowed_down_for_all_networks_that_guess() {
    let server = TestServer::start_with(PROXIED).await;
    for nth in 0..100 {
        let address = format!("10.1.{nth}.1");
        assert_eq!(show(&server, &address, ("machine", "wrong")).await.status, 401, "{nth}");
    }
    assert_eq!(seconds(&show(&server, "10.1.7.1", ("machine", "machine-secret")).await), 1);
    assert_eq!(show(&server, "10.2.0.1", ("machine", "machine-secret")).await.status, 200);
    server.db.advance("1 second").await;
    assert_eq!(show(&server, "10.1.7.1", ("machine", "wrong")).await.status, 401);
    assert_eq!(seconds(&show(&server, "10.1.8.1", ("machine", "wrong")).await), 2);
    server.db.advance("2 seconds").await;
    assert_eq!(show(&server, "10.1.8.1", ("machine", "machine-secret")).await.status, 200);
}

const TOLD: &str = "SELECT coalesce(string_agg(concat_ws('|', client_id, organization_id, ip, reason, \
     detail ->> 'failures'), ', ' ORDER BY client_id, ip), '') FROM audit_events \
     WHERE type = 'login.failed' AND client_id IS NOT NULL";

#[tokio::test]
async fn k18_wrong_secrets_are_one_event_a_minute_for_each_application_and_address() {
    let server = TestServer::start_with(PROXIED).await;
    let node = other_node(&server, PROXIED).await;
    server.db.sql("UPDATE clients SET organization_id = 'org_acme' WHERE id = 'machine'").await;
    for nth in 0..7 {
        let at = if nth % 2 == 0 { &server } else { &node };
        assert_eq!(show(at, "203.0.113.7", ("machine", "wrong")).await.status, 401);
    }
    assert_eq!(show(&server, "203.0.113.8", ("machine", "wrong")).await.status, 401);
    assert_eq!(show(&server, "203.0.113.8", ("global", "wrong")).await.status, 401);
    assert_eq!(show(&server, "203.0.113.8", ("unheard-of", "wrong")).await.status, 401);
    assert_eq!(server.db.text(TOLD).await, "", "not one for each");
    server.db.advance("61 seconds").await;
    until("the events", 15, async || !server.db.text(TOLD).await.is_empty()).await;
    let told = "global|203.0.113.8|1 wrong secret or assertion|1, \
         machine|org_acme|203.0.113.7|7 wrong secrets or assertions|7, \
         machine|org_acme|203.0.113.8|1 wrong secret or assertion|1";
    assert_eq!(server.db.text(TOLD).await, told);
    // The next minute has the next event.
    assert_eq!(show(&server, "203.0.113.8", ("global", "wrong")).await.status, 401);
    assert_eq!(server.db.text(TOLD).await, told);
    server.db.advance("61 seconds").await;
    let both = format!("global|203.0.113.8|1 wrong secret or assertion|1, {told}");
    until("the next event", 15, async || server.db.text(TOLD).await == both).await;
    let shown =
        "SELECT count(*) FROM audit_events WHERE to_jsonb(audit_events)::text LIKE '%wrong\"%'";
    assert_eq!(server.db.count(shown).await, 0, "what was shown is not kept");
}

#[tokio::test]
async fn k18_wrong_assertions_that_stand_for_a_secret_are_told_too() {
    let server = TestServer::start_with(PROXIED).await;
    server.db.sql("UPDATE clients SET auth_method = 'private_key_jwt', jwks = '{\"keys\":[]}' WHERE id = 'machine'").await;
    // {"alg":"ES256"} . {"iss":"machine"}
    let assertion = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJtYWNoaW5lIn0.AAAA";
    for _ in 0..3 {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        assert_eq!(server.browser().post_form("/oauth/token", &form).await.status, 401);
    }
    server.db.advance("61 seconds").await;
    let told = "machine|127.0.0.1|3 wrong secrets or assertions|3";
    until("the event", 15, async || server.db.text(TOLD).await == told).await;
}

/// Nothing is lost when a server stops before the minute is over.
#[tokio::test]
async fn k18_failures_that_were_not_told_yet_outlive_the_server_and_the_cleaning() {
    let mut server = TestServer::start_with(PROXIED).await;
    assert_eq!(show(&server, "203.0.113.7", ("machine", "wrong")).await.status, 401);
    server.stop();
    server.db.advance("3 hours").await;
    let ctx = server.parts.context(1).unwrap();
    let looking = understudy::flows::impersonation::end_impersonation::ScanWindow::Recent;
    understudy::flows::operations::housekeeping::delete_expired(&ctx, looking).await.unwrap();
    let node = other_node(&server, PROXIED).await;
    until("the event", 15, async || !node.db.text(TOLD).await.is_empty()).await;
    understudy::flows::operations::housekeeping::delete_expired(&ctx, looking).await.unwrap();
    assert_eq!(node.db.count("SELECT count(*) FROM login_failures").await, 0);
}
