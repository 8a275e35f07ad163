//! Lists in requests: short, and their cost is that of their length.
use crate::support::TestServer;
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
