//! What is asked: which requests are answered, and which are refused without telling anybody else.
use super::{REPLY, Received, is_refused, sign_in};
use crate::support::TestServer;
use crate::support::node::until;
use reqwest::Method;

const WA: &str = "/wsfed/shop-wsfed?wa=wsignin1.0";

#[tokio::test]
async fn a_person_signs_in_and_the_token_goes_to_the_relying_party() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let asked = browser.open(&sign_in("&wctx=rm%3D0%26id%3Dpassive")).await;
    assert_eq!(asked.status, 302, "{}", asked.body);
    let login = browser.open(asked.location()).await;
    let back = browser.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    let answer = Received::of(&browser.open(back.location()).await);
    assert_eq!(answer.action, REPLY);
    assert_eq!(answer.wctx.as_deref(), Some("rm=0&id=passive"));
    let told = "SELECT count(*) FROM session_participants WHERE protocol = 'wsfed' \
                AND client_id = 'shop-wsfed' AND name_id = 'usr_alice'";
    assert_eq!(server.db.count(told).await, 1);
}

#[tokio::test]
async fn a_request_may_come_by_post_and_without_the_name_in_the_path() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let form = [("wa", "wsignin1.0"), ("wtrealm", "urn:test:wsfed"), ("wctx", "x")];
    for path in ["/wsfed", "/wsfed/shop-wsfed"] {
        let answer = Received::of(&alice.post_form(path, &form).await);
        assert_eq!(answer.wctx.as_deref(), Some("x"));
    }
    let by_query = alice.open("/wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Awsfed").await;
    assert_eq!(Received::of(&by_query).action, REPLY);
    // A form from elsewhere brings no cookie, but the redirect after it does.
    let request = alice.request(Method::POST, "/wsfed").header("cookie", "none=1").form(&form);
    let without = alice.send(request).await;
    assert_eq!(without.status, 303);
    assert!(without.location().starts_with("/continue?"), "{}", without.location());
    assert_eq!(Received::of(&alice.open(without.location()).await).wctx.as_deref(), Some("x"));
    is_refused(&alice.post_form(&sign_in(""), &form).await);
}

#[tokio::test]
async fn e01_only_the_exact_realm_of_an_active_relying_party_is_known() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for realm in [
        "",
        "urn:test:nobody",
        "urn:test:wsfed/",
        "URN:test:wsfed",
        "urn:test:wsfed%20",
        "urn:test:orders-wsfed",
        "urn:test:wsfed%00",
    ] {
        is_refused(&alice.open(&format!("{WA}&wtrealm={realm}")).await);
        if realm != "urn:test:orders-wsfed" {
            is_refused(&alice.open(&format!("/wsfed?wa=wsignin1.0&wtrealm={realm}")).await);
        }
    }
    is_refused(&alice.open("/wsfed/legacy?wa=wsignin1.0&wtrealm=urn%3Atest%3Awsfed").await);
    is_refused(&alice.open("/wsfed/nothing?wa=wsignin1.0&wtrealm=urn%3Atest%3Awsfed").await);
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'shop-wsfed'").await;
    // It is remembered for a second at most.
    let node = server.browser();
    until("it is unknown", 5, async || {
        node.open("/wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Awsfed").await.status == 400
    })
    .await;
    is_refused(&node.open("/wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Awsfed").await);
}

#[tokio::test]
async fn e01_a_relying_party_of_another_organization_signs_nobody_else_in() {
    let server = TestServer::start().await;
    let page = server.alice().await.open("/wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Aglobex").await;
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(!page.body.contains("wresult") && page.header("location").is_none());
}

#[tokio::test]
async fn e01_a_realm_that_two_claim_is_nobodys() {
    let server = TestServer::start().await;
    let copy = "UPDATE clients SET wsfed = jsonb_set(wsfed, '{realm}', '\"urn:test:wsfed\"') \
                WHERE id = 'orders-wsfed'";
    server.db.sql(copy).await;
    let page = server.alice().await.open("/wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Awsfed").await;
    is_refused(&page);
}

