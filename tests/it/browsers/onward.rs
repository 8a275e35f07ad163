//! K-14, K-15, K-32 in a real Chromium: applications that send people on to another of their hosts.
use super::*;
use crate::support::counterpart::{node, run};
use crate::support::dev::free_port;
use serde_json::json;

/// A server with one application for each protocol, all of the script's own.
async fn tell(story: &str) {
    let server = TestServer::start().await;
    let at = format!("http://127.0.0.1:{}", free_port());
    let acting = "impersonation: {enabled: true, redeem: direct, unsolicited: true}";
    let text = format!(
        "version: 1\nclients:\n\
         \x20 - {{client_id: onward, name: Onward, kind: web, first_party: true, client_secret: onward-test-secret,\n\
         \x20    redirect_uris: [\"{at}/callback\"], post_logout_redirect_uris: [\"{at}/out\"], {acting}}}\n\
         \x20 - {{client_id: onward-saml, name: Onward by SAML, kind: saml, {acting},\n\
         \x20    saml: {{entity_id: \"urn:test:onward\", acs_urls: [\"{at}/acs\"], idp_initiated: true}}}}\n\
         \x20 - {{client_id: onward-wsfed, name: Onward by WS-Federation, kind: wsfed, {acting},\n\
         \x20    wsfed: {{realm: \"urn:test:onward\", reply_urls: [\"{at}/wsfed\"]}}}}\n"
    );
    apply(&server, &text).await;
    let facts = json!({
        "story": story,
        "issuer": server.url,
        "application": at,
        "alice": {"email": "alice@acme.test", "password": "alice-password"},
        "sam": {"email": "sam@understudy.test", "password": "sam-password"},
    });
    run(node("browser/onward.mjs"), &facts).await;
}

#[tokio::test]
async fn k14_whoever_signs_in_arrives_however_the_application_goes_on() {
    tell("sign-in").await;
}

#[tokio::test]
async fn k14_whoever_signs_out_arrives_however_the_application_goes_on() {
    tell("sign-out").await;
}

#[tokio::test]
async fn k14_open_now_arrives_however_the_application_goes_on() {
    tell("open-now").await;
}

#[tokio::test]
async fn k15_a_second_click_and_a_second_tab_arrive_in_a_real_browser() {
    tell("tabs").await;
}

#[tokio::test]
async fn k32_a_neighbours_odd_cookie_keeps_nobody_from_signing_in_or_out() {
    tell("neighbour").await;
}
