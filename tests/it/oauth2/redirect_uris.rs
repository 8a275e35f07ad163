//! Where a code may go: a registered address, character by character.
use super::*;
use understudy::provision;

#[tokio::test]
async fn c01_look_alikes_are_never_redirected_to() {
    let server = TestServer::start().await;
    let registered = "https://rp.example/cb";
    let sql = format!("UPDATE clients SET redirect_uris = '{{{registered}}}' WHERE id = 'orders'");
    server.db.sql(&sql).await;
    let alice = server.alice().await;
    let good = alice.get(&authorize(&[("redirect_uri", registered)])).await;
    assert!(good.location().starts_with("https://rp.example/cb?code="), "{}", good.location());
    for other in [
        "https://rp.example/CB",
        "https://RP.example/cb",
        "HTTPS://rp.example/cb",
        "https://rp.example/cb/",
        "https://rp.example/cb/../x",
        "https://rp.example/x/../cb",
        "https://rp.example/./cb",
        "https://rp.example//cb",
        "https://rp.example/cb%2f",
        "https://rp.example/%63b",
        "https://rp.example/cb?",
        "https://rp.example/cb?x=1",
        "https://rp.example/cb#f",
        "https://rp.example/cb#",
        "https://rp.example:443/cb",
        "https://rp.example:443@evil/cb",
        "https://rp.example@evil.example/cb",
        "https://rp.example.evil/cb",
        "https://rp.example./cb",
        "https://evil.rp.example/cb",
        "https://rp.example\\evil",
        "https:\\\\rp.example/cb",
        "https://rp.example/cb\\evil",
        "https://rp.example/c\tb",
        "https://rp.example/cb\n",
        "https://rp.example/cb\r\n",
        " https://rp.example/cb",
        "https://rp.example/cb ",
        "https://rp.example/cb%00",
        "https://rp.example/cb\0",
        "http://rp.example/cb",
        "https://rp.example:8443/cb",
        "//rp.example/cb",
        "/cb",
        "cb",
        "rp.example/cb",
        "",
        "https://rp.еxample/cb",
        "https://rp。example/cb",
        "https://xn--rp-example/cb",
        "https://rp.example/cb;x",
        "javascript:alert(1)//rp.example/cb",
        "data:text/html,https://rp.example/cb",
        "https://rp-example/cb",
        "https://rpXexample/cb",
        "https://rp.example/cbb",
        "https://rp.example/c",
    ] {
        let answer = alice.open(&authorize(&[("redirect_uri", other)])).await;
        stays_here(&answer);
    }
}

#[tokio::test]
async fn c01_localhost_and_127_0_0_1_are_two_addresses() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for other in [
        "http://localhost:9/callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:10/callback",
        "http://127.0.0.1:09/callback",
        "http://127.1:9/callback",
        "http://2130706433:9/callback",
        "https://127.0.0.1:9/callback",
        "http://[::1]:9/callback",
        "http://127.0.0.1:9/callback/",
    ] {
        stays_here(&alice.open(&authorize(&[("redirect_uri", other)])).await);
    }
}

#[tokio::test]
async fn c01_an_error_goes_only_to_a_registered_address_too() {
    let server = TestServer::start().await;
    let browser = server.browser();
    for changes in [
        &[("redirect_uri", "https://evil.example/cb"), ("response_type", "foo")][..],
        &[("redirect_uri", "https://evil.example/cb"), ("prompt", "none")],
        &[("redirect_uri", "https://evil.example/cb"), ("request", "x")],
        &[("redirect_uri", "http://127.0.0.1:9/invoices"), ("prompt", "none")],
    ] {
        stays_here(&browser.open(&authorize(changes)).await);
    }
}

#[tokio::test]
async fn c02_nothing_is_added_to_a_registered_query_or_taken_away() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for other in [
        "http://127.0.0.1:9/other",
        "http://127.0.0.1:9/other?",
        "http://127.0.0.1:9/other?a=1&b=2",
        "http://127.0.0.1:9/other?a=2",
        "http://127.0.0.1:9/other?b=2&a=1",
        "http://127.0.0.1:9/other?a=1&",
        "http://127.0.0.1:9/callback?a=1",
    ] {
        stays_here(&alice.open(&authorize(&[("redirect_uri", other)])).await);
    }
}

