//! What the program writes down, and what a thief of the database finds: no secret that was ever given out.
use crate::support::db::MASTER_KEY;
use crate::support::node::until;
use crate::support::{Browser, Node, Page, TestDb};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use reqwest::cookie::CookieStore as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A node that writes down as much as it can, and every secret that it gave or was given.
struct Story {
    db: TestDb,
    node: Node,
    secrets: BTreeMap<&'static str, String>,
}

const LEGACY: &str = "http://127.0.0.1:9/legacy";
const ORDERS: &str = "http://127.0.0.1:9/callback";

impl Story {
    async fn begin() -> Self {
        let db = TestDb::create();
        let node = Node::launch(&db.url);
        node.until_ready().await;
        let secrets = [
            ("master key", MASTER_KEY),
            ("global secret", "global-secret"),
            ("orders secret", "orders-secret"),
            ("legacy secret", "legacy-secret"),
            ("machine secret", "machine-secret"),
            ("checker secret", "checker-secret"),
            ("Sam's password", "sam-password"),
            ("Alice's password", "alice-password"),
            ("mistyped password", "Sam-Passwort-4711"),
        ];
        let secrets = secrets.map(|(name, secret)| (name, secret.to_owned())).into();
        Self { db, node, secrets }
    }

    fn keep(&mut self, name: &'static str, secret: &str) -> String {
        assert!(secret.len() > 20, "{name}: {secret}");
        self.secrets.insert(name, secret.to_owned());
        secret.to_owned()
    }

    async fn token(&self, form: &[(&str, &str)]) -> Page {
        self.node.browser().post_form("/oauth/token", form).await
    }

