//! One of each kind of caller.
use super::table::Line;
use crate::support::{Browser, Page, TestServer};
use reqwest::cookie::{CookieStore as _, Jar};
use reqwest::{Method, RequestBuilder};
use std::sync::Arc;

pub const KINDS: [&str; 8] = [
    "nobody",
    "user (browser)",
    "acting (browser)",
    "user (token)",
    "agent (token)",
    "acting (token)",
    "machine (token)",
    "global (token)",
];

pub enum Credential {
    None,
    Cookies(String),
    Token(String),
}

pub struct Callers {
    /// Keeps no cookie of its own.
    pub browser: Browser,
    credentials: [Credential; KINDS.len()],
    /// Impersonations to look at, and to end.
    seen: String,
    doomed: String,
}

impl Callers {
    pub async fn gather(server: &TestServer) -> Self {
        let alice = Own::sign_in(server, "alice").await;
        let sam = Own::sign_in(server, "sam").await;
        let acting = Own::sign_in(server, "sam").await;
        acting.act(server).await;
        let tokens = server.impersonated_tokens().await;
        server.impersonated_tokens().await;
        let ids = "SELECT id FROM impersonations WHERE client_id = 'legacy' ORDER BY created_at";
        let ids = server.db.rows(ids).await;
        let machine = server.client_token("machine", "machine-secret").await;
        Self {
            browser: Browser::bare(&server.url),
            credentials: [
                Credential::None,
                Credential::Cookies(alice.cookies()),
                Credential::Cookies(acting.cookies()),
                Credential::Token(alice.token(server).await),
                Credential::Token(sam.token(server).await),
                Credential::Token(tokens["access_token"].as_str().unwrap().to_owned()),
                Credential::Token(machine),
                Credential::Token(server.global_token().await),
            ],
            seen: ids[0].get(0),
            doomed: ids[1].get(0),
        }
    }

    /// The header by which this kind of caller is known.
    pub fn header(&self, nth: usize) -> Option<String> {
        match &self.credentials[nth] {
            Credential::None => None,
            Credential::Cookies(cookies) => Some(format!("cookie: {cookies}")),
            Credential::Token(token) => Some(format!("authorization: Bearer {token}")),
        }
    }

    /// As this kind of caller asks; a browser does not say yet where from.
    pub fn request(&self, nth: usize, line: &Line) -> RequestBuilder {
        let path = line.asked.replace("{seen}", &self.seen).replace("{doomed}", &self.doomed);
        let request = self.browser.request(line.method.parse::<Method>().unwrap(), &path);
        let request = match &self.credentials[nth] {
            Credential::None => request,
            Credential::Cookies(cookies) => {
                request.header("cookie", cookies).header("accept", "text/html")
            }
            Credential::Token(token) => request.bearer_auth(token),
        };
        match line.body {
            "" => request,
            body if body.starts_with('{') => {
                request.header("content-type", "application/json").body(body)
            }
            body => request.header("content-type", "application/x-www-form-urlencoded").body(body),
        }
    }

    pub async fn ask(&self, nth: usize, line: &Line) -> Page {
        let request = self.request(nth, line);
        let from_a_page = matches!(self.credentials[nth], Credential::Cookies(_));
        let request =
            if from_a_page { request.header("sec-fetch-site", "same-origin") } else { request };
        self.browser.send(request).await
    }
}

/// A browser whose cookies can be looked at.
struct Own {
    browser: Browser,
    jar: Arc<Jar>,
}

impl Own {
    async fn sign_in(server: &TestServer, name: &str) -> Self {
        let (browser, jar) = Browser::with_jar(&server.url);
        let domain = if name == "sam" { "understudy.test" } else { "acme.test" };
        let (email, password) = (format!("{name}@{domain}"), format!("{name}-password"));
        assert_eq!(browser.sign_in(&email, &password).await.status, 303);
        Self { browser, jar }
    }

    /// Sam begins to act as Alice, and keeps doing so.
    async fn act(&self, server: &TestServer) {
        let link = server.link("portal").await;
        let csrf = self.browser.open(&link).await.field("csrf").unwrap();
        assert_eq!(self.browser.post_form(&link, &[("csrf", &csrf)]).await.status, 303);
    }

    fn cookies(&self) -> String {
        let cookies = self.jar.cookies(&self.browser.url.parse().unwrap()).unwrap();
        cookies.to_str().unwrap().to_owned()
    }

    /// A token of this person, by an application of ours.
    async fn token(&self, server: &TestServer) -> String {
        let path = "/authorize?response_type=code&client_id=orders\
            &scope=openid%20impersonations%3Acreate%20impersonations%3Aread%20impersonations%3Aend%20forward-auth\
            &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
        let code = self.browser.get(path).await.location_param("code").unwrap();
        let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
        tokens["access_token"].as_str().unwrap().to_owned()
    }
}
