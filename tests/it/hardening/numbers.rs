//! Numbers at the end of their range, and beyond.
use crate::support::node::{program, run_with};
use crate::support::{Browser, TestServer};
use reqwest::Method;

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];
/// As they are written, and none of them a time, a page or an amount.
const BEYOND: [&str; 11] = [
    "0",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "253402300800",
    "1e309",
    "0.5",
    "31536000000000",
];

#[tokio::test]
async fn i26_a_number_out_of_its_range_is_refused_wherever_one_is_taken() {
    let server = TestServer::start_with(OFF).await;
    let token = server.global_token().await;
    let browser = Browser::bare(&server.url);
    let before = server.db.contents().await;
    for number in BEYOND {
        for field in ["ttl", "duration"] {
            let body = format!(
                r#"{{"protocol":"oauth2","impersonator_id":"usr_sam","client_id":"legacy","user_id":"usr_alice","{field}":{number}}}"#
            );
            for path in ["/users/usr_alice/impersonate", "/api/impersonations"] {
                let request = browser.request(Method::POST, path).bearer_auth(&token);
                let request = request.header("content-type", "application/json").body(body.clone());
                let page = browser.send(request).await;
                assert_eq!(page.status, 400, "{path} {field} {number}: {}", page.body);
            }
        }
        let page = browser.request(Method::GET, &format!("/api/impersonations?limit={number}"));
        let page = browser.send(page.bearer_auth(&token)).await;
        assert_eq!(page.status, 400, "limit {number}: {}", page.body);
    }
    assert_eq!(server.db.contents().await, before);
    // Seconds since a sign-in: any number of them is one, as long as it is a number.
    let alice = server.alice().await;
    for number in BEYOND {
        let path = format!(
            "/authorize?response_type=code&client_id=orders&scope=openid&prompt=none&max_age={number}\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback"
        );
        let page = alice.get(&path).await;
        assert!(matches!(page.status, 302 | 303), "max_age {number}: {page:?}");
        let error = page.location_param("error");
        let code = page.location_param("code");
        assert!(error.is_some() != code.is_some(), "max_age {number}: {}", page.location());
    }
    for number in BEYOND {
        let text = format!(
            "version: 1\nclients:\n  - client_id: shop\n    kind: machine\n    client_secret: s\n    \
             access_token_lifetime: {number}\n"
        );
        let mut command = program(&server.db.url, "http://127.0.0.1:1");
        command.args(["apply", "-f", "-"]);
        let said = run_with(command, &text);
        assert!(!said.success && said.err.contains("access_token_lifetime"), "{number}: {said:?}");
        assert!(said.err.contains("line 6"), "{number}: {said:?}");
    }
}
