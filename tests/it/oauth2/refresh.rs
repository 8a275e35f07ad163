//! Refresh tokens: each good once; one that comes again ends its whole family.
use super::*;
use crate::support::Node;
use futures_util::future::join_all;
use std::collections::BTreeSet;
use understudy::flows::impersonation::end_impersonation::ScanWindow;
use understudy::flows::operations::housekeeping;
use understudy::provision::{self, DryRun, Prune};

const OFFLINE: &str = "openid profile offline_access";

async fn family(server: &TestServer) -> Value {
    server.alices_tokens(OFFLINE).await
}

#[tokio::test]
async fn a_refresh_token_brings_the_next_one() {
    let server = TestServer::start().await;
    let first = family(&server).await;
    let answer = server.refresh(text(&first, "refresh_token"), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let second = answer.json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(second["token_type"], "Bearer");
    assert_eq!(server.userinfo(text(&second, "access_token")).await.json()["name"], "Alice Chen");
    let before = crate::support::words::claims(text(&first, "id_token"));
    let after = crate::support::words::claims(text(&second, "id_token"));
    for name in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_eq!(after.get("nonce"), None);
}

#[tokio::test]
async fn c26_an_old_refresh_token_ends_the_family() {
    let server = TestServer::start().await;
    let first = family(&server).await;
    let second = server.refresh(text(&first, "refresh_token"), &[]).await.json();
    let third = server.refresh(text(&second, "refresh_token"), &[]).await.json();
    refused(&server.refresh(text(&first, "refresh_token"), &[]).await, 400, "invalid_grant");
    refused(&server.refresh(text(&third, "refresh_token"), &[]).await, 400, "invalid_grant");
    for tokens in [&first, &second, &third] {
        assert_eq!(server.userinfo(text(tokens, "access_token")).await.status, 401);
    }
}

#[tokio::test]
async fn c26_other_families_of_the_same_user_go_on() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let (one, other) =
        (server.tokens_for(&alice, OFFLINE).await, server.tokens_for(&alice, OFFLINE).await);
    server.refresh(text(&one, "refresh_token"), &[]).await;
    server.refresh(text(&one, "refresh_token"), &[]).await;
    assert_eq!(server.refresh(text(&other, "refresh_token"), &[]).await.status, 200);
}

