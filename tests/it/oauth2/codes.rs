//! A code is good once, for a minute, for the application that asked, at the place it asked for.
use super::*;
use crate::support::Node;
use futures_util::future::join_all;
use std::collections::HashSet;
use understudy::crypto::random;

const AT_ONCE: usize = 60;

async fn redeem_at(node: &Browser, code: &str) -> Page {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("code", code),
        ("redirect_uri", CALLBACK),
    ];
    node.post_form("/oauth/token", &form).await
}

#[tokio::test]
async fn c18_a_code_that_comes_again_ends_what_it_gave() {
    let server = TestServer::start().await;
    let code = server.alice().await.code(&[("scope", "openid offline_access")]).await;
    let tokens = server.redeem(&code).await.json();
    let access = text(&tokens, "access_token");
    assert_eq!(server.userinfo(access).await.status, 200);
    refused(&server.redeem(&code).await, 400, "invalid_grant");
    assert_eq!(server.userinfo(access).await.status, 401);
    assert_eq!(server.introspect(access).await.body, r#"{"active":false}"#);
    refused(&server.refresh(text(&tokens, "refresh_token"), &[]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn c18_a_jwt_is_ended_with_its_code_too() {
    let server = TestServer::start().await;
    let code = server.alice().await.code(&[("audience", "https://orders.test/api")]).await;
    let tokens = server.redeem(&code).await.json();
    let jwt = text(&tokens, "access_token");
    assert_eq!(jwt.split('.').count(), 3);
    assert_eq!(server.introspect(jwt).await.json()["active"], true);
    refused(&server.redeem(&code).await, 400, "invalid_grant");
    assert_eq!(server.introspect(jwt).await.body, r#"{"active":false}"#);
}

#[tokio::test]
async fn c19_a_code_is_known_again_after_half_a_minute_and_after_an_hour() {
    let server = TestServer::start().await;
    for later in ["30 seconds", "59 minutes"] {
        let code = server.alice().await.code(&[]).await;
        let tokens = server.redeem(&code).await.json();
        server.db.advance(later).await;
        refused(&server.redeem(&code).await, 400, "invalid_grant");
        assert_eq!(server.userinfo(text(&tokens, "access_token")).await.status, 401, "{later}");
    }
}

#[tokio::test]
async fn c20_a_code_that_comes_late_is_refused() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let code = alice.code(&[]).await;
    server.db.advance("61 seconds").await;
    refused(&server.redeem(&code).await, 400, "invalid_grant");
    let code = alice.code(&[]).await;
    server.db.advance("55 seconds").await;
    assert_eq!(server.redeem(&code).await.status, 200);
}

/// Exactly one gets tokens, and they count for nothing, because the others were replays.
async fn one_wins(server: &TestServer, nodes: &[&str]) {
    let code = server.alice().await.code(&[]).await;
    let nodes: Vec<_> = nodes.iter().map(|url| Browser::new(url)).collect();
    let bringing = (0..AT_ONCE).map(|nth| redeem_at(&nodes[nth % nodes.len()], &code));
    let answers = join_all(bringing).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        refused(lost, 400, "invalid_grant");
    }
    let access = won[0].json();
    assert_eq!(server.userinfo(text(&access, "access_token")).await.status, 401);
    assert_eq!(server.db.count("SELECT count(*) FROM access_tokens").await, 1);
}

#[tokio::test]
async fn c21_of_many_at_once_one_wins() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    one_wins(&server, &[&server.url]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c21_c27_c39_of_many_at_once_on_two_nodes_one_wins() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let second = Node::start(&server.db, &server.url).await;
    one_wins(&server, &[&server.url, &second.url]).await;
    refresh::one_wins(&server, &[&server.url, &second.url]).await;
    client_authentication::one_wins(&server, &[&server.url, &second.url]).await;
}

#[tokio::test]
async fn c22_a_code_is_of_no_use_to_another_application() {
    let server = TestServer::start().await;
    let code = server.alice().await.code(&[]).await;
    for (client, uri) in [("invoices", CALLBACK), ("invoices", "http://127.0.0.1:9/invoices")] {
        refused(&server.exchange(client, &code, uri).await, 400, "invalid_grant");
    }
    let public = [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    refused(&server.token(&public).await, 400, "invalid_grant");
    let none =
        [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", CALLBACK)];
    refused(&server.token(&none).await, 401, "invalid_client");
}

#[tokio::test]
async fn c23_the_redirect_uri_is_the_one_of_the_request() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for other in [
        "http://127.0.0.1:9/other?a=1",
        "http://127.0.0.1:9/callback/",
        "HTTP://127.0.0.1:9/callback",
        "",
    ] {
        let code = alice.code(&[]).await;
        let answer = server.exchange("orders", &code, other).await;
        assert_eq!(answer.status, 400, "{other}: {}", answer.body);
        refused(&server.redeem(&code).await, 400, "invalid_grant");
    }
    let code = alice.code(&[]).await;
    let omitted = [
        ("grant_type", "authorization_code"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("code", code.as_str()),
    ];
    assert_eq!(server.token(&omitted).await.status, 400);
}

#[test]
fn c24_a_secret_has_256_bits() {
    let secrets: HashSet<String> = (0..100_000).map(|_| random::secret()).collect();
    assert_eq!(secrets.len(), 100_000);
    let mut seen = [0_u32; 256];
    for secret in &secrets {
        assert_eq!(secret.len(), 43);
        secret.bytes().for_each(|b| seen[usize::from(b)] += 1);
    }
    let all = f64::from(seen.iter().sum::<u32>());
    let bits = |n: u32| {
        let share = f64::from(n) / all;
        -share * share.log2()
    };
    let entropy: f64 = seen.iter().filter(|n| **n > 0).map(|n| bits(*n)).sum();
    assert!(entropy * 43.0 > 250.0, "{entropy} bits a character");
}

#[tokio::test]
async fn c24_everything_handed_out_is_such_a_secret() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let code = alice.code(&[("scope", "openid offline_access")]).await;
        let tokens = server.redeem(&code).await.json();
        let token = server.client_token("machine", "machine-secret").await;
        for secret in
            [code.as_str(), text(&tokens, "access_token"), text(&tokens, "refresh_token"), &token]
        {
            assert!(secret.len() >= 43, "{secret}");
            assert!(seen.insert(secret.to_owned()));
        }
    }
    let login = server.browser().open("/login").await;
    let signed_in = server.browser().sign_in("alice@acme.test", "alice-password").await;
    for page in [login, signed_in] {
        let cookie = page.header("set-cookie").unwrap();
        assert!(cookie.split(['=', ';']).nth(1).unwrap().len() >= 43, "{cookie}");
    }
}

#[tokio::test]
async fn c25_a_token_is_good_whole_and_unchanged_only() {
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("openid offline_access").await;
    let access = text(&tokens, "access_token");
    let flipped: String =
        access
            .chars()
            .map(|c| {
                if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
            })
            .collect();
    for other in [
        &access[..access.len() - 1],
        &access[1..],
        &format!("{access}A"),
        &format!("{access}="),
        &format!("A{access}"),
        &format!("{access}."),
        &flipped,
        &access.repeat(2),
    ] {
        let answer = server.userinfo(other).await;
        assert_eq!(answer.status, 401, "{other}");
        assert_eq!(server.introspect(other).await.body, r#"{"active":false}"#);
    }
    assert_eq!(server.userinfo(access).await.status, 200);
    let refresh = text(&tokens, "refresh_token");
    for other in [&refresh[..refresh.len() - 1], &format!("{refresh}A"), ""] {
        assert_eq!(server.refresh(other, &[]).await.status, 400);
    }
    assert_eq!(server.refresh(refresh, &[]).await.status, 200);
}
