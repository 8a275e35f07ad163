//! Lists in requests: short, and their cost is that of their length.
use crate::support::{Browser, TestServer};
use reqwest::{Method, RequestBuilder};
use std::time::{Duration, Instant};

/// 60 KB of different words.
fn words(separator: &str) -> String {
    let letters = || ('a'..='z').chain('A'..='Z').chain('0'..='9');
    let all =
        letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    let all: Vec<String> = all.take(15_000).map(|word| word.iter().collect()).collect();
    all.join(separator)
}

#[tokio::test]
async fn k10_a_long_list_of_scopes_is_refused_at_every_grant() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let browser = server.browser();
    let long = words(" ");
    for scope in [long.as_str(), &"a ".repeat(65), &"x".repeat(4097)] {
        for grant in ["refresh_token", "client_credentials"] {
            let form = [
                ("grant_type", grant),
                ("refresh_token", "x"),
                ("client_id", "orders"),
                ("client_secret", "orders-secret"),
                ("scope", scope),
            ];
            let answer = browser.post_form("/oauth/token", &form).await;
            assert_eq!(answer.status, 400, "{grant} {}", answer.body);
        }
    }
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("scope", long.as_str()),
    ];
    let answer = browser.post_form("/oauth/token", &form).await;
    assert_eq!(answer.json()["error"], "invalid_scope", "{}", answer.body);
}

#[tokio::test]
async fn k10_long_lists_at_the_authorization_endpoint_are_told_to_the_application() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let base = "/authorize?client_id=orders&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&scope=openid";
    let many = |word: &str| vec![word; 65].join("%20");
    for (more, error) in [
        (format!("&prompt={}", many("login")), "invalid_request"),
        (format!("&acr_values={}", many("0")), "invalid_request"),
        (format!("&acr_values={}", "x".repeat(4097)), "invalid_request"),
    ] {
        let page = alice.open(&format!("{base}{more}")).await;
        assert_eq!(page.location_param("error").as_deref(), Some(error), "{more:.40}");
    }
    let page = alice.open(&format!("{}%20{}", base, many("a"))).await;
    assert_eq!(page.location_param("error").as_deref(), Some("invalid_scope"));
}

/// The reports' four kinds of list, each against one word of the same length.
#[tokio::test]
async fn k10_four_kinds_of_list_cost_what_one_long_word_costs() {
    use understudy::domain::scope::{Scopes, words as list};
    let cost = |work: &dyn Fn()| {
        let one = || {
            let begun = Instant::now();
            for _ in 0..20 {
                work();
            }
            begun.elapsed()
        };
        (0..5).map(|_| one()).min().unwrap()
    };
    let (long, word) = (words(" "), "a".repeat(60_000));
    let stored = Scopes::parse_stored(&long).unwrap();
    let slack = Duration::from_millis(2);
    let plain = cost(&|| assert!(Scopes::parse(&word).is_err()));
    assert!(cost(&|| assert!(Scopes::parse(&long).is_err())) < plain * 2 + slack);
    assert!(cost(&|| assert!(list(&long).is_none())) < plain * 2 + slack);
    // What is stored has no limit, and costs a constant for each word.
    let most = Duration::from_millis(if cfg!(debug_assertions) { 1_500 } else { 150 });
    assert!(cost(&|| assert!(stored.is_subset_of(&stored))) < most);
    assert!(cost(&|| assert!(!stored.union(stored.iter()).is_empty())) < most);
}

/// The quickest of five, and the status that all have.
async fn quickest(browser: &Browser, request: impl Fn() -> RequestBuilder) -> (u16, Duration) {
    let mut all = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let status = browser.send(request()).await.status;
        all.push((status, begun.elapsed()));
    }
    assert!(all.iter().all(|(status, _)| *status == all[0].0), "{all:?}");
    all.into_iter().min_by_key(|(_, took)| *took).unwrap()
}

/// A list in one place of a request.
struct LongList<'a> {
    place: &'a str,
    separator: &'a str,
    bytes: usize,
    /// Of the answer.
    status: u16,
}