/// However many bring the same token, at most one gets the next one, and then it is worth nothing.
pub(super) async fn one_wins(server: &TestServer, nodes: &[&str]) {
    let first = family(server).await;
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("refresh_token", text(&first, "refresh_token")),
    ];
    let nodes: Vec<_> = nodes.iter().map(|url| Browser::new(url)).collect();
    let bringing = (0..60).map(|nth| nodes[nth % nodes.len()].post_form("/oauth/token", &form));
    let answers = join_all(bringing).await;
    // K-34: each of them gets the same successor, because any of the answers may have been lost (c28).
    let successors: BTreeSet<_> = answers
        .iter()
        .map(|page| {
            assert_eq!(page.status, 200, "{}", page.body);
            text(&page.json(), "refresh_token").to_owned()
        })
        .collect();
    assert_eq!(successors.len(), 1, "{successors:?}");
    let next = successors.first().unwrap();
    let used = server.refresh(next, &[]).await;
    assert_eq!(used.status, 200, "{}", used.body);
    refused(&server.refresh(text(&first, "refresh_token"), &[]).await, 400, "invalid_grant");
    refused(&server.refresh(text(&used.json(), "refresh_token"), &[]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn k34_c27_of_many_at_once_there_is_one_successor() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    one_wins(&server, &[&server.url]).await;
}

#[tokio::test]
async fn c28_an_answer_that_was_lost_is_given_once_more() {
    let server = TestServer::start().await;
    let first = family(&server).await;
    let second = server.refresh(text(&first, "refresh_token"), &[]).await.json();
    server.db.advance("9 seconds").await;
    let again = server.refresh(text(&first, "refresh_token"), &[]).await;
    assert_eq!(again.status, 200, "{}", again.body);
    let again = again.json();
    assert_eq!(again["refresh_token"], second["refresh_token"], "the same successor");
    assert_ne!(again["access_token"], second["access_token"]);
    for tokens in [&first, &second, &again] {
        assert_eq!(server.userinfo(text(tokens, "access_token")).await.status, 200);
    }
    let third = server.refresh(text(&second, "refresh_token"), &[]).await.json();
    // And so for every other of the family, each within its own ten seconds.
    let repeated = server.refresh(text(&second, "refresh_token"), &[]).await.json();
    assert_eq!(repeated["refresh_token"], third["refresh_token"]);
    assert_eq!(server.refresh(text(&third, "refresh_token"), &[]).await.status, 200);
}

/// Too late, or after the successor was used: then it was copied.
#[tokio::test]
async fn c28_whatever_else_comes_again_ends_the_family() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let bring = async |tokens: &Value| server.refresh(text(tokens, "refresh_token"), &[]).await;
    for how in ["too late", "the successor was used", "it was revoked"] {
        let first = family(&server).await;
        let second = bring(&first).await.json();
        let mut last = second.clone();
        match how {
            "too late" => server.db.advance("10 seconds").await,
            "the successor was used" => last = bring(&second).await.json(),
            _ => {
                let form = [
                    ("token", text(&second, "refresh_token")),
                    ("client_id", "orders"),
                    ("client_secret", "orders-secret"),
                ];
                let revoked = server.browser().post_form("/oauth/revoke", &form).await;
                assert_eq!(revoked.status, 200, "{}", revoked.body);
            }
        }
        refused(&bring(&first).await, 400, "invalid_grant");
        for tokens in [&second, &last] {
            refused(&bring(tokens).await, 400, "invalid_grant");
            assert_eq!(server.userinfo(text(tokens, "access_token")).await.status, 401, "{how}");
        }
    }
}

#[tokio::test]
async fn k34_within_ten_seconds_any_number_get_the_same_successor() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let bring = async |tokens: &Value| server.refresh(text(tokens, "refresh_token"), &[]).await;
    for _ in 0..5 {
        let first = family(&server).await;
        let answers =
            futures_util::join!(bring(&first), bring(&first), bring(&first), bring(&first));
        let last = bring(&first).await;
        let all = [answers.0, answers.1, answers.2, answers.3, last];
        let successors: BTreeSet<String> = all
            .iter()
            .map(|page| {
                assert_eq!(page.status, 200, "{}", page.body);
                text(&page.json(), "refresh_token").to_owned()
            })
            .collect();
        assert_eq!(successors.len(), 1);
        assert_eq!(bring(&all[2].json()).await.status, 200, "it lives");
    }
}

#[tokio::test]
async fn c28_whoever_has_no_secret_gets_nothing_twice() {
    let server = TestServer::start().await;
    server
        .db
        .sql("UPDATE clients SET auth_method = 'none', kind = 'spa' WHERE id = 'orders'")
        .await;
    let alice = server.alice().await;
    let asked =
        [("scope", OFFLINE), ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let code = alice.code(&asked).await;
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", "orders"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let first = server.token(&exchange).await.json();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "orders"),
        ("refresh_token", text(&first, "refresh_token")),
    ];
    let second = server.token(&form).await;
    assert_eq!(second.status, 200, "{}", second.body);
    refused(&server.token(&form).await, 400, "invalid_grant");
    let second = second.json();
    assert_eq!(server.userinfo(text(&second, "access_token")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c29_c39_what_is_used_stays_used_after_a_restart() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let first = family(&server).await;
    let second = server.refresh(text(&first, "refresh_token"), &[]).await.json();
    let assertion = client_authentication::used_assertion(&server).await;
    server.db.advance("11 seconds").await;
    let after = Node::start(&server.db, &server.url).await;
    let browser = Browser::new(&after.url);
    for tokens in [&first, &second] {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "orders"),
            ("client_secret", "orders-secret"),
            ("refresh_token", text(tokens, "refresh_token")),
        ];
        refused(&browser.post_form("/oauth/token", &form).await, 400, "invalid_grant");
    }
    refused(&client_authentication::assert_at(&after.url, &assertion).await, 401, "invalid_client");
}

