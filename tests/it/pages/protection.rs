//! What every page carries, whatever it says.
use crate::support::{Page, TestServer};
use reqwest::Method;

#[track_caller]
fn is_protected(page: &Page, path: &str) {
    let policy = page.header("content-security-policy").unwrap_or_else(|| panic!("{path}"));
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{path}: {part} is not in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{path}: {policy}");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(name), Some(value), "{path}: {name}");
    }
    assert_eq!(page.header("access-control-allow-origin"), None, "{path}");
    assert!(page.header("permissions-policy").unwrap().contains("camera=()"), "{path}");
    assert!(page.header("x-request-id").is_some(), "{path}");
}

#[tokio::test]
async fn h05_h08_b23_b29_c46_every_page_is_protected() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let link = server.link("orders").await;
    let confirm = sam.open(&link).await;
    let csrf = confirm.form(&link).field("csrf").unwrap();
    is_protected(&confirm, "confirm");
    is_protected(&server.browser().open(&link).await, "sign-in in place of a link");
    is_protected(&sam.post_form(&link, &[("csrf", &csrf)]).await, "redemption");
    let redeemed = sam.open(&link).await;
    assert_eq!(redeemed.status, 403);
    assert!(redeemed.body.contains("This link was used already"), "{}", redeemed.body);
    is_protected(&redeemed, "used link");
    for path in [
        "/",
        "/account",
        "/login",
        "/logout",
        "/me/impersonation",
        "/nowhere",
        "/impersonation/stop",
        "/consent",
        "/consent?return_to=%2Faccount",
        "/impersonation/stopped",
    ] {
        let request = sam.request(Method::GET, path).header("accept", "text/html");
        is_protected(&sam.send(request.header("origin", "https://evil.test")).await, path);
    }
}

#[tokio::test]
async fn b23_b32_the_confirm_page_names_both_and_loads_nothing_from_elsewhere() {
    let server = TestServer::start().await;
    let page = server.sam().await.open(&server.link("orders").await).await;
    for words in
        ["Sam Support", "sam@understudy.test", "Alice Chen", "alice@acme.test", "Northwind Orders"]
    {
        assert!(page.body.contains(words), "{words}");
    }
    for attribute in ["src=\"", "href=\"", "action=\""] {
        for place in page.body.split(attribute).skip(1) {
            assert!(
                place.starts_with('/') || place.starts_with('#'),
                "{attribute}{}",
                &place[..40]
            );
            assert!(!place.starts_with("//"));
        }
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("form-action"), "{policy}");
}

#[tokio::test]
async fn what_a_link_carries_never_gets_into_an_address_of_the_sign_in() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let link = server.link("orders").await;
    let page = browser.open(&link).await;
    assert_eq!((page.status, page.field("return_to")), (200, Some(link.clone())));
    let wrong = browser.sign_in_on(&page, "sam@understudy.test", "wrong").await;
    assert_eq!((wrong.status, wrong.field("return_to")), (400, Some(link.clone())));
}

#[tokio::test]
async fn h06_names_and_reasons_are_text() {
    let server = TestServer::start().await;
    let payload = "\"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}";
    let body = serde_json::json!({
        "protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "orders", "reason": payload, "ticket": payload,
    });
    for table in ["users SET name", "clients SET name"] {
        server.db.sql(&format!("UPDATE {table} = '{}'", payload.replace('\'', "''"))).await;
    }
    let sam = server.sam().await;
    let answer = server.ask("usr_alice", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let link = answer.body.strip_prefix(&server.url).unwrap();
    let confirm = sam.open(link).await;
    let csrf = confirm.form(link).field("csrf").unwrap();
    assert_eq!(sam.post_form(link, &[("csrf", &csrf)]).await.status, 303);
    let wrong = server.browser().sign_in(payload, "x").await;
    for page in [
        confirm,
        wrong,
        sam.open("/account").await,
        sam.open("/me/impersonation").await,
        sam.open("/logout").await,
    ] {
        assert!(
            page.body.contains("&#60;script&#62;") || page.body.contains("&lt;script&gt;"),
            "{}",
            page.body
        );
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"));
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_names_that_change_with_them() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let page = browser.open("/login").await;
    let css =
        page.body.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let asset = browser.get(css).await;
    assert_eq!(asset.status, 200);
    assert_eq!(asset.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(asset.header("content-type"), Some("text/css; charset=utf-8"));
    for path in ["/static/understudy.css", "/static/..%2fCargo.toml", "/static/"] {
        let missing = browser.get(path).await;
        assert_eq!(missing.status, 404, "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_405_and_head_is_get_without_its_body() {
    let server = TestServer::start().await;
    let browser = server.browser();
    for (path, allow) in [
        ("/login", "GET, HEAD, POST"),
        ("/account", "GET, HEAD"),
        ("/impersonation/stop", "POST"),
        ("/me/impersonation", "GET, HEAD, DELETE"),
    ] {
        let answer = browser.send(browser.request(Method::PUT, path)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{path}");
    }
    let head = browser.send(browser.request(Method::HEAD, "/login")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}