#[tokio::test]
async fn c03_a_registered_query_is_kept() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let registered = "http://127.0.0.1:9/other?a=1";
    let answer = alice.get(&authorize(&[("redirect_uri", registered)])).await;
    assert!(answer.location().starts_with(&format!("{registered}&")), "{}", answer.location());
    assert_eq!(answer.location_param("a").as_deref(), Some("1"));
    assert_eq!(answer.location_param("state").as_deref(), Some("st"));
    let code = answer.location_param("code").unwrap();
    assert_eq!(server.exchange("orders", &code, registered).await.status, 200);
    let refusal = alice.get(&authorize(&[("redirect_uri", registered), ("prompt", "foo")])).await;
    hears(&refusal, "invalid_request");
    assert!(refusal.location().starts_with(&format!("{registered}&")), "{}", refusal.location());
}

/// The answer after the yes that a native application needs (K-23).
async fn confirmed(browser: &Browser, path: &str) -> Page {
    let page = browser.open(browser.open(path).await.location()).await;
    let fields = hidden_fields(&page, "/consent");
    let form: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let form: Vec<_> = form.into_iter().chain([("decision", "allow")]).collect();
    browser.open(browser.post_form("/consent", &form).await.location()).await
}

#[tokio::test]
async fn c04_a_native_application_on_a_loopback_address_may_have_any_port() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let ask = |uri: &str| {
        let more = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
        let mut all = vec![("client_id", "native"), ("redirect_uri", uri)];
        all.extend(more);
        authorize(&all)
    };
    for uri in
        ["http://127.0.0.1/native", "http://127.0.0.1:51004/native", "http://127.0.0.1:1/native"]
    {
        let answer = confirmed(&alice, &ask(uri)).await;
        assert!(answer.location().starts_with(&format!("{uri}?")), "{}", answer.location());
    }
    for other in [
        "http://127.0.0.1:51004/native/",
        "http://127.0.0.1:51004/",
        "http://localhost:51004/native",
        "http://127.0.0.1:51004@evil.example/native",
        "http://127.0.0.1:x/native",
        "http://127.0.0.1:/native",
        "http://127.0.0.1:99999/native",
        "http://127.0.0.1:51004/native?x=1",
        "http://127.0.0.1.evil/native",
        "http://127.0.0.2:51004/native",
        "https://127.0.0.1:51004/native",
        "http://[::1]:51004/native",
        "http://127.0.0.1:51004\\@evil.example/native",
        "http://127.0.0.1:0x50/native",
    ] {
        stays_here(&alice.open(&ask(other)).await);
    }
}

#[tokio::test]
async fn c04_the_code_of_a_native_application_is_for_the_port_that_it_asked_with() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for (at_token, status) in
        [("http://127.0.0.1:51005/native", 400), ("http://127.0.0.1:51004/native", 200)]
    {
        let changes = [
            ("client_id", "native"),
            ("redirect_uri", "http://127.0.0.1:51004/native"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let answer = confirmed(&alice, &authorize(&changes)).await;
        let code = answer.location_param("code").unwrap();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "native"),
            ("code", code.as_str()),
            ("redirect_uri", at_token),
            ("code_verifier", VERIFIER),
        ];
        assert_eq!(server.token(&form).await.status, status, "{at_token}");
    }
}

#[tokio::test]
async fn c05_the_redirect_uri_has_to_be_named() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    // `orders` has several, `stranger` one, and the machine none.
    for client in ["orders", "stranger", "machine"] {
        let path =
            without("redirect_uri").replace("client_id=orders", &format!("client_id={client}"));
        stays_here(&alice.open(&path).await);
        let empty = authorize(&[("client_id", client), ("redirect_uri", "")]);
        stays_here(&alice.open(&empty).await);
    }
}

#[test]
fn c06_bad_schemes_are_not_registered() {
    for uri in [
        "javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "http://rp.example/cb",
        "https://rp.example/cb#f",
        "https://*.rp.example/cb",
        "https://user@rp.example/cb",
    ] {
        for field in ["redirect_uris", "post_logout_redirect_uris"] {
            let file = format!(
                "version: 1\nclients:\n  - client_id: a\n    kind: web\n    client_secret: s\n    {field}: ['{uri}']\n"
            );
            assert!(provision::read(&file, |_| None).is_err(), "{field} {uri}");
        }
    }
}
