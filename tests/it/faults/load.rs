//! Mixed requests, all the time, of which every answer is judged: right, or 503.
use crate::support::{Browser, Page, TestServer};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Nobody waits longer for an answer, whatever is broken.
pub const LONGEST: Duration = Duration::from_millis(5500);

/// What is valid all the time, whatever the database does.
pub struct Facts {
    pub global: String,
    pub impersonated: String,
    pub ordinary: String,
    pub refresh: String,
    /// Alice, signed in for herself.
    pub alice: Browser,
    /// Nobody's: keeps no cookie.
    nobody: Browser,
}

pub const AUTHORIZE: &str = "/authorize?response_type=code&client_id=orders&scope=openid+offline_access&prompt=none\
    &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";

impl Facts {
    pub async fn gather(server: &TestServer) -> Self {
        let impersonated = server.impersonated_tokens().await;
        let alice = server.browser();
        alice.sign_in("alice@acme.test", "alice-password").await;
        // A third party is asked about; `orders` is one of ours, and gives a refresh token when asked.
        let code = alice.get(AUTHORIZE).await.location_param("code").unwrap();
        let own = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            global: server.global_token().await,
            impersonated: text(&impersonated["access_token"]),
            ordinary: text(&own["access_token"]),
            refresh: text(&own["refresh_token"]),
            alice,
            nobody: Browser::bare(&server.url),
        }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.nobody.request(Method::GET, path)
    }

    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.nobody.request(Method::POST, path).form(form)
    }

    pub fn introspect(&self) -> RequestBuilder {
        let token = self.impersonated.as_str();
        let form =
            [("token", token), ("client_id", "checker"), ("client_secret", "checker-secret")];
        self.post("/oauth/introspect", &form)
    }

    pub fn userinfo(&self, token: &str) -> RequestBuilder {
        self.get("/userinfo").bearer_auth(token)
    }

    pub fn token(&self) -> RequestBuilder {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "machine"),
            ("client_secret", "machine-secret"),
        ];
        self.post("/oauth/token", &form)
    }

    pub fn impersonate(&self) -> RequestBuilder {
        let body =
            json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy"});
        let request = self.nobody.request(Method::POST, "/users/usr_alice/impersonate");
        request.bearer_auth(&self.global).json(&body)
    }

    pub fn exchange(&self, code: &str) -> RequestBuilder {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "legacy"),
            ("client_secret", "legacy-secret"),
            ("code", code),
            ("redirect_uri", "http://127.0.0.1:9/legacy"),
        ];
        self.post("/oauth/token", &form)
    }

    pub fn page(&self, path: &str) -> RequestBuilder {
        self.alice.request(Method::GET, path).header("accept", "text/html")
    }
}

/// `None`: the connection broke, which says nothing.
pub async fn ask(request: RequestBuilder) -> Option<Page> {
    let answer = request.send().await.ok()?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Some(Page { status, headers, body: answer.text().await.ok()? })
}

pub fn is_unavailable(page: &Page) -> bool {
    page.status == 503 && page.header("retry-after").is_some()
}

/// The kinds of requests, by turns.
const KINDS: [&str; 9] = [
    "token",
    "introspect",
    "userinfo",
    "own userinfo",
    "session",
    "authorize",
    "link",
    "jwks",
    "discovery",
];

#[derive(Default)]
pub struct Load {
    enough: AtomicBool,
    good: Mutex<BTreeMap<&'static str, usize>>,
    unavailable: Mutex<usize>,
    wrong: Mutex<Vec<String>>,
}