#[tokio::test]
async fn c30_a_stolen_refresh_token_is_of_no_use_to_others() {
    let server = TestServer::start().await;
    let tokens = family(&server).await;
    let token = text(&tokens, "refresh_token");
    let bring = |more: &[(&'static str, &'static str)]| {
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        form.extend(more);
        let server = &server;
        async move { server.token(&form).await }
    };
    refused(&bring(&[]).await, 401, "invalid_client");
    refused(&bring(&[("client_id", "orders")]).await, 401, "invalid_client");
    let wrong = [("client_id", "orders"), ("client_secret", "wrong")];
    refused(&bring(&wrong).await, 401, "invalid_client");
    refused(&bring(&[("client_id", "spa")]).await, 400, "invalid_grant");
    let other = [("client_id", "invoices"), ("client_secret", "invoices-secret")];
    refused(&bring(&other).await, 400, "invalid_grant");
    assert_eq!(server.refresh(token, &[]).await.status, 200, "its owner is not hurt");
}

#[tokio::test]
async fn c31_a_scope_never_grows() {
    let server = TestServer::start().await;
    let tokens = family(&server).await;
    let token = text(&tokens, "refresh_token");
    for wider in ["openid profile email offline_access", "orders:read", "openid admin"] {
        refused(&server.refresh(token, &[("scope", wider)]).await, 400, "invalid_scope");
    }
    let narrow = server.refresh(token, &[("scope", "openid")]).await.json();
    assert_eq!(narrow["scope"], "openid");
    assert_eq!(server.userinfo(text(&narrow, "access_token")).await.json().get("name"), None);
    // What was granted is still the family's.
    let again =
        server.refresh(text(&narrow, "refresh_token"), &[("scope", "openid profile")]).await;
    assert_eq!(again.status, 200, "{}", again.body);
}

#[tokio::test]
async fn c32_whatever_ends_the_sign_in_ends_its_refresh_tokens() {
    for change in [
        "UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'",
        "UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'",
        "UPDATE sessions SET ended_at = clock_now()",
        "DELETE FROM sessions",
        "DELETE FROM users WHERE id = 'usr_alice'",
    ] {
        let server = TestServer::start().await;
        let tokens = family(&server).await;
        server.db.sql(change).await;
        let answer = server.refresh(text(&tokens, "refresh_token"), &[]).await;
        refused(&answer, 400, "invalid_grant");
        assert_eq!(server.userinfo(text(&tokens, "access_token")).await.status, 401, "{change}");
    }
}

#[tokio::test]
async fn c32_signing_out_ends_the_refresh_tokens() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let tokens = server.tokens_for(&alice, OFFLINE).await;
    let page = alice.open("/logout").await;
    let csrf = page.field("csrf").unwrap();
    assert_eq!(alice.post_form("/logout", &[("csrf", &csrf)]).await.status, 303);
    let answer = server.refresh(text(&tokens, "refresh_token"), &[]).await;
    refused(&answer, 400, "invalid_grant");
}

#[tokio::test]
async fn c32_a_new_password_ends_the_refresh_tokens() {
    let server = TestServer::start().await;
    let tokens = family(&server).await;
    let file = "version: 1\norganizations:\n  - {id: org_acme, name: Acme}\nusers:\n  - {id: usr_alice, \
                email: alice@acme.test, name: Alice Chen, password: another-password, password_reset: true, organization: org_acme}\n";
    let ctx = server.parts.context(1).unwrap();
    let file = provision::read(file, |_| None).unwrap();
    provision::apply(&ctx, &file, DryRun::No, Prune::No).await.unwrap();
    let answer = server.refresh(text(&tokens, "refresh_token"), &[]).await;
    refused(&answer, 400, "invalid_grant");
    assert_eq!(server.userinfo(text(&tokens, "access_token")).await.status, 401);
}