#[tokio::test]
async fn e02_a_reply_url_that_is_not_registered_gets_nothing() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for wreply in [
        "https://evil.test/",
        "http://127.0.0.1:9/wsfed/",
        "http://127.0.0.1:9/wsfed?x=1",
        "http://127.0.0.1:9/WSFED",
        "http://127.0.0.1:9/wsfed%23f",
        "http://127.0.0.1:9/wsfed%2F..%2Fevil",
        "http://127.0.0.1:9@evil.test/wsfed",
        "http://127.0.0.1:9.evil.test/wsfed",
        "http://localhost:9/wsfed",
        "http:127.0.0.1:9/wsfed",
        "//127.0.0.1:9/wsfed",
        "javascript:alert(1)",
        "data:text/html,x",
    ] {
        is_refused(&alice.open(&sign_in(&format!("&wreply={wreply}"))).await);
    }
    for (wreply, to) in [
        ("", REPLY),
        ("http://127.0.0.1:9/wsfed", REPLY),
        ("http://127.0.0.1:9/wsfed-too?a=1", "http://127.0.0.1:9/wsfed-too?a=1"),
    ] {
        let page = alice.open(&sign_in(&format!("&wreply={wreply}"))).await;
        assert_eq!(Received::of(&page).action, to);
    }
}

#[tokio::test]
async fn e04_what_the_relying_party_wants_back_comes_back_as_it_was() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for wctx in [
        "rm=0&id=passive&ru=%2fdefault.aspx",
        "\"><script>alert(1)</script>",
        "'\"&amp;&lt;",
        "a b+c",
        "line\r\nline",
        "ü\u{2028}\u{1f600}",
        "",
    ] {
        let sent: String = url::form_urlencoded::byte_serialize(wctx.as_bytes()).collect();
        let page = alice.open(&sign_in(&format!("&wctx={sent}"))).await;
        assert!(!page.body.contains("<script>alert"), "{}", page.body);
        assert_eq!(Received::of(&page).wctx.as_deref(), Some(wctx));
    }
    let longest = "x".repeat(8 * 1024);
    let page = alice.open(&sign_in(&format!("&wctx={longest}"))).await;
    assert_eq!(Received::of(&page).wctx, Some(longest.clone()));
    is_refused(&alice.open(&sign_in(&format!("&wctx={longest}x"))).await);
    let form = [("wa", "wsignin1.0"), ("wtrealm", "urn:test:wsfed")];
    let large = "x".repeat(64 * 1024);
    let form = [form[0], form[1], ("wctx", large.as_str())];
    is_refused(&alice.post_form("/wsfed", &form).await);
}

#[tokio::test]
async fn e06_no_minutes_old_means_a_new_sign_in() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    Received::of(&alice.open(&sign_in("&wfresh=60")).await);
    let asked = alice.open(&sign_in("&wfresh=0")).await;
    assert_eq!(asked.status, 302, "{}", asked.body);
    let login = alice.open(asked.location()).await;
    // Going on without signing in leads to the same page again.
    let back = crate::support::browser::unescape(&login.field("return_to").unwrap());
    assert_eq!(alice.open(&back).await.status, 302);
    let signed_in = alice.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    Received::of(&alice.open(signed_in.location()).await);
    server.db.advance("61 minutes").await;
    assert_eq!(alice.open(&sign_in("&wfresh=60")).await.status, 302);
    for bad in ["-1", "1.5", "x", "99999999999999999999", "+1", "%2B1"] {
        is_refused(&alice.open(&sign_in(&format!("&wfresh={bad}"))).await);
    }
}

#[tokio::test]
async fn e07_a_token_request_with_a_document_type_or_of_any_size_is_refused() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let rst = "<t:RequestSecurityToken xmlns:t=\"http://schemas.xmlsoap.org/ws/2005/02/trust\">";
    let bomb = format!(
        "<!DOCTYPE t [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>{rst}\
         <t:TokenType>&b;</t:TokenType></t:RequestSecurityToken>"
    );
    let external =
        format!("<!DOCTYPE t SYSTEM \"{}/x\">{rst}</t:RequestSecurityToken>", server.url);
    let strange = format!("{rst}<t:TokenType>urn:jwt</t:TokenType></t:RequestSecurityToken>");
    let doubled = format!("{rst}<t:TokenType/><t:TokenType/></t:RequestSecurityToken>");
    for wreq in ["<", "x", "<a/>", bomb.as_str(), &external, &strange, &doubled] {
        let sent: String = url::form_urlencoded::byte_serialize(wreq.as_bytes()).collect();
        let begun = std::time::Instant::now();
        is_refused(&alice.open(&sign_in(&format!("&wreq={sent}"))).await);
        assert!(begun.elapsed().as_millis() < 1000, "{wreq}");
    }
    let large = "<a>".repeat(10 * 1024 * 1024 / 3);
    let form = [("wa", "wsignin1.0"), ("wtrealm", "urn:test:wsfed"), ("wreq", large.as_str())];
    let refused = alice.post_form("/wsfed", &form).await;
    assert_eq!(refused.status, 413);
    assert!(!refused.body.contains("wresult"));
}

