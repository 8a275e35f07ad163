//! What an impersonated session cannot change: everything that is the subject's own.
//!
//! Every route that changes something is called from an impersonated browser and with an impersonated token;
//! afterwards the tables say the same as before. A route that is added later is called too.
use crate::support::TestServer;
use crate::support::protocols::{Spoken, Story, each};
use reqwest::Method;
use serde_json::json;

/// Every route of ours that is not read only, and those that are often asked for elsewhere.
const ROUTES: &[(&str, &str)] = &[
    ("POST", "/login"),
    ("POST", "/consent"),
    ("POST", "/api/impersonations"),
    ("POST", "/api/impersonations/end-all"),
    ("POST", "/users/usr_alice/impersonate"),
    ("POST", "/oauth/token"),
    ("POST", "/account"),
    ("POST", "/account/password"),
    ("POST", "/account/email"),
    ("POST", "/account/factors"),
    ("POST", "/account/identities"),
    ("POST", "/oauth/register"),
    ("POST", "/device"),
    ("PUT", "/userinfo"),
    ("POST", "/userinfo"),
    ("PATCH", "/api/v2/users/usr_alice"),
    ("DELETE", "/api/v2/users/usr_alice"),
    ("POST", "/api/v2/clients"),
];

async fn table(server: &TestServer, name: &str) -> String {
    let sql =
        format!("SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM {name} t");
    server.db.text(&sql).await
}

/// Calls everything as Alice by Sam; `tables` stay as they are.
async fn stays(tables: &[&str]) {
    each(async |server| calls_everything(&server, tables).await).await;
}

/// By the cookies of that browser, and by a token where the protocol has any.
async fn calls_everything(server: &Story, tables: &[&str]) {
    let sam = server.sam_as_alice("portal").await;
    server.act_directly().await;
    let tokens = match server.by {
        Spoken::Oauth2 => Some(server.impersonated_tokens().await),
        Spoken::Samlp | Spoken::Wsfed | Spoken::WsfedRms => None,
    };
    let access = tokens.as_ref().map(|tokens| tokens["access_token"].as_str().unwrap());
    let mut before = Vec::new();
    for name in tables {
        before.push(table(server, name).await);
    }
    let body = json!({"password": "new-password", "email": "new@acme.test", "name": "New", "client_name": "New"});
    for (method, path) in ROUTES {
        let method: Method = method.parse().unwrap();
        let own = sam.request(method.clone(), path).header("sec-fetch-site", "same-origin");
        let answer = sam.send(own.json(&body)).await;
        assert!((300..500).contains(&answer.status), "{path}: {}", answer.status);
        let Some(access) = access else { continue };
        let by_token = server.browser();
        let request = by_token.request(method, path).bearer_auth(access).json(&body);
        let answer = by_token.send(request).await;
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
    for (name, before) in tables.iter().zip(before) {
        assert_eq!(table(server, name).await, before, "{name}");
    }
}

#[tokio::test]
async fn a28_the_password_of_the_subject_stays() {
    stays(&["credentials"]).await;
}

#[tokio::test]
async fn a29_the_addresses_of_the_subject_stay() {
    stays(&["users"]).await;
}

#[tokio::test]
async fn a31_what_is_linked_and_allowed_stays() {
    stays(&["user_roles", "consents"]).await;
}

#[tokio::test]
async fn a33_nothing_durable_is_made() {
    stays(&["clients", "client_secrets", "refresh_tokens", "signing_keys"]).await;
}
