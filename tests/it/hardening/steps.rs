//! The last step first, the step of another flow, nothing at all, and again.
use crate::support::{Browser, TestServer};
use reqwest::cookie::CookieStore as _;
use std::collections::BTreeSet;

/// Every form that finishes something, with what its page would send.
const LAST_STEPS: [(&str, &[(&str, &str)]); 8] = [
    ("/login", &[("return_to", ""), ("email", "alice@acme.test"), ("password", "alice-password")]),
    ("/consent", &[("return_to", "/account"), ("decision", "allow")]),
    ("/go", &[("code", "AAAA-AAAA")]),
    ("/logout", &[]),
    (
        "/account/password",
        &[
            ("current_password", "sam-password"),
            ("new_password", "a new one 123"),
            ("repeated", "a new one 123"),
        ],
    ),
    (
        "/account/profile",
        &[("name", "Somebody"), ("given_name", ""), ("family_name", ""), ("nickname", "")],
    ),
    ("/account/sessions/end-others", &[]),
    ("/impersonation/stop", &[("id", "imp_x")]),
];

#[tokio::test]
async fn c85_no_step_is_done_before_the_ones_that_lead_to_it() {
    let server = TestServer::start().await;
    // Somebody has signed in, and has a token for one form of theirs.
    let (sam, jar) = Browser::with_jar(&server.url);
    assert_eq!(sam.sign_in("sam@understudy.test", "sam-password").await.status, 303);
    let own = sam.open("/account/profile").await.field("csrf").unwrap();
    let before = server.db.contents().await;
    let nobody = server.browser();
    let login = nobody.open("/login").await.field("csrf").unwrap();
    for (path, fields) in LAST_STEPS {
        // Nothing, and the token of another flow and of another browser.
        for csrf in ["", own.as_str(), login.as_str(), "x"] {
            let form = [&[("csrf", csrf)], fields].concat();
            for browser in [&nobody, &sam] {
                // Each takes its own token from its own browser.
                let fits = (path == "/account/profile"
                    && csrf == own
                    && std::ptr::eq(browser, &raw const sam))
                    || (path == "/login"
                        && csrf == login
                        && std::ptr::eq(browser, &raw const nobody));
                if fits {
                    continue;
                }
                let page = browser.post_form(path, &form).await;
                let on = page.header("location").unwrap_or_default();
                // A person who is signed in already goes on, and nothing is changed (K-15).
                let goes_on = path == "/login" && std::ptr::eq(browser, &raw const sam);
                let to_the_start = page.status == 303
                    && (on.starts_with("/login") || on == path || on == "/" || goes_on);
                let refused = (400..410).contains(&page.status);
                assert!(refused || to_the_start, "{path} {csrf:?}: {page:?}");
            }
        }
        assert!(
            (400..500).contains(&sam.post_form(path, &[]).await.status),
            "{path}: an empty form"
        );
    }
    let url = server.url.parse().unwrap();
    assert!(jar.cookies(&url).is_some(), "Sam is still signed in");
    assert_eq!(sam.open("/account").await.status, 200);
    // A session may have been looked at.
    let after: BTreeSet<_> = server.db.contents().await.into_iter().collect();
    for (table, rows) in before {
        assert!(
            table == "sessions" || after.contains(&(table.clone(), rows)),
            "{table} has changed"
        );
    }

    // A link confirmed without having been opened, and twice.
    let link = server.link("portal").await;
    let page = sam.post_form(&link, &[("csrf", own.as_str())]).await;
    assert_eq!(page.status, 403, "{page:?}");
    let page = sam.open(&link).await;
    let csrf = page.field("csrf").unwrap();
    let other = server.link("portal").await;
    assert_eq!(sam.post_form(&other, &[("csrf", csrf.as_str())]).await.status, 403);
    let first = sam.post_form(&link, &[("csrf", csrf.as_str())]).await;
    assert!(matches!(first.status, 200 | 303), "{first:?}");
    // A second click leads to where the first one led (K-15), and redeems nothing.
    let again = sam.post_form(&link, &[("csrf", csrf.as_str())]).await;
    assert!(matches!(again.status, 200 | 303), "{again:?}");
    let redeemed = "SELECT count(*) FROM impersonations WHERE redeemed_at IS NOT NULL";
    assert_eq!(server.db.count(redeemed).await, 1);
}

/// Whoever says of themselves that they are impersonated is asked for their password like anybody, and is
/// nobody but themselves.
#[tokio::test]
async fn a73_a_mark_in_the_metadata_is_no_mark() {
    let server = TestServer::start().await;
    let marks = r#"{"impersonated": true, "impersonator": {"user_id": "usr_ada"}, "act": {"sub": "usr_ada"}}"#;
    let sql = format!(
        "UPDATE users SET user_metadata = '{marks}', app_metadata = '{marks}' WHERE id = 'usr_alice'"
    );
    server.db.sql(&sql).await;
    let browser = server.browser();
    assert_eq!(browser.sign_in("alice@acme.test", "wrong").await.status, 400);
    assert_eq!(browser.sign_in("alice@acme.test", "alice-password").await.status, 303);
    let page = browser.open("/account").await;
    assert_eq!(page.status, 200);
    let code = browser.get(crate::faults::load::AUTHORIZE).await.location_param("code").unwrap();
    let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    let said = crate::support::words::claims(tokens["id_token"].as_str().unwrap());
    let profile = server.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    for said in [said, profile] {
        for mark in ["impersonated", "impersonator", "act"] {
            assert!(said.get(mark).is_none(), "{said}");
        }
    }
    assert!(tokens["refresh_token"].is_string(), "as anybody's: {tokens}");
}
