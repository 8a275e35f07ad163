//! People with tokens of their own, and calls in the name of others.
use crate::support::{Page, TestServer};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// What the 403 of a named user is, whoever they are; without its own id.
pub fn forbidden() -> Value {
    json!({
        "type": "error",
        "status": 403,
        "code": "access_denied_insufficient_permissions",
        "help_url": understudy::http::box_error::HELP_URL,
        "message": "Access denied - insufficient permission",
    })
}

/// The one refusal, in every word but the id of the request.
#[track_caller]
pub fn denied(page: &Page) {
    assert_eq!(page.status, 403, "{page:?}");
    let mut said = page.json();
    let id = said.as_object_mut().unwrap().remove("request_id").unwrap();
    assert_eq!(Some(id.as_str().unwrap()), page.header("x-request-id"));
    assert_eq!(said, forbidden());
    assert_eq!(page.header("x-impersonation-id"), None);
}

/// A token of somebody who signs in at `client`, opaque or for an API.
pub async fn token_at(server: &TestServer, email: &str, client: &str, more: &str) -> String {
    let name = email.split('@').next().unwrap();
    let browser = server.browser();
    assert_eq!(browser.sign_in(email, &format!("{name}-password")).await.status, 303, "{email}");
    let to = format!("http://127.0.0.1:9/{client}");
    let path = format!(
        "/authorize?response_type=code&client_id={client}&redirect_uri={}{more}",
        to.replace(':', "%3A").replace('/', "%2F"),
    );
    let code = browser.get(&path).await.location_param("code").unwrap();
    let answer = server.exchange(client, &code, &to).await;
    answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

const SCOPE: &str = "&scope=openid%20profile%20email%20files%3Aread%20root_readwrite%20forward-auth\
    %20impersonations%3Aread";

/// Cora manages the users of Acme.
pub async fn cora(server: &TestServer) -> String {
    token_at(server, "cora@acme.test", "desk", SCOPE).await
}

/// A token of somebody at the service desk.
pub async fn at_desk(server: &TestServer, email: &str) -> String {
    token_at(server, email, "desk", SCOPE).await
}

pub fn asking(server: &TestServer, path: &str, token: &str) -> RequestBuilder {
    server.browser().request(Method::GET, path).bearer_auth(token)
}

/// `GET path` with the bearer and these headers.
pub async fn get(server: &TestServer, path: &str, token: &str, headers: &[(&str, &str)]) -> Page {
    let request = asking(server, path, token);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    server.browser().send(request).await
}

/// Who `/userinfo` says the call was made as.
pub async fn userinfo_as(server: &TestServer, token: &str, subject: &str) -> Page {
    get(server, "/userinfo", token, &[("as-user", subject)]).await
}
