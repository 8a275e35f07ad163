//! Signing in and out, and what is told to whom.
use crate::support::{Browser, Page, TestServer};
use reqwest::Method;

const SAM: (&str, &str) = ("sam@understudy.test", "sam-password");
const LIVE: &str = "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND NOT impersonated";

/// The value that the answer sets for the cookie.
fn cookie(answer: &Page, name: &str) -> Option<String> {
    let set = answer.headers.get_all("set-cookie").iter();
    let mut set = set.filter_map(|value| value.to_str().unwrap().strip_prefix(&format!("{name}=")));
    set.next().map(|rest| rest.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_person_signs_in_sees_their_account_and_signs_out() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let away = browser.open("/").await;
    assert_eq!((away.status, away.location()), (302, "/account"));
    let login = browser.open("/account").await;
    assert_eq!(login.location(), "/login?return_to=%2Faccount");
    let page = browser.open(login.location()).await;
    let entered = browser.sign_in_on(&page, SAM.0, SAM.1).await;
    assert_eq!((entered.status, entered.location()), (303, "/account"));
    let account = browser.open("/account").await;
    assert!(account.body.contains("Sam Support") && account.body.contains("nowhere else"));
    let csrf = account.field("csrf").unwrap();
    let left = browser.post_form("/logout", &[("csrf", &csrf)]).await;
    assert_eq!((left.status, left.location()), (303, "/logout"));
    assert_eq!(left.header("clear-site-data"), Some("\"cache\""));
    assert!(browser.open("/logout").await.body.contains("You are signed out"));
    assert_eq!(browser.open("/account").await.status, 302);
    assert_eq!(server.db.count(LIVE).await, 0);
}

#[tokio::test]
async fn c61_signing_in_makes_a_new_session_and_ends_the_one_before() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let first = cookie(&browser.sign_in(SAM.0, SAM.1).await, "understudy").unwrap();
    let second = cookie(&browser.sign_in(SAM.0, SAM.1).await, "understudy").unwrap();
    assert_ne!(first, second);
    assert_eq!(server.db.count(LIVE).await, 1);
    // A cookie planted before the sign-in is worth nothing after it.
    let planted = server.browser();
    let request = |value: &str| {
        planted.request(Method::GET, "/account").header("cookie", format!("understudy={value}"))
    };
    assert_eq!(planted.send(request(&first)).await.status, 302);
    assert_eq!(planted.send(request(&second)).await.status, 200);
    assert_eq!(planted.send(request(&"A".repeat(43))).await.status, 302);
}

#[tokio::test]
async fn who_has_an_account_is_told_to_nobody() {
    let server = TestServer::start().await;
    let mut said = Vec::new();
    for (email, password) in [
        ("sam@understudy.test", "wrong"),
        ("nobody@understudy.test", "wrong"),
        ("", ""),
        ("left@acme.test", "wrong"),
        ("sam@understudy.test", &*"x".repeat(5000)),
    ] {
        let answer = server.browser().sign_in(email, password).await;
        assert_eq!(answer.status, 400, "{email}");
        assert_eq!(answer.field("email").as_deref(), Some(email));
        let error = answer.body.split("sign-in-error\">").nth(1).unwrap();
        said.push(error.split("</div>").next().unwrap().to_owned());
    }
    assert!(said.iter().all(|text| *text == said[0]), "{said:?}");
    let owner = server.browser().sign_in("left@acme.test", "lefty-password").await;
    assert_eq!(owner.status, 403, "that it is inactive is told only to its owner");
}

#[tokio::test]
async fn a_guesser_has_to_wait_and_learns_nothing_by_it() {
    let server = TestServer::start().await;
    for email in ["sam@understudy.test", "nobody@understudy.test"] {
        for _ in 0..10 {
            assert_eq!(server.browser().sign_in(email, "wrong").await.status, 400);
        }
        let answer = server.browser().sign_in(email, SAM.1).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("900")));
    }
    server.db.advance("16 minutes").await;
    assert_eq!(server.browser().sign_in(SAM.0, SAM.1).await.status, 303);
}

#[tokio::test]
async fn h20_a_sign_in_goes_on_to_a_path_of_ours_only() {
    let server = TestServer::start().await;
    for evil in
        ["//evil.test", "/\\evil.test", "https:evil.test", "/%0d%0aSet-Cookie:x", "javascript:x"]
    {
        let browser = server.browser();
        let escaped: String = url::form_urlencoded::byte_serialize(evil.as_bytes()).collect();
        let page = browser.open(&format!("/login?return_to={escaped}")).await;
        assert_eq!(page.field("return_to").as_deref(), Some("/account"), "{evil}");
        let csrf = page.field("csrf").unwrap();
        let form = [("csrf", &*csrf), ("return_to", evil), ("email", SAM.0), ("password", SAM.1)];
        let entered = browser.post_form("/login", &form).await;
        assert_eq!((entered.status, entered.location()), (303, "/account"), "{evil}");
    }
}

