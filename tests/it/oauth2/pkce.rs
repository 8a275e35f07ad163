//! The proof that whoever brings a code also asked for it (RFC 7636).
use super::*;

const SPA: &str = "http://127.0.0.1:9/spa";

fn of_spa(more: &Pairs<'_>) -> String {
    let mut all = vec![("client_id", "spa"), ("redirect_uri", SPA)];
    all.extend(more);
    authorize(&all)
}

async fn spa_brings(server: &TestServer, code: &str, verifier: Option<&str>) -> Page {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", code),
        ("redirect_uri", SPA),
    ];
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    server.token(&form).await
}

#[tokio::test]
async fn a_public_application_signs_in_with_a_challenge() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let path = of_spa(&[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]);
    let code = alice.get(&path).await.location_param("code").unwrap();
    let answer = spa_brings(&server, &code, Some(VERIFIER)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["token_type"], "Bearer");
}

#[tokio::test]
async fn c13_a_public_application_does_not_go_without_a_challenge() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    hears(&alice.get(&of_spa(&[])).await, "invalid_request");
    hears(&alice.get(&of_spa(&[("code_challenge", "")])).await, "invalid_request");
    hears(&alice.get(&of_spa(&[("code_challenge_method", "S256")])).await, "invalid_request");
}

#[tokio::test]
async fn c14_only_s256_is_a_challenge() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for method in ["plain", "s256", "S512", "S256 ", "none"] {
        let more = [("code_challenge", CHALLENGE), ("code_challenge_method", method)];
        hears(&alice.get(&of_spa(&more)).await, "invalid_request");
        hears(&alice.get(&authorize(&more)).await, "invalid_request");
    }
    // Left out it means `plain` (RFC 7636 §4.3).
    hears(&alice.get(&of_spa(&[("code_challenge", CHALLENGE)])).await, "invalid_request");
    hears(&alice.get(&authorize(&[("code_challenge", CHALLENGE)])).await, "invalid_request");
    for challenge in
        ["x", &"a".repeat(42), &"a".repeat(44), &"a".repeat(129), "ü", &format!("{CHALLENGE}=")]
    {
        let more = [("code_challenge", challenge), ("code_challenge_method", "S256")];
        hears(&alice.get(&of_spa(&more)).await, "invalid_request");
    }
}

#[tokio::test]
async fn c15_without_its_verifier_a_code_is_burned() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let path = of_spa(&[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]);
    let other = "x".repeat(43);
    for wrong in [None, Some(other.as_str()), Some(CHALLENGE)] {
        let code = alice.get(&path).await.location_param("code").unwrap();
        refused(&spa_brings(&server, &code, wrong).await, 400, "invalid_grant");
        refused(&spa_brings(&server, &code, Some(VERIFIER)).await, 400, "invalid_grant");
    }
}

#[tokio::test]
async fn c15_the_same_for_a_confidential_application_that_used_a_challenge() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let challenge = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let code = alice.code(&challenge).await;
    refused(&server.redeem(&code).await, 400, "invalid_grant");
    refused(&server.redeem_with(&code, VERIFIER).await, 400, "invalid_grant");
    let code = alice.code(&challenge).await;
    assert_eq!(server.redeem_with(&code, VERIFIER).await.status, 200);
}

#[tokio::test]
async fn c16_a_verifier_without_a_challenge_is_a_challenge_that_was_taken_away() {
    let server = TestServer::start().await;
    let code = server.alice().await.code(&[]).await;
    refused(&server.redeem_with(&code, VERIFIER).await, 400, "invalid_grant");
    refused(&server.redeem(&code).await, 400, "invalid_grant");
}

#[tokio::test]
async fn c17_a_malformed_verifier_is_refused_quietly() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let path = of_spa(&[("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]);
    for verifier in
        ["", "x", &"a".repeat(42), &"a".repeat(129), &"ü".repeat(43), &" ".repeat(43), "\0"]
    {
        let code = alice.get(&path).await.location_param("code").unwrap();
        let answer = spa_brings(&server, &code, Some(verifier)).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(matches!(error.as_str(), "invalid_grant" | "invalid_request"), "{error}");
    }
}