#[tokio::test]
async fn c32_a_withdrawn_consent_ends_the_refresh_tokens() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let path = authorize(&[
        ("client_id", "stranger"),
        ("redirect_uri", "http://127.0.0.1:9/stranger"),
        ("scope", OFFLINE),
    ]);
    let answer = consent::decide(&alice, &path, "allow").await;
    let code = answer.location_param("code").unwrap();
    let tokens = server.exchange("stranger", &code, "http://127.0.0.1:9/stranger").await.json();
    let refresh = |token: String| {
        let server = &server;
        async move {
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", "stranger"),
                ("client_secret", "stranger-secret"),
                ("refresh_token", token.as_str()),
            ];
            server.token(&form).await
        }
    };
    let next = refresh(text(&tokens, "refresh_token").to_owned()).await;
    assert_eq!(next.status, 200, "{}", next.body);
    server.db.sql("DELETE FROM consents").await;
    let answer = refresh(text(&next.json(), "refresh_token").to_owned()).await;
    refused(&answer, 400, "invalid_grant");
}

#[tokio::test]
async fn c32_a_disabled_application_gets_nothing_more() {
    let server = TestServer::start().await;
    let tokens = family(&server).await;
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'orders'").await;
    // An application is remembered for a second at most, by each node for itself.
    let fresh = Node::start(&server.db, &server.url).await;
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("refresh_token", text(&tokens, "refresh_token")),
    ];
    let browser = Browser::new(&fresh.url);
    refused(&browser.post_form("/oauth/token", &form).await, 401, "invalid_client");
    let request = browser.request(reqwest::Method::GET, "/userinfo");
    let request = request.bearer_auth(text(&tokens, "access_token"));
    assert_eq!(browser.send(request).await.status, 401);
}

#[tokio::test]
async fn c33_an_access_token_is_no_refresh_token_nor_the_other_way_round() {
    let server = TestServer::start().await;
    let tokens = family(&server).await;
    for other in ["access_token", "id_token"] {
        refused(&server.refresh(text(&tokens, other), &[]).await, 400, "invalid_grant");
    }
    let refresh = text(&tokens, "refresh_token");
    assert_eq!(server.userinfo(refresh).await.status, 401);
    refused(&server.redeem(refresh).await, 400, "invalid_grant");
    assert_eq!(server.refresh(refresh, &[]).await.status, 200);
}

#[tokio::test]
async fn c34_a_family_ends_however_much_it_is_used() {
    let server = TestServer::start().await;
    let mut tokens = family(&server).await;
    for _ in 0..29 {
        server.db.advance("1 day").await;
        let answer = server.refresh(text(&tokens, "refresh_token"), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        tokens = answer.json();
        // The session behind it was over long ago; cleaning up takes nothing that is still used.
        let ctx = server.parts.context(1).unwrap();
        housekeeping::delete_expired(&ctx, ScanWindow::Recent).await.unwrap();
    }
    server.db.advance("1 day").await;
    refused(&server.refresh(text(&tokens, "refresh_token"), &[]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn c34_a_refresh_token_that_nobody_uses_ends_sooner() {
    let server = TestServer::start().await;
    let tokens = family(&server).await;
    server.db.advance("15 days").await;
    refused(&server.refresh(text(&tokens, "refresh_token"), &[]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn an_impersonation_has_no_refresh_token() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    let path = authorize(&[
        ("client_id", "portal"),
        ("redirect_uri", "http://127.0.0.1:9/portal"),
        ("scope", OFFLINE),
    ]);
    let code = sam.get(&path).await.location_param("code").unwrap();
    let tokens = server.exchange("portal", &code, "http://127.0.0.1:9/portal").await.json();
    assert_eq!(tokens.get("refresh_token"), None);
    assert!(!text(&tokens, "scope").contains("offline_access"));
}