impl LongList<'_> {
    /// It costs less than twice what one word of its length costs in the same place.
    async fn is_linear(&self, browser: &Browser, request: impl Fn(&str) -> RequestBuilder) {
        let list = words(self.separator);
        let list = list.get(..self.bytes).unwrap().rsplit_once(self.separator).unwrap().0;
        let word = "a".repeat(list.len());
        let (_, plain) = quickest(browser, || request(&word)).await;
        let (status, took) = quickest(browser, || request(list)).await;
        assert_eq!(status, self.status, "{} of {}", self.place, self.bytes);
        // For a busy machine; the list of the report cost twenty times this.
        let most = plain * 2 + Duration::from_millis(25);
        assert!(took < most, "{}: {took:?}, and one word {plain:?}", self.place);
    }
}

async fn unlimited() -> TestServer {
    TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await
}

const MACHINE: &str =
    "grant_type=client_credentials&client_id=machine&client_secret=machine-secret";
const SIGN_IN: &str = "client_id=orders&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&state=s";

fn posted(browser: &Browser, path: &str, form: String) -> RequestBuilder {
    let kind = "application/x-www-form-urlencoded";
    browser.request(Method::POST, path).header("content-type", kind).body(form)
}

#[tokio::test]
async fn k10_requests_for_tokens_with_60_kb_of_a_list_are_refused_in_linear_time() {
    let server = unlimited().await;
    let browser = server.browser();
    let listed = ["scope", "audience", "resource"].map(|place| (place, "+", 59_000));
    // One that may be given again, as often as it fits in.
    let repeated = [("audience", "&audience=", 63_000), ("resource", "&resource=", 63_000)];
    for (place, separator, bytes) in listed.into_iter().chain(repeated) {
        let list = LongList { place, separator, bytes, status: 400 };
        let ask =
            |value: &str| posted(&browser, "/oauth/token", format!("{MACHINE}&{place}={value}"));
        list.is_linear(&browser, ask).await;
    }
}

#[tokio::test]
async fn k10_requests_to_sign_in_with_60_kb_of_a_list_are_answered_in_linear_time() {
    let server = unlimited().await;
    let alice = server.alice().await;
    // Those that are read are told to the application, as errors; the others are not looked at.
    for place in ["scope", "prompt", "acr_values", "claims", "ui_locales", "audience", "unknown"] {
        let scope = if place == "scope" { "" } else { "&scope=openid" };
        let sent = |value: &str| format!("{SIGN_IN}{scope}&{place}={value}");
        for (bytes, by_get, by_post) in [(30_000, 302, 303), (60_000, 400, 400)] {
            let list = LongList { place, separator: "%20", bytes, status: by_get };
            let get =
                |value: &str| alice.request(Method::GET, &format!("/authorize?{}", sent(value)));
            list.is_linear(&alice, get).await;
            let list = LongList { status: by_post, ..list };
            list.is_linear(&alice, |value| posted(&alice, "/authorize", sent(value))).await;
        }
    }
}

#[tokio::test]
async fn k10_headers_with_long_lists_are_answered_in_linear_time() {
    let server = unlimited().await;
    let browser = server.browser();
    let names = [
        "accept",
        "accept-language",
        "accept-encoding",
        "cookie",
        "if-none-match",
        "x-forwarded-for",
        "forwarded",
    ];
    let paths =
        [(", ", "/login", 200), ("; ", "/.well-known/jwks.json", 200), (",", "/userinfo", 401)];
    for name in names {
        for (separator, path, fits) in paths {
            // 32 KiB of headers fit in.
            for (bytes, status) in [(30_000, fits), (59_000, 431)] {
                let place = &format!("{name} at {path}");
                let list = LongList { place, separator, bytes, status };
                let ask = |value: &str| browser.request(Method::GET, path).header(name, value);
                list.is_linear(&browser, ask).await;
            }
        }
    }
}

#[tokio::test]
async fn k10_box_s_fields_of_60_kb_are_answered_in_linear_time() {
    let server = unlimited().await;
    let browser = server.browser();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "box-app"),
        ("client_secret", "box-app-secret"),
        ("box_subject_type", "enterprise"),
        ("box_subject_id", "org_acme"),
    ];
    let token = browser.post_form("/oauth2/token", &form).await.json()["access_token"].clone();
    let token = token.as_str().unwrap();
    for path in ["/2.0/users", "/2.0/users/me"] {
        let list = LongList { place: path, separator: ",", bytes: 59_000, status: 200 };
        let ask = |value: &str| {
            browser.request(Method::GET, &format!("{path}?fields={value}")).bearer_auth(token)
        };
        list.is_linear(&browser, ask).await;
    }
}