#[tokio::test]
async fn h01_a_sign_in_form_is_good_in_its_own_browser_only() {
    let server = TestServer::start().await;
    let (browser, other) = (server.browser(), server.browser());
    let csrf = browser.open("/login").await.field("csrf").unwrap();
    let theirs = other.open("/login").await.field("csrf").unwrap();
    let post = |browser: Browser, csrf: String, header: (&'static str, &'static str)| async move {
        let form =
            [("csrf", &*csrf), ("return_to", "/account"), ("email", SAM.0), ("password", SAM.1)];
        let request =
            browser.request(Method::POST, "/login").header(header.0, header.1).form(&form);
        browser.send(request).await.status
    };
    let calm = ("x-nothing", "1");
    for (csrf, header) in [
        (String::new(), calm),
        (theirs, calm),
        (csrf.clone(), ("origin", "https://evil.test")),
        (csrf.clone(), ("sec-fetch-site", "cross-site")),
        (csrf.clone(), ("sec-fetch-site", "same-site")),
    ] {
        assert_eq!(post(browser.clone(), csrf, header).await, 403, "{header:?}");
    }
    assert_eq!(
        server.db.count("SELECT count(*) FROM audit_events WHERE type LIKE 'login.%'").await,
        0
    );
    assert_eq!(post(browser.clone(), csrf, ("sec-fetch-site", "same-origin")).await, 303);
}

#[tokio::test]
async fn a_form_that_is_not_ours_is_refused_in_words() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let csrf = browser.open("/login").await.field("csrf").unwrap();
    let send = |kind: &'static str, body: String| {
        let request = browser.request(Method::POST, "/login").header("accept", "text/html");
        browser.send(request.header("content-type", kind).body(body))
    };
    let form = "application/x-www-form-urlencoded";
    for (kind, body, status) in [
        (form, format!("csrf={csrf}&email=a&email=b"), 400),
        (form, format!("csrf={csrf}&user_id=usr_ada"), 400),
        (form, format!("csrf={csrf}&email=%ff"), 400),
        (form, format!("csrf={csrf}&email=%zz"), 400),
        (form, format!("csrf={csrf}&email=a%00b&password=x"), 400),
        (form, format!("csrf={csrf}&email={}", "x".repeat(70_000)), 413),
        ("text/plain", format!("csrf={csrf}"), 415),
        ("application/json", "{}".to_owned(), 415),
        (form, String::new(), 403),
    ] {
        let answer = send(kind, body.clone()).await;
        assert_eq!(answer.status, status, "{}", &body[..body.len().min(120)]);
        assert!(answer.body.contains("<h1>") && answer.body.contains("Request <code>"));
    }
}

#[tokio::test]
async fn a_login_hint_and_the_waiting_application_are_on_the_page() {
    let server = TestServer::start().await;
    let request = "/authorize?client_id=orders&login_hint=sam%40understudy.test&redirect_uri=x";
    let escaped: String = url::form_urlencoded::byte_serialize(request.as_bytes()).collect();
    let page = server.browser().open(&format!("/login?return_to={escaped}")).await;
    assert_eq!(page.field("email").as_deref(), Some("sam@understudy.test"));
    assert_eq!(page.field("return_to").as_deref(), Some(request));
    assert!(page.body.contains("Northwind Orders"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("form-action"), "{policy}");
}

#[tokio::test]
async fn c63_consent_is_given_to_its_own_request_by_its_own_form() {
    let server = TestServer::start().await;
    let alice = server.browser();
    alice.sign_in("alice@acme.test", "alice-password").await;
    let request = |scope: &str| {
        format!(
            "/authorize?client_id=stranger&response_type=code&scope={scope}&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fstranger"
        )
    };
    let open = async |scope: &str| alice.open(alice.open(&request(scope)).await.location()).await;
    let (small, large) = (open("openid").await, open("openid+orders:read").await);
    assert!(large.body.contains("Third Party") && large.body.contains("orders:read"));
    let post = async |csrf: &str, to: &str, decision: &str| {
        let form = [("csrf", csrf), ("return_to", to), ("decision", decision)];
        alice.post_form("/consent", &form).await
    };
    let (csrf, to) = (large.field("csrf").unwrap(), large.field("return_to").unwrap());
    let other = small.field("csrf").unwrap();
    assert_eq!(post("", &to, "allow").await.status, 403);
    assert_eq!(post(&other, &to, "allow").await.status, 403);
    assert_eq!(post(&csrf, &to, "perhaps").await.status, 400);
    assert_eq!(server.db.count("SELECT count(*) FROM consents").await, 0);
    let denied = alice.open(post(&csrf, &to, "deny").await.location()).await;
    assert_eq!(denied.location_param("error").as_deref(), Some("access_denied"));
    let allowed = alice.open(post(&csrf, &to, "allow").await.location()).await;
    assert!(allowed.location_param("code").is_some(), "{allowed:?}");
}

#[tokio::test]
async fn k53_the_notice_of_the_login_page_isolates_the_name() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let page = sam.open("/login").await;
    assert!(
        page.body.contains("You are signed in as <bdi class=\"name brief\">Sam Support</bdi>.")
    );
}

#[tokio::test]
async fn k60_pages_that_stay_here_say_so_and_a_long_password_is_not_cut() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let opener = |page: &Page| page.header("cross-origin-opener-policy").map(str::to_owned);
    for path in ["/account", "/console/users", "/login", "/account/password", "/logout"] {
        assert_eq!(opener(&sam.open(path).await).as_deref(), Some("same-origin"), "{path}");
    }
    // An application may have opened this in a window of its own.
    let path = "/login?return_to=%2Fauthorize%3Fclient_id%3Dorders";
    assert_eq!(opener(&sam.open(path).await), None, "{path}");
    for path in ["/login", "/account/password"] {
        let page = sam.open(path).await;
        let fields = page.body.split("<input").filter(|tag| tag.contains("type=\"password\""));
        for field in fields {
            assert!(!field.split('>').next().unwrap().contains("maxlength"), "{path} {field}");
        }
    }
}
