//! The Box-shaped channels: tokens by assertion, app users, and what is done with them.
//!
//! `box-app` may do everything in Acme, `box-small` works with its own app users only.
mod audit;
mod by_organization;
mod demo;
mod exchange;
mod forward_auth;
mod headers;
mod jwt_grant;
mod narrowing;
mod other_proxies;
pub mod people;
mod provisioning;
pub mod proxies;
mod proxy;
mod remembered;
mod sdk;
mod shapes;
mod users;

use crate::support::{Page, TestServer};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::{Method, RequestBuilder};
use ring::rand::SystemRandom;
use ring::signature::{self, RsaEncoding, RsaKeyPair};
use serde_json::{Value, json};

pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An application with the key that it signs with.
#[derive(Clone, Copy)]
pub struct App {
    pub id: &'static str,
    pub secret: &'static str,
    pub kid: &'static str,
    pem: &'static str,
}

pub const APP: App = App {
    id: "box-app",
    secret: "box-app-secret",
    kid: "key-1",
    pem: include_str!("keys/app.pem"),
};
pub const SMALL: App = App {
    id: "box-small",
    secret: "box-small-secret",
    kid: "key-2",
    pem: include_str!("keys/other.pem"),
};

impl App {
    /// Any header and any claims, signed with this application's key.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let padding: &dyn RsaEncoding = match header["alg"].as_str().unwrap_or_default() {
            "RS384" => &signature::RSA_PKCS1_SHA384,
            "RS512" => &signature::RSA_PKCS1_SHA512,
            "PS256" => &signature::RSA_PSS_SHA256,
            _ => &signature::RSA_PKCS1_SHA256,
        };
        let text: String = self.pem.lines().filter(|line| !line.starts_with('-')).collect();
        let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap();
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// As SDKs sign.
    pub fn assertion(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "RS256", "typ": "JWT", "kid": self.kid}), claims)
    }

    /// Right in every way.
    pub async fn claims(&self, server: &TestServer, kind: &str, subject: &str) -> Value {
        let now = server.db.count("SELECT extract(epoch FROM clock_now())::bigint").await;
        json!({
            "iss": self.id, "sub": subject, "box_sub_type": kind, "exp": now + 30,
            "aud": format!("{}/oauth2/token", server.url), "jti": understudy::crypto::random::secret(),
        })
    }

    pub async fn send(&self, server: &TestServer, assertion: &str) -> Page {
        let form = [
            ("grant_type", JWT_BEARER),
            ("client_id", self.id),
            ("client_secret", self.secret),
            ("assertion", assertion),
        ];
        server.browser().post_form("/oauth2/token", &form).await
    }

    pub async fn ask(&self, server: &TestServer, kind: &str, subject: &str) -> Page {
        let claims = self.claims(server, kind, subject).await;
        self.send(server, &self.assertion(&claims)).await
    }

    pub async fn token(&self, server: &TestServer, kind: &str, subject: &str) -> String {
        let answer = self.ask(server, kind, subject).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// For the service account in Acme.
    pub async fn enterprise_token(&self, server: &TestServer) -> String {
        self.token(server, "enterprise", "org_acme").await
    }

    /// An app user of this application in Acme, made by hand: the id.
    pub async fn app_user(&self, server: &TestServer, name: &str) -> String {
        let id = format!("usr_{}_{name}", self.id);
        let sql = format!(
            "INSERT INTO users (id, organization_id, kind, name, email, email_canonical, \
             created_by_client_id) VALUES ('{id}', 'org_acme', 'app_user', '{name}', \
             '{id}@appusers.invalid', '{id}@appusers.invalid', '{}')",
            self.id
        );
        server.db.sql(&sql).await;
        id
    }
}

pub async fn service_account(server: &TestServer, app: App) -> String {
    let sql = format!(
        "SELECT id FROM users WHERE kind = 'service_account' AND created_by_client_id = '{}'",
        app.id
    );
    server.db.text(&sql).await
}

/// A call with a bearer.
pub fn call(server: &TestServer, method: Method, path: &str, token: &str) -> RequestBuilder {
    server.browser().request(method, path).bearer_auth(token)
}

/// 400 with this error, and the claim that SDKs look for (`exp`, `jti`) exactly when it is at fault.
#[track_caller]
pub fn refused(answer: &Page, error: &str, part: &str) {
    assert_eq!(answer.status, 400, "{answer:?}");
    let said = answer.json();
    assert_eq!(said["error"], error, "{said}");
    let description = said["error_description"].as_str().unwrap();
    assert!(description.contains(part), "{description}");
    for claim in ["exp", "jti"] {
        let meant = part.contains(claim);
        assert_eq!(description.to_lowercase().contains(claim), meant, "{description}");
    }
    assert!(answer.header("date").is_some() && answer.header("cache-control") == Some("no-store"));
}
