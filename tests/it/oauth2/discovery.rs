//! What the server says of itself, and the keys it signs with.
use super::*;
use std::collections::HashSet;
use understudy::domain::caller::Caller;

const PLACES: [&str; 2] =
    ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

const GRANTS: &[&str] = &[
    "authorization_code",
    "client_credentials",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];

#[tokio::test]
async fn c94_both_documents_say_what_is_true() {
    let server = TestServer::start().await;
    let browser = server.browser();
    for place in PLACES {
        let answer = browser.get(place).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").unwrap().starts_with("application/json"));
        let document = answer.json();
        assert_eq!(document["issuer"], server.url.as_str());
        for name in [
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "introspection_endpoint",
            "revocation_endpoint",
            "end_session_endpoint",
        ] {
            let url = text(&document, name);
            assert!(url.starts_with(&format!("{}/", server.url)), "{name}: {url}");
            assert_ne!(browser.get(url).await.status, 404, "{name}");
        }
        let list = |name: &str| -> HashSet<String> {
            let values = document[name].as_array().unwrap_or_else(|| panic!("no {name}"));
            values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
        };
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(list("code_challenge_methods_supported"), set(&["S256"]));
        assert_eq!(list("response_types_supported"), set(&["code"]));
        assert_eq!(list("response_modes_supported"), set(&["query", "fragment", "form_post"]));
        assert_eq!(list("grant_types_supported"), set(GRANTS));
        assert_eq!(
            list("token_endpoint_auth_methods_supported"),
            set(&["client_secret_basic", "client_secret_post", "private_key_jwt", "none"])
        );
        assert_eq!(
            list("id_token_signing_alg_values_supported"),
            set(&["RS256", "ES256", "EdDSA"])
        );
        assert!(list("scopes_supported").contains("openid"));
        assert_eq!(list("subject_types_supported"), set(&["public"]));
        assert!(!list("introspection_endpoint_auth_methods_supported").contains("none"), "C66");
        for (name, value) in [
            ("authorization_response_iss_parameter_supported", true),
            ("backchannel_logout_supported", true),
            ("backchannel_logout_session_supported", true),
            ("claims_parameter_supported", false),
            ("request_parameter_supported", false),
            ("request_uri_parameter_supported", false),
        ] {
            assert_eq!(document[name], value, "{name}");
        }
        assert_eq!(document.get("registration_endpoint"), None);
    }
}

#[tokio::test]
async fn c94_every_key_is_public_named_and_of_its_kind() {
    let server = TestServer::start().await;
    let answer = server.browser().get("/.well-known/jwks.json").await;
    assert!(answer.header("content-type").unwrap().contains("json"));
    let body = answer.json();
    let keys = body["keys"].as_array().unwrap();
    let kids: HashSet<_> = keys.iter().map(|key| text(key, "kid")).collect();
    assert_eq!(kids.len(), keys.len());
    let algorithms: HashSet<_> = keys.iter().map(|key| text(key, "alg")).collect();
    assert_eq!(algorithms, HashSet::from(["RS256", "ES256", "EdDSA"]));
    for key in keys {
        assert_eq!(key["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert_eq!(key.get(private), None);
        }
    }
}

#[tokio::test]
async fn c97_a_rotated_key_still_verifies_what_it_signed() {
    let server = TestServer::start().await;
    let code = server.alice().await.code(&[("audience", "https://orders.test/api")]).await;
    let old = server.redeem(&code).await.json();
    let ctx = server.parts.context(1).unwrap();
    let mut conn = ctx.store.conn().await.unwrap();
    let keys = &server.parts.shared.keys;
    understudy::flows::operations::rotate_keys::rotate(&mut conn, keys, (None, &Caller::default()))
        .await
        .unwrap();
    keys.reload(&conn).await.unwrap();
    let token = text(&old, "access_token");
    assert_eq!(server.introspect(token).await.json()["active"], true);
    let published = server.browser().get("/.well-known/jwks.json").await.body;
    let kid = jwt::header(token)["kid"].as_str().unwrap().to_owned();
    assert!(published.contains(&kid));
    let code = server.alice().await.code(&[("audience", "https://orders.test/api")]).await;
    let new = server.redeem(&code).await.json();
    let token = text(&new, "access_token");
    assert_ne!(jwt::header(token)["kid"].as_str(), Some(kid.as_str()));
    assert!(published.contains(jwt::header(token)["kid"].as_str().unwrap()));
}

#[tokio::test]
async fn discovery_and_keys_are_read_only_and_for_every_origin() {
    let server = TestServer::start().await;
    let browser = server.browser();
    for place in PLACES.into_iter().chain(["/.well-known/jwks.json"]) {
        let request =
            browser.request(reqwest::Method::GET, place).header("origin", "https://any.test");
        let answer = browser.send(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(browser.post_form(place, &[]).await.status, 405);
    }
}
