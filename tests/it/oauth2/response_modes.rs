//! By which way the answer travels.
use super::*;

#[tokio::test]
async fn an_answer_goes_by_query_by_fragment_or_by_form() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for (mode, start) in [("query", "?"), ("fragment", "#")] {
        let answer = alice.get(&authorize(&[("response_mode", mode)])).await;
        assert!(
            answer.location().starts_with(&format!("{CALLBACK}{start}")),
            "{}",
            answer.location()
        );
        assert_eq!(answer.location_param("state").as_deref(), Some("st"));
        assert_eq!(server.redeem(&answer.location_param("code").unwrap()).await.status, 200);
    }
    let page = alice.open(&authorize(&[("response_mode", "form_post")])).await;
    assert_eq!((page.status, page.header("location")), (200, None));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let fields = hidden_fields(&page, CALLBACK);
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    assert_eq!(server.redeem(&page.field("code").unwrap()).await.status, 200);
    hears(&alice.get(&authorize(&[("response_mode", "foo")])).await, "invalid_request");
    hears(&alice.get(&authorize(&[("response_mode", "query.jwt")])).await, "invalid_request");
}

#[tokio::test]
async fn c11_a_form_carries_nothing_but_its_fields() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for state in [
        "\"><script>alert(1)</script>",
        "</form><form action=https://evil.test>",
        "'\"><img src=x onerror=x>",
        "\u{2028}\u{2029}",
        "&quot;><script>",
        "x\r\nSet-Cookie: y=1",
        "<!--",
        "]]>",
        "ü\u{202e}",
    ] {
        for more in [&[][..], &[("response_type", "token")], &[("prompt", "none login")]] {
            let mut all = vec![("response_mode", "form_post"), ("state", state)];
            all.extend(more);
            let page = alice.open(&authorize(&all)).await;
            assert_eq!(page.status, 200, "{}", page.body);
            assert_eq!(page.field("state").as_deref(), Some(state));
            assert_eq!(page.body.matches("<form").count(), 1);
            let ours = page.body.matches("<script src=\"/static/").count();
            assert!(ours > 0, "our own, by their addresses");
            assert_eq!(page.body.matches("<script").count(), ours);
            for markup in ["<img src=x", "alert(1)</script>", "evil.test>", "<!--"] {
                assert!(!page.body.contains(markup), "{}", page.body);
            }
            let policy = page.header("content-security-policy").unwrap();
            assert!(!policy.contains("unsafe"), "{policy}");
            assert!(policy.contains("script-src 'self'"), "{policy}");
            // K-14: the one form has one place to go, and that may redirect.
            assert!(!policy.contains("form-action"), "{policy}");
            assert_eq!(page.header("set-cookie"), None);
        }
    }
}

#[tokio::test]
async fn c11_an_error_by_form_is_escaped_too() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let markup = "\"><script>alert(1)</script>";
    for name in
        ["response_type", "scope", "prompt", "max_age", "code_challenge", "code_challenge_method"]
    {
        let page = alice.open(&authorize(&[("response_mode", "form_post"), (name, markup)])).await;
        assert!(!page.body.contains("<script>"), "{}", page.body);
        if page.status == 200 {
            assert!(page.field("error").is_some(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_browser_application_is_answered_by_message_to_its_own_origin() {
    let server = TestServer::start().await;
    let asks = "/authorize?client_id=spa&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fspa\
                &scope=openid&state=st&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
                &code_challenge_method=S256&prompt=none&response_mode=web_message";
    let alice = server.alice().await;
    for (browser, member) in [
        (&alice, "&#34;code&#34;"),
        (&server.browser(), "&#34;error&#34;:&#34;login_required&#34;"),
    ] {
        let page = browser.open(asks).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body.contains("data-origin=\"http://127.0.0.1:9\""), "{}", page.body);
        assert!(page.body.contains(member), "{}", page.body);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.ends_with("frame-ancestors http://127.0.0.1:9"), "{policy}");
        assert_eq!(page.header("x-frame-options"), None);
    }
    // A place that is not registered is never told anything, and no other page may be framed.
    let other = alice.open(&asks.replace("%2Fspa", "%2Felsewhere")).await;
    stays_here(&other);
    assert_eq!(other.header("x-frame-options"), Some("DENY"));
    // Applications with a server have no use for it.
    let page = alice.open(&authorize(&[("response_mode", "web_message")])).await;
    hears(&page, "invalid_request");
}