impl Load {
    pub fn stop(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    pub fn unavailable(&self) -> usize {
        *self.unavailable.lock().unwrap()
    }

    /// How often the kind that has worked least often has worked.
    pub fn worked(&self) -> usize {
        let good = self.good.lock().unwrap();
        KINDS.iter().map(|kind| good.get(kind).copied().unwrap_or_default()).min().unwrap()
    }

    #[track_caller]
    pub fn nothing_was_wrong(&self) {
        let wrong = self.wrong.lock().unwrap();
        assert!(
            wrong.is_empty(),
            "{} wrong answers, such as\n{}",
            wrong.len(),
            wrong[..wrong.len().min(5)].join("\n")
        );
    }

    /// One of several, each of which begins at another kind.
    pub async fn run(&self, facts: &Facts, first: usize) {
        for kind in KINDS.iter().cycle().skip(first) {
            if self.enough.load(Ordering::Relaxed) {
                return;
            }
            self.one(facts, kind).await;
        }
    }

    async fn one(&self, facts: &Facts, kind: &'static str) {
        match kind {
            "token" => {
                self.judge(kind, facts.token(), |p| p.json()["access_token"].is_string()).await
            }
            "introspect" => {
                self.judge(kind, facts.introspect(), |p| p.json()["active"] == true).await
            }
            "userinfo" => {
                let request = facts.userinfo(&facts.impersonated);
                self.judge(kind, request, |p| p.json()["impersonated"] == true).await
            }
            "own userinfo" => {
                let request = facts.userinfo(&facts.ordinary);
                self.judge(kind, request, |p| p.json()["sub"] == "usr_alice").await
            }
            "session" => {
                let request = facts.page("/account");
                self.judge(kind, request, |p| p.status == 200 && p.body.contains("Alice Chen"))
                    .await
            }
            "authorize" => {
                let request = facts.alice.request(Method::GET, AUTHORIZE);
                self.judge(kind, request, |p| p.status == 302 && p.location_param("code").is_some())
                    .await
            }
            "jwks" => self.always(kind, facts, "/.well-known/jwks.json").await,
            "discovery" => self.always(kind, facts, "/.well-known/openid-configuration").await,
            _ => return self.link(facts).await,
        };
    }

    /// From memory: good in an outage too.
    async fn always(&self, kind: &'static str, facts: &Facts, path: &str) -> Option<Page> {
        let page = self.timed(kind, facts.get(path)).await?;
        self.note(kind, page.status == 200, &page);
        Some(page)
    }

    /// Asks for a link, opens it, exchanges its code; an attempt that broke off may be tried again.
    async fn link(&self, facts: &Facts) {
        let Some(made) = self.judge("link", facts.impersonate(), |p| p.status == 200).await else {
            return;
        };
        if made.status != 200 {
            return;
        }
        let open = || facts.get(&made.body);
        let Some(code) = self.open(open).await else { return };
        self.judge("exchange", facts.exchange(&code), |p| p.json()["access_token"].is_string())
            .await;
    }

    async fn open(&self, open: impl Fn() -> RequestBuilder) -> Option<String> {
        let mut first = true;
        while !self.enough.load(Ordering::Relaxed) {
            let page = self.timed("open", open()).await;
            match page {
                Some(page) if page.status == 302 => return page.location_param("code"),
                // It was redeemed, and the answer got lost.
                Some(page) if page.status == 403 && !first => {
                    self.note("open again", page.body.contains("already used"), &page);
                    return None;
                }
                Some(page) if !is_unavailable(&page) => {
                    self.note("open", false, &page);
                    return None;
                }
                Some(_) => self.count_unavailable(),
                None => {}
            }
            first = false;
        }
        None
    }

    async fn judge(
        &self,
        kind: &'static str,
        request: RequestBuilder,
        is_right: impl Fn(&Page) -> bool,
    ) -> Option<Page> {
        let page = self.timed(kind, request).await?;
        if is_unavailable(&page) {
            self.count_unavailable();
        } else {
            // Only what succeeded is looked into: a refusal of what is valid is wrong.
            let right = matches!(page.status, 200 | 302) && is_right(&page);
            self.note(kind, right, &page);
        }
        Some(page)
    }

    async fn timed(&self, kind: &str, request: RequestBuilder) -> Option<Page> {
        let begun = Instant::now();
        let page = ask(request).await;
        if begun.elapsed() > LONGEST {
            let text = format!("{kind} took {:?}: {page:?}", begun.elapsed());
            self.wrong.lock().unwrap().push(text);
        }
        page
    }

    fn count_unavailable(&self) {
        *self.unavailable.lock().unwrap() += 1;
    }

    fn note(&self, kind: &'static str, right: bool, page: &Page) {
        if right {
            *self.good.lock().unwrap().entry(kind).or_default() += 1;
        } else {
            self.wrong.lock().unwrap().push(format!("{kind}: {page:?}"));
        }
    }
}
