//! Who may learn what a token stands for.
use super::{change, token};
use crate::box_::people::token_at;
use crate::support::{Page, TestServer};

const NO: &str = r#"{"active":false}"#;

async fn asks(server: &TestServer, client: &str, token: &str, more: &[(&str, &str)]) -> Page {
    let secret = format!("{client}-secret");
    let form = [("token", token), ("client_id", client), ("client_secret", secret.as_str())];
    let form: Vec<_> = form.into_iter().chain(more.iter().copied()).collect();
    server.browser().post_form("/oauth/introspect", &form).await
}

async fn knows(server: &TestServer, client: &str, token: &str) -> bool {
    let page = asks(server, client, token, &[]).await;
    assert_eq!(page.status, 200, "{client}: {page:?}");
    let active = page.json()["active"] == true;
    assert!(active || page.body == NO, "{client}: nothing but a no: {page:?}");
    active
}

/// The printed instance: one machine asks about the token of another.
#[tokio::test]
async fn k24_a_token_for_an_api_is_known_to_its_owner_and_to_that_api() {
    let server = TestServer::start().await;
    let more = "&scope=openid&audience=https%3A%2F%2Ffiles.test%2Fapi";
    let jwt = token_at(&server, "cora@acme.test", "desk", more).await;
    for (client, expected) in [
        ("desk", true),
        ("checker", true),
        ("machine", false),
        ("orders", false),
        ("global", false),
        ("box-app", false),
    ] {
        assert_eq!(knows(&server, client, &jwt).await, expected, "{client}");
    }
    // The switch is about opaque tokens: an API is named or it is not.
    change(&server, "UPDATE clients SET introspect = true WHERE id IN ('machine', 'global')").await;
    assert!(!knows(&server, "machine", &jwt).await && !knows(&server, "global", &jwt).await);
    change(
        &server,
        "UPDATE clients SET audiences = '{https://files.test/api}' WHERE id = 'machine'",
    )
    .await;
    assert!(knows(&server, "machine", &jwt).await);
    change(
        &server,
        "UPDATE clients SET audiences = '{https://files.test/api/}' WHERE id = 'machine'",
    )
    .await;
    assert!(!knows(&server, "machine", &jwt).await, "another one");
}

#[tokio::test]
async fn k24_an_opaque_token_is_known_to_its_owner_and_to_whom_an_administrator_has_switched_it_on_for()
 {
    let server = TestServer::start().await;
    let own = token(&server, "orders", "usr_alice", "openid").await;
    let acted = server.impersonated_tokens().await;
    let acted = acted["access_token"].as_str().unwrap();
    for (token, owner) in [(own.as_str(), "orders"), (acted, "legacy")] {
        for client in ["orders", "legacy", "machine", "global", "desk", "box-app", "stranger"] {
            assert_eq!(knows(&server, client, token).await, client == owner, "{client}");
        }
        assert!(knows(&server, "checker", token).await);
    }
    change(&server, "UPDATE clients SET introspect = false WHERE id = 'checker'").await;
    assert!(!knows(&server, "checker", &own).await);
    // Of one organization: not about the people of another.
    change(
        &server,
        "UPDATE clients SET introspect = true, organization_id = 'org_globex' WHERE id = 'checker'",
    )
    .await;
    assert!(!knows(&server, "checker", &own).await);
    change(&server, "UPDATE clients SET organization_id = 'org_acme' WHERE id = 'checker'").await;
    assert!(knows(&server, "checker", &own).await);
}

/// Asking as whom a call is made acts as somebody, so it begins nothing for who may not ask.
#[tokio::test]
async fn k24_the_same_holds_where_a_user_is_named() {
    let server = TestServer::start().await;
    let cora = token(&server, "desk", "usr_cora", "openid").await;
    for client in ["machine", "global", "orders"] {
        let page = asks(&server, client, &cora, &[("as_user", "usr_alice")]).await;
        assert_eq!((page.status, page.body.as_str()), (200, NO), "{client}");
    }
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
    let said = asks(&server, "checker", &cora, &[("as_user", "usr_alice")]).await.json();
    assert_eq!((said["active"].as_bool(), said["sub"].as_str()), (Some(true), Some("usr_alice")));
}

#[tokio::test]
async fn k24_a_token_is_revoked_by_its_owner_alone() {
    let server = TestServer::start().await;
    let own = token(&server, "orders", "usr_alice", "openid").await;
    for client in ["checker", "machine", "global", "orders"] {
        let secret = format!("{client}-secret");
        let form =
            [("token", own.as_str()), ("client_id", client), ("client_secret", secret.as_str())];
        assert_eq!(
            server.browser().post_form("/oauth/revoke", &form).await.status,
            200,
            "{client}"
        );
        assert_eq!(knows(&server, "checker", &own).await, client != "orders", "{client}");
    }
}
