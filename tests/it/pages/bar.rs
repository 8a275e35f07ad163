//! The bar: the one of our own pages, and the one that applications load.
use crate::support::TestServer;
use reqwest::Method;

#[tokio::test]
async fn any_page_may_load_the_bar_and_keep_it() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let bar = browser.get("/impersonation/bar.js").await;
    assert_eq!(bar.status, 200);
    assert_eq!(bar.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(bar.header("access-control-allow-origin"), Some("*"));
    assert_eq!(bar.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(bar.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(bar.header("cache-control"), Some("public, max-age=3600"));
    assert_eq!(bar.header("set-cookie"), None);
    let tag = bar.header("etag").unwrap().to_owned();
    let again = browser.request(Method::GET, "/impersonation/bar.js").header("if-none-match", &tag);
    let again = browser.send(again).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let version = tag.trim_matches('"');
    let kept = browser.get(&format!("/impersonation/bar.js?v={version}")).await;
    assert!(kept.header("cache-control").unwrap().ends_with("immutable"));
    let other = browser.get("/impersonation/bar.js?v=0123456789abcdef").await;
    assert_eq!(other.header("cache-control"), Some("public, max-age=3600"), "an old address");
    for sink in ["innerHTML", "eval(", "document.write", "setAttribute(\"style\"", ".style."] {
        assert!(!bar.body.contains(sink), "{sink} is not for strict pages");
    }
}

#[tokio::test]
async fn h21_the_bar_of_our_own_pages_needs_no_script_and_is_printed() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    for path in ["/account", "/account/password", "/account/sessions", "/console/impersonations"] {
        let page = sam.open(path).await;
        assert_eq!(page.status, 200, "{path}");
        let body = page.body.split("<body").nth(1).unwrap();
        let bar = body.split("class=\"bar\"").nth(1).unwrap().split("</aside>").next().unwrap();
        assert!(bar.contains("Sam Support") && bar.contains("Alice Chen"), "{path}: {bar}");
        assert!(bar.contains("min left") && bar.contains("Stop"), "{path}: {bar}");
        assert!(!bar.contains("hidden=") && !bar.contains("<script"), "{path}: {bar}");
    }
    let page = sam.open("/account").await;
    let css = page.body.split("rel=\"stylesheet\" href=\"").nth(1).unwrap();
    let css = sam.get(css.split('"').next().unwrap()).await.body;
    let print = css.split("@media print").nth(1).unwrap();
    let rule = print.split(".bar {").nth(1).unwrap().split('}').next().unwrap();
    assert!(!rule.contains("none") && rule.contains("print-color-adjust"), "{rule}");
}

#[tokio::test]
async fn h22_after_stop_the_browser_keeps_nothing_that_it_was_shown() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    let page = sam.open("/account").await;
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let form = page.form("/impersonation/stop");
    let (csrf, id) = (form.field("csrf").unwrap(), form.field("id").unwrap());
    let stop = async || sam.post_form("/impersonation/stop", &[("csrf", &csrf), ("id", &id)]).await;
    assert_eq!(stop().await.header("clear-site-data"), Some("\"cache\""));
    // h23: the same form once more, from a tab that was left open.
    let before = server.db.contents().await;
    assert_eq!(stop().await.status, 409);
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn h04_every_cookie_is_for_this_host_alone_and_no_script_sees_it() {
    let server = TestServer::start_with(&[("UNDERSTUDY_PUBLIC_URL", "https://id.test")]).await;
    let browser = server.browser();
    let login = browser.open("/login").await;
    let answer = browser.sign_in_on(&login, "sam@understudy.test", "sam-password").await;
    // Over plain http the browser does not send a `Secure` cookie back, so the sign-in is refused; what
    // counts is how each cookie is set.
    let set = [&login, &answer].into_iter().flat_map(|page| page.headers.get_all("set-cookie"));
    let set: Vec<String> = set.map(|value| value.to_str().unwrap().to_owned()).collect();
    assert!(!set.is_empty());
    for cookie in set {
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}