    async fn exchange(&self, client: &str, code: &str, redirect_uri: &str) -> Page {
        let secret = format!("{client}-secret");
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("client_secret", &secret),
            ("code", code),
            ("redirect_uri", redirect_uri),
        ])
        .await
    }

    async fn link(&mut self, name: &'static str, global: &str, client: &str) -> String {
        let body = json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": client,
            "token": global, "additionalParameters": {"scope": "openid email"}});
        let browser = self.node.browser();
        let request = browser.request(Method::POST, "/users/usr_alice/impersonate");
        let answer = browser.send(request.bearer_auth(global).json(&body)).await;
        let bewit = answer.body.split("bewit=").nth(1).unwrap_or_else(|| panic!("{answer:?}"));
        self.keep(name, bewit);
        answer.body
    }

    /// A direct link, from the token of the global client to the one of the application.
    async fn impersonate(&mut self) {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "global"),
            ("client_secret", "global-secret"),
        ];
        let global = self.token(&form).await.json();
        let global = self.keep("global token", global["access_token"].as_str().unwrap());
        let link = self.link("bewit", &global, "legacy").await;
        let decoded = URL_SAFE_NO_PAD.decode(&self.secrets["bewit"]).unwrap();
        let ticket = String::from_utf8(decoded).unwrap().rsplit('\\').next().unwrap().to_owned();
        self.keep("ticket", &ticket);
        let (browser, jar) = Browser::with_jar(&self.node.url);
        let opened = browser.get(&link).await;
        let code = self.keep("code", &opened.location_param("code").unwrap());
        self.keep_cookies(
            "impersonated session",
            &jar.cookies(&self.node.url.parse().unwrap()).unwrap(),
        );
        let tokens = self.exchange("legacy", &code, LEGACY).await.json();
        let access = self.keep("access token", tokens["access_token"].as_str().unwrap());
        self.keep("ID token", tokens["id_token"].as_str().unwrap().rsplit('.').next().unwrap());
        let userinfo = browser.request(Method::GET, "/userinfo").bearer_auth(&access);
        assert_eq!(browser.send(userinfo).await.status, 200);
        let form = [
            ("token", access.as_str()),
            ("client_id", "checker"),
            ("client_secret", "checker-secret"),
        ];
        assert_eq!(browser.post_form("/oauth/introspect", &form).await.json()["active"], true);
        // Again, and changed: refusals are written down too.
        assert_eq!(browser.get(&link).await.status, 403);
        assert_eq!(browser.open(&format!("{link}&x=1")).await.status, 403);
        self.exchange("legacy", &code, LEGACY).await;
    }

    fn keep_cookies(&mut self, name: &'static str, cookies: &reqwest::header::HeaderValue) {
        let longest =
            cookies.to_str().unwrap().split("; ").max_by_key(|cookie| cookie.len()).unwrap();
        let value = longest.split_once('=').unwrap().1;
        self.keep(name, value);
    }

    /// A sign-in with a slip, a confirmed link, and an application that keeps a refresh token.
    async fn sign_in(&mut self) {
        let (sam, jar) = Browser::with_jar(&self.node.url);
        assert_eq!(sam.sign_in("sam@understudy.test", "Sam-Passwort-4711").await.status, 400);
        assert_eq!(sam.sign_in("sam@understudy.test", "sam-password").await.status, 303);
        self.keep_cookies("Sam's session", &jar.cookies(&self.node.url.parse().unwrap()).unwrap());
        let global = self.secrets["global token"].clone();
        let link = self.link("bewit to confirm", &global, "portal").await;
        let csrf = sam.open(&link).await.field("csrf").unwrap();
        let csrf = self.keep("form token", &csrf);
        let path = link.strip_prefix(&self.node.url).unwrap();
        assert_eq!(sam.post_form(path, &[("csrf", &csrf)]).await.status, 303);

        let alice = self.node.browser();
        alice.sign_in("alice@acme.test", "alice-password").await;
        let path = "/authorize?response_type=code&client_id=orders&scope=openid+offline_access&nonce=n\
            &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
        let code = alice.get(path).await.location_param("code").unwrap();
        let code = self.keep("Alice's code", &code);
        let tokens = self.exchange("orders", &code, ORDERS).await.json();
        let refresh = self.keep("refresh token", tokens["refresh_token"].as_str().unwrap());
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "orders"),
            ("client_secret", "orders-secret"),
            ("refresh_token", refresh.as_str()),
        ];
        let next = self.token(&form).await.json();
        self.keep("next refresh token", next["refresh_token"].as_str().unwrap());
        self.keep("next access token", next["access_token"].as_str().unwrap());
        // The first one again, later than a lost answer is asked for: the family is revoked.
        self.db.advance("11 seconds").await;
        assert_eq!(self.token(&form).await.status, 400);
    }

    /// Secrets where they do not belong, and accidents while they are handled.
    async fn mistakes(&self) {
        let secret = |name: &str| self.secrets[name].as_str();
        let browser = self.node.browser();
        for path in ["/oauth/token", "/login", "/userinfo", "/nowhere", "/account", "/authorize"] {
            let query = format!(
                "{path}?client_secret=orders-secret&access_token={}&code={}&password=sam-password",
                secret("access token"),
                secret("code")
            );
            browser.get(&query).await;
            browser.open(&query).await;
            let body =
                format!("password=alice-password&code={}&broken=%zz", secret("Alice's code"));
            browser.send(browser.request(Method::POST, path).body(body)).await;
            let body = format!(
                "{{\"client_secret\": \"legacy-secret\", \"x\": {}",
                secret("refresh token")
            );
            browser.send(browser.request(Method::POST, path).body(body)).await;
            let basic =
                browser.request(Method::POST, path).basic_auth("orders", Some("orders-secret"));
            browser.send(basic).await;
        }
        self.db.sql("ALTER TABLE access_tokens RENAME TO away").await;
        assert_eq!(self.exchange("orders", secret("code"), ORDERS).await.status, 400);
        let userinfo =
            browser.request(Method::GET, "/userinfo").bearer_auth(secret("access token"));
        assert_eq!(browser.send(userinfo).await.status, 503);
        self.db.sql("ALTER TABLE away RENAME TO access_tokens").await;
    }
}

#[tokio::test]
async fn b25_i03_no_secret_is_written_down_in_the_log_or_in_the_database() {
    let mut story = Story::begin().await;
    story.impersonate().await;
    story.sign_in().await;
    story.mistakes().await;
    let metrics = story.node.metrics().await;
    assert!(metrics.contains("understudy_sign_ins_total"), "{metrics}");
    story.node.browser().get("/static/the-last-line").await;
    until("the log is written", 10, async || story.node.output().contains("the-last-line")).await;

    let log = story.node.output();
    for word in ["/oauth/token", "/users/usr_alice/impersonate", "request failed", "/login"] {
        assert!(log.contains(word), "the log says nothing of {word}");
    }
    let dump = dump(&story.db).await;
    assert!(dump.contains("usr_alice") && dump.len() > 10_000);
    assert!(story.secrets.len() > 18, "{:?}", story.secrets.keys());
    for (name, secret) in &story.secrets {
        assert!(!log.contains(secret.as_str()), "{name} is in the log");
        assert!(!metrics.contains(secret.as_str()), "{name} is in the metrics");
        assert!(!dump.contains(secret.as_str()), "{name} is in the database");
        // As bytes are shown.
        let hex = format!("{:02x?}", secret.as_bytes()).replace(['[', ']', ',', ' '], "");
        assert!(!dump.contains(&hex), "{name} is in the database, in bytes");
    }
}