#[tokio::test]
async fn e08_nothing_is_fetched_for_a_relying_party() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let lure = format!("http://{}/x", trap.local_addr().unwrap());
    for name in ["wreqptr", "wresultptr", "wattrptr"] {
        is_refused(&alice.open(&sign_in(&format!("&{name}={lure}"))).await);
    }
    is_refused(&alice.open(&sign_in("&wresult=%3Cx%2F%3E")).await);
    assert!(trap.accept().is_err(), "somebody came");
}

#[tokio::test]
async fn e09_the_clock_of_a_relying_party_may_be_three_minutes_off_and_not_ten() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let at = async |minutes: i32| {
        let format = "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'";
        let sql = format!(
            "SELECT to_char((clock_now() + interval '{minutes} minutes') AT TIME ZONE 'UTC', {format})"
        );
        server.db.text(&sql).await
    };
    for minutes in [0, 3, -3] {
        let wct = at(minutes).await;
        Received::of(&alice.open(&sign_in(&format!("&wct={wct}"))).await);
    }
    for minutes in [10, -10] {
        let wct = at(minutes).await;
        is_refused(&alice.open(&sign_in(&format!("&wct={wct}"))).await);
    }
    for bad in ["x", "2026", "0", "2026-13-01T00:00:00Z", "now", "2026-01-01T00:00:00"] {
        is_refused(&alice.open(&sign_in(&format!("&wct={bad}"))).await);
    }
}

#[tokio::test]
async fn e10_what_is_to_be_done_is_said_once_and_is_known() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for query in [
        "",
        "?",
        "?wtrealm=urn:test:wsfed",
        "?wa=&wtrealm=urn:test:wsfed",
        "?wa=wsignin2.0&wtrealm=urn:test:wsfed",
        "?wa=WSIGNIN1.0&wtrealm=urn:test:wsfed",
        "?wa=wattr1.0&wtrealm=urn:test:wsfed",
        "?wa=wsignin1.0&wa=wsignin1.0&wtrealm=urn:test:wsfed",
        "?wa=wsignin1.0&wtrealm=urn:test:wsfed&wtrealm=urn:test:wsfed",
        "?wa=wsignin1.0&wtrealm=urn:test:wsfed&wctx=%zz",
        "?wa=wsignin1.0&wtrealm=urn:test:wsfed&wctx=%ff",
    ] {
        is_refused(&alice.open(&format!("/wsfed{query}")).await);
        is_refused(&alice.open(&format!("/wsfed/shop-wsfed{query}")).await);
    }
    let put = alice.send(alice.request(Method::PUT, "/wsfed")).await;
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, HEAD, POST")));
}

#[tokio::test]
async fn e11_a_way_to_sign_in_is_what_it_says_or_refused() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for method in [
        "urn:oasis:names:tc:SAML:1.0:am:password",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
        "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
    ] {
        Received::of(&alice.open(&sign_in(&format!("&wauth={method}"))).await);
    }
    for method in [
        "http://schemas.microsoft.com/claims/multipleauthn",
        "urn:oasis:names:tc:SAML:1.0:am:X509-PKI",
        "urn:federation:authentication:windows",
        "x",
    ] {
        is_refused(&alice.open(&sign_in(&format!("&wauth={method}"))).await);
    }
    let acting = server.sam_as_alice_by("portal-wsfed", "wsfed").await;
    let path = "/wsfed/portal-wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Aportal-wsfed";
    Received::of(&acting.open(path).await);
    let stronger = format!("{path}&wauth=http://schemas.microsoft.com/claims/multipleauthn");
    is_refused(&acting.open(&stronger).await);
}

#[tokio::test]
async fn e16_a_home_realm_that_is_not_ours_changes_nothing() {
    let server = TestServer::start().await;
    for whr in ["https://evil.test/", "acme", "urn:x"] {
        let page = server.browser().open(&sign_in(&format!("&whr={whr}"))).await;
        assert_eq!(page.status, 302);
        assert!(page.location().starts_with("/login?"), "{}", page.location());
    }
}
