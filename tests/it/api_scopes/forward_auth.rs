//! A proxy's question lets through what was made for the API behind it.
use super::{ALL, change, lists, token};
use crate::box_::people::{cora, get, token_at};
use crate::support::{Page, TestServer};

const FILES: &str = "https%3A%2F%2Ffiles.test%2Fapi";

async fn status(server: &TestServer, path: &str, token: &str) -> u16 {
    get(server, path, token, &[]).await.status
}

/// The printed instance, and every other application's bare sign-in.
#[tokio::test]
async fn k05_a_sign_in_token_is_good_for_no_api_behind_a_proxy() {
    let server = TestServer::start().await;
    for (client, user) in [
        ("stranger", "usr_sam"),
        ("orders", "usr_sam"),
        ("spa", "usr_alice"),
        ("native", "usr_alice"),
        ("global", ""),
    ] {
        let scope = "openid profile email phone offline_access";
        let token = token(&server, client, user, scope).await;
        for path in [
            "/forward-auth",
            "/forward-auth/x",
            "/forward-auth/x?scope=openid",
            "/forward-auth?scope=openid",
            "/forward-auth?scope=openid+profile",
            "/forward-auth-for/scope=openid/x",
            "/forward-auth?scope=root_readwrite",
        ] {
            let page = get(&server, path, &token, &[("x-original-method", "POST")]).await;
            assert_eq!(page.status, 403, "{client} {path}: {page:?}");
            assert!(page.header("x-auth-subject").is_none());
            let challenge = page.header("www-authenticate").unwrap();
            assert!(challenge.contains("error=\"insufficient_scope\", scope=\""), "{challenge}");
        }
        let refused = format!(
            "SELECT count(*) FROM audit_events WHERE type = 'api.refused' AND client_id = '{client}'"
        );
        assert_eq!(server.db.count(&refused).await, 7);
    }
}

#[tokio::test]
async fn k05_the_proxy_names_scopes_and_all_of_them_are_needed_of_an_application_that_lists_them() {
    let server = TestServer::start().await;
    let both = token(&server, "desk", "usr_cora", "openid files:read files:write").await;
    let one = token(&server, "desk", "usr_cora", "openid files:read").await;
    for (path, expected) in [
        ("/forward-auth?scope=files%3Aread", [200, 200]),
        ("/forward-auth?scope=files%3Aread+files%3Awrite", [200, 403]),
        ("/forward-auth?scope=files%3Awrite", [200, 403]),
        ("/forward-auth?scope=files%3Aread+openid", [403, 403]),
        ("/forward-auth?scope=crm%3Aread", [403, 403]),
        ("/forward-auth?scope=FILES%3AREAD", [403, 403]),
        ("/forward-auth-for/scope=files%3Awrite/any/path?scope=files%3Aread", [200, 403]),
    ] {
        assert_eq!(
            [status(&server, path, &both).await, status(&server, path, &one).await],
            expected,
            "{path}"
        );
    }
    // A token that carries it, of an application that does not list it (any more).
    let other = token(&server, "orders", "usr_cora", "openid files:read").await;
    assert_eq!(status(&server, "/forward-auth?scope=files%3Aread", &other).await, 403);
    change(&server, "UPDATE clients SET scopes = '{}' WHERE id = 'desk'").await;
    assert_eq!(status(&server, "/forward-auth?scope=files%3Aread", &one).await, 403);
}

#[tokio::test]
async fn k05_without_a_word_of_the_proxy_it_is_the_scope_of_our_own() {
    let server = TestServer::start().await;
    let desk = token(&server, "desk", "usr_cora", "openid forward-auth").await;
    assert_eq!(status(&server, "/forward-auth", &desk).await, 200);
    assert_eq!(status(&server, "/forward-auth?scope=files%3Aread", &desk).await, 403);
    let machine = token(&server, "machine", "", "jobs:run forward-auth").await;
    assert_eq!(status(&server, "/forward-auth", &machine).await, 403, "it does not list it");
    lists(&server, "machine", "forward-auth").await;
    assert_eq!(status(&server, "/forward-auth", &machine).await, 200);
}

