//! Lists inside messages cost what their length costs.
use super::*;
use std::time::{Duration, Instant};

/// The quickest of five.
async fn quickest(browser: &Browser, xml: &str) -> Duration {
    let mut all = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let page = by_post(browser, xml).await;
        all.push(begun.elapsed());
        hears(&page, ACS, ["Responder", "NoAuthnContext"]);
    }
    all.into_iter().min().unwrap()
}

#[tokio::test]
async fn k10_60_kb_of_contexts_cost_less_than_three_times_what_20_kb_cost() {
    let server = start("").await;
    let browser = server.browser();
    browser.sign_in("alice@acme.test", "alice-password").await;
    let xml = server.request().await;
    let asking = |count: usize| {
        let classes: String = (0..count)
            .map(|nth| {
                format!("<saml:AuthnContextClassRef>urn:x:{nth:04}</saml:AuthnContextClassRef>")
            })
            .collect();
        let context = format!(
            "</saml:Issuer><samlp:RequestedAuthnContext>{classes}</samlp:RequestedAuthnContext>"
        );
        xml.replace("</saml:Issuer>", &context)
    };
    let (short, long) = (asking(300), asking(900));
    assert!(long.len() > 58_000, "{}", long.len());
    let (few, many) = (quickest(&browser, &short).await, quickest(&browser, &long).await);
    let most = few * 3 + Duration::from_millis(25);
    assert!(many < most, "{many:?}, and a third of it {few:?}");
}