/// Every row of every table, as text.
async fn dump(db: &TestDb) -> String {
    let tables = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    let mut dump = String::new();
    for table in db.rows(tables).await {
        let table: String = table.get(0);
        for row in db.rows(&format!("SELECT row_to_json(t)::text FROM {table} t")).await {
            dump += row.get::<_, &str>(0);
            dump.push('\n');
        }
    }
    dump
}

/// What is written is one JSON object a line, whatever a client says of itself.
#[tokio::test]
async fn a_line_of_the_log_is_one_line_whoever_writes_it() {
    let db = TestDb::create();
    let node = Node::launch(&db.url);
    node.until_ready().await;
    let browser = node.browser();
    for agent in ["a\tb", "\"}\u{e9}", "x".repeat(3000).as_str()] {
        let request = browser.request(Method::GET, "/nowhere/%0a%1b[31m\u{202e}");
        let value = reqwest::header::HeaderValue::from_bytes(agent.as_bytes()).unwrap();
        browser.send(request.header("user-agent", value)).await;
    }
    browser.get("/static/the-last-line").await;
    until("the log is written", 10, async || node.output().contains("the-last-line")).await;
    let log = node.output();
    let ours = log.lines().filter(|line| line.contains("/nowhere/"));
    let mut count = 0;
    for line in ours {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(line.is_object());
        count += 1;
    }
    assert!(count >= 3, "{log}");
}

#[tokio::test]
async fn k50_the_reason_of_a_refusal_is_in_the_line_of_its_request() {
    let db = TestDb::create();
    let node = Node::launch_logging(&db.url, "info");
    node.until_ready().await;
    let browser = node.browser();
    let basic = browser.request(Method::GET, "/users/usr_alice/impersonate?bewit=secret-bewit");
    let basic = basic.basic_auth("staging", Some("secret-password"));
    let page = browser.send(basic.header("accept", "text/html")).await;
    assert_eq!(page.status, 400);
    assert!(page.body.contains("Authorization header"), "{}", page.body);
    assert!(!page.body.contains("bewit"), "{}", page.body);
    browser.open("/authorize?client_id=nobody&state=secret-state").await;
    browser.open("/authorize?client_id=orders&response_type=token&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback").await;
    browser.post_form("/oauth/token", &[("grant_type", "secret-grant")]).await;
    browser.post_form("/login", &[("email", "secret-address")]).await;
    browser.open("/samlp/nobody?SAMLRequest=secret").await;
    browser.get("/2.0/users/me").await;
    browser.get("/userinfo").await;
    browser.get("/static/the-last-line").await;
    until("the log is written", 10, async || node.output().contains("the-last-line")).await;
    let log = node.output();
    let reason = |path: &str| -> Vec<String> {
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = lines.filter(|line| line["path"] == path && line["message"] == "request");
        ours.map(|line| line["reason"].as_str().unwrap_or_default().to_owned()).collect()
    };
    for (path, reasons) in [
        ("/users/usr_alice/impersonate", &["Authorization header"][..]),
        ("/authorize", &["application is unknown", "response_type code"]),
        ("/oauth/token", &["credentials are invalid"]),
        ("/samlp/nobody", &["S"]),
        ("/2.0/users/me", &[""]),
        ("/userinfo", &["bearer token"]),
    ] {
        let told = reason(path);
        assert_eq!(told.len(), reasons.len(), "{path} {told:?}");
        for (told, expected) in told.iter().zip(reasons) {
            assert!(!told.is_empty() && told.contains(expected), "{path} {told:?}");
        }
    }
    assert!(!reason("/login").concat().is_empty());
    assert!(!log.contains("secret-"), "{log}");
}