#[tokio::test]
async fn k05_an_audience_takes_tokens_for_it_and_no_others() {
    let server = TestServer::start().await;
    let more = format!("&scope=openid%20files%3Aread&audience={FILES}");
    let jwt = token_at(&server, "cora@acme.test", "desk", &more).await;
    let opaque = token(&server, "desk", "usr_cora", &format!("openid files:read {ALL}")).await;
    for (path, expected) in [
        (format!("/forward-auth?audience={FILES}"), [200, 401]),
        (format!("/forward-auth?audience={FILES}&scope=files%3Aread"), [200, 401]),
        (format!("/forward-auth?audience={FILES}&scope=files%3Awrite"), [403, 401]),
        ("/forward-auth?audience=https%3A%2F%2Fother.test%2Fapi".to_owned(), [401, 401]),
        (format!("/forward-auth?audience={FILES}%2F"), [401, 401]),
        (format!("/forward-auth-for/audience={FILES}/x"), [200, 401]),
        ("/forward-auth".to_owned(), [401, 200]),
        ("/forward-auth?scope=files%3Aread".to_owned(), [401, 200]),
        // A token for the API that `X-Auth-Token` is for is meant for it.
        (format!("/forward-auth?token={FILES}"), [200, 200]),
    ] {
        let got = [status(&server, &path, &jwt).await, status(&server, &path, &opaque).await];
        assert_eq!(got, expected, "{path}");
    }
}

#[tokio::test]
async fn k05_a_third_party_gets_nowhere_whatever_its_row_and_its_token_say() {
    let server = TestServer::start().await;
    lists(&server, "stranger", ALL).await;
    change(
        &server,
        "UPDATE clients SET audiences = '{https://files.test/api}' WHERE id = 'stranger'",
    )
    .await;
    let opaque =
        token(&server, "stranger", "usr_alice", &format!("openid orders:read {ALL}")).await;
    for path in
        ["/forward-auth", "/forward-auth?scope=orders%3Aread", "/forward-auth?scope=forward-auth"]
    {
        assert_eq!(status(&server, path, &opaque).await, 403, "{path}");
    }
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "stranger"),
        ("client_secret", "stranger-secret"),
        ("audience", "https://files.test/api"),
    ];
    change(
        &server,
        "UPDATE clients SET grant_types = '{client_credentials}' WHERE id = 'stranger'",
    )
    .await;
    let jwt = server.browser().post_form("/oauth/token", &form).await.json();
    let path = format!("/forward-auth?audience={FILES}");
    assert_eq!(status(&server, &path, jwt["access_token"].as_str().unwrap()).await, 403);
}

/// Envoy asks with the path and the query of the client: neither is taken for what the proxy asks for.
#[tokio::test]
async fn k05_nothing_that_a_client_sends_sets_what_the_proxy_asks_for() {
    let server = TestServer::start().await;
    let weak = token(&server, "machine", "", "jobs:run").await;
    for path in [
        "/forward-auth/x?scope=jobs%3Arun",
        "/forward-auth/scope=jobs%3Arun/x",
        "/forward-auth/?scope=jobs%3Arun",
        "/forward-auth-for/scope=root_readwrite/x?scope=jobs%3Arun",
        "/forward-auth-for/scope=root_readwrite/scope=jobs%3Arun",
        "/forward-auth-for/scope=root_readwrite//forward-auth-for/scope=jobs%3Arun/",
        "/forward-auth-for/scope=root_readwrite&scope=jobs%3Arun/x",
        "/forward-auth-for/",
        "/forward-auth-for/x?scope=jobs%3Arun",
        "/forward-auth-for//scope=jobs%3Arun",
    ] {
        assert_eq!(status(&server, path, &weak).await, 403, "{path}");
    }
    let path = "/forward-auth-for/scope=jobs%3Arun/2.0/folders/0";
    assert_eq!(status(&server, path, &weak).await, 200);
    // Who acts is written down with the client's own path.
    let cora = cora(&server).await;
    let path = "/forward-auth-for/scope=files%3Aread/2.0/folders/0";
    assert_eq!(get(&server, path, &cora, &[("as-user", "usr_alice")]).await.status, 200);
    let said =
        "SELECT detail ->> 'request' FROM audit_events WHERE type = 'impersonation.api_call'";
    assert_eq!(server.db.text(said).await, "GET /2.0/folders/0");
}

/// A refused bearer begins no impersonation.
#[tokio::test]
async fn k05_nobody_is_acted_as_with_a_token_that_was_made_for_something_else() {
    let server = TestServer::start().await;
    let cora = token(&server, "desk", "usr_cora", "openid").await;
    let page = get(&server, "/forward-auth", &cora, &[("as-user", "usr_alice")]).await;
    assert_eq!(page.status, 403);
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
}

async fn read_only(server: &TestServer) -> String {
    change(server, "UPDATE clients SET read_only = true WHERE id = 'legacy'").await;
    let body = serde_json::json!({
        "protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy", "mode": "read_only",
        "additionalParameters": {"scope": "openid crm:read"},
    });
    let link = server.ask("usr_alice", body).await.body;
    let opened = server.browser().get(link.strip_prefix(&server.url).unwrap()).await;
    let code = opened.location_param("code").unwrap();
    let answer = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn reads(server: &TestServer, token: &str, header: (&str, &str)) -> Page {
    let path = "/forward-auth?scope=crm%3Aread";
    get(server, path, token, &[("x-original-method", "GET"), header]).await
}

#[tokio::test]
async fn k22_read_only_is_left_by_no_spelling_and_by_no_other_protocol() {
    let server = TestServer::start().await;
    let token = read_only(&server).await;
    assert_eq!(reads(&server, &token, ("accept", "*/*")).await.status, 200);
    let ways = [
        ("x-http-method-override", "DELETE"),
        ("X_HTTP_Method_Override", "DELETE"),
        ("x-http_method-override", "DELETE"),
        ("x.http.method.override", "DELETE"),
        ("x-http-method", "PUT"),
        ("x_method_override", "PATCH"),
        ("x-http-verb", "PUT"),
        ("x_forwarded_method", "DELETE"),
        ("x-original_method", "POST"),
        ("upgrade", "websocket"),
        ("upgrade", "h2c"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec_websocket_version", "13"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("x-forwarded-proto", "wss"),
        ("sec-fetch-mode", "websocket"),
        ("x-original-uri", "/a?_method=DELETE"),
        ("x-original-uri", "/a?x-http-method-override=DELETE"),
    ];
    for way in ways {
        let page = reads(&server, &token, way).await;
        assert_eq!(
            (page.status, page.json()["error"].as_str()),
            (403, Some("access_denied")),
            "{way:?}: {page:?}"
        );
        assert_eq!(page.header("x-auth-subject"), None);
    }
    let blocked = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.action_blocked'";
    assert_eq!(server.db.count(blocked).await, i64::try_from(ways.len()).unwrap());
}

/// The headers that name a user, in a spelling that an API may read as them.
#[tokio::test]
async fn k22_a_user_is_named_in_one_spelling_only() {
    let server = TestServer::start().await;
    let cora = cora(&server).await;
    for name in
        ["as_user", "AS_USER", "as.user", "on_behalf_of", "on-behalf_of", "on.behalf.of", "as~user"]
    {
        let page = get(&server, "/forward-auth", &cora, &[(name, "usr_alice")]).await;
        assert_eq!(page.status, 403, "{name}: {page:?}");
        let page = get(&server, "/userinfo", &cora, &[(name, "usr_alice")]).await;
        assert_eq!(page.status, 400, "{name}: {page:?}");
    }
    for name in ["x_auth_subject", "x.auth.subject", "x-impersonation_id"] {
        let page = get(&server, "/forward-auth", &cora, &[(name, "usr_alice")]).await;
        assert_eq!(page.status, 403, "{name}: {page:?}");
    }
}

/// Which application called is known from its token, whatever else the call says of itself.
#[tokio::test]
async fn k05_the_application_in_the_trail_is_that_of_the_bearer_and_nothing_that_the_caller_claims()
{
    let server = TestServer::start().await;
    let claims = [
        ("x-auth-client", "global"),
        ("x-client-id", "global"),
        ("client-id", "global"),
        ("bearer-client-id", "global"),
        ("x-bearer-client-id", "global"),
        ("cookie", "client_id=global; bearer_client_id=global"),
    ];
    let desk = token(&server, "desk", "usr_cora", "openid").await;
    for path in [
        "/forward-auth",
        "/forward-auth/x?client_id=global",
        "/forward-auth-for/scope=files%3Aread/x?client_id=global",
    ] {
        let page = get(&server, path, &desk, &claims).await;
        assert_eq!(page.status, 403, "{path}: {page:?}");
    }
    let named = "SELECT coalesce(string_agg(DISTINCT concat_ws(' ', type, client_id, detail ->> 'bearer_client_id'), '; '), '-') \
        FROM audit_events WHERE type = 'api.refused'";
    assert_eq!(server.db.text(named).await, "api.refused desk desk");
    // One that is let through says its own application to the API, and as whom it acts is written down with it.
    let good = cora(&server).await;
    let page =
        get(&server, "/forward-auth", &good, &[&claims[..], &[("as-user", "usr_alice")]].concat())
            .await;
    assert_eq!((page.status, page.header("x-auth-client")), (200, Some("desk")), "{page:?}");
    let acted = "SELECT string_agg(DISTINCT concat_ws(' ', client_id, detail ->> 'bearer_client_id'), '; ') \
        FROM audit_events WHERE impersonation_id IS NOT NULL";
    assert_eq!(server.db.text(acted).await, "desk");
    // Without a token that is good there is no application, and none is made up.
    for bearer in ["nothing", "global"] {
        assert_eq!(get(&server, "/forward-auth", bearer, &claims).await.status, 401);
    }
    let made_up =
        "SELECT count(*) FROM audit_events WHERE detail ->> 'bearer_client_id' = 'global'";
    assert_eq!(server.db.count(made_up).await, 0);
}
