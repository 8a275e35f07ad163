//! Everybody an impersonation needs × how they can go × everything it is good for: every cell refuses.
use crate::box_::people::{cora, get};
use crate::support::protocols::{Demand, Spoken};
use crate::support::words::claims;
use crate::support::{Browser, Page, TestDb, TestServer};
use reqwest::cookie::CookieStore as _;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

/// One address for all servers of the matrix: links, issuer and tokens of one are those of the others.
const PUBLIC: &str = "http://127.0.0.1:1";
const SETTINGS: &[(&str, &str)] =
    &[("UNDERSTUDY_PUBLIC_URL", PUBLIC), ("UNDERSTUDY_RATE_LIMITS", "off")];

/// Who, how, and what is done.
const LOSSES: &[(&str, &str, &str)] = &[
    (
        "actor",
        "disabled",
        "UPDATE users SET status = 'inactive' WHERE id IN ('usr_sam', 'usr_cora')",
    ),
    ("actor", "deleted", "DELETE FROM users WHERE id IN ('usr_sam', 'usr_cora')"),
    (
        "actor",
        "without the permission",
        "DELETE FROM user_roles WHERE user_id IN ('usr_sam', 'usr_cora')",
    ),
    ("subject", "disabled", "UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'"),
    ("subject", "deleted", "DELETE FROM users WHERE id = 'usr_alice'"),
    (
        "client",
        "disabled",
        "UPDATE clients SET status = 'inactive' \
         WHERE id LIKE 'legacy%' OR id LIKE 'portal%' OR id = 'desk'",
    ),
    (
        "client",
        "deleted",
        "DELETE FROM clients WHERE id LIKE 'legacy%' OR id LIKE 'portal%' OR id = 'desk'",
    ),
    ("client", "switched off", "UPDATE clients SET impersonation_enabled = false, box = NULL"),
    (
        "organization",
        "disabled",
        "UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'",
    ),
    (
        "organization",
        "deleted",
        "DELETE FROM users WHERE organization_id = 'org_acme'; \
         DELETE FROM organizations WHERE id = 'org_acme'",
    ),
    ("organization", "switched off", "UPDATE organizations SET impersonation_enabled = false"),
    ("global client", "disabled", "UPDATE clients SET status = 'inactive' WHERE id = 'global'"),
    ("global client", "deleted", "DELETE FROM clients WHERE id = 'global'"),
    ("feature", "switched off", "UPDATE settings SET impersonation_enabled = false"),
];

/// What there is to lose, made before anything happens; each of an impersonation of its own.
struct Prepared {
    db: TestDb,
    global: String,
    link: String,
    code: String,
    shown: String,
    introspected: String,
    /// Cora's own token, with which she acts by a header and by exchange; and one that she exchanged.
    bearer: String,
    exchanged: String,
    /// Cookies of four browsers in which Sam acts as Alice.
    browsers: [String; 4],
    /// The same in the other protocols: a link, and the cookies of a browser in which Sam acts as Alice.
    others: Vec<(Spoken, String, String)>,
}

const OTHERS: [Spoken; 3] = [Spoken::Samlp, Spoken::Wsfed, Spoken::WsfedRms];

async fn prepare() -> Prepared {
    let server = TestServer::start_on(TestDb::create(), SETTINGS).await;
    let global = server.global_token().await;
    let mut browsers = [const { String::new() }; 4];
    for cookies in &mut browsers {
        *cookies = acting(&server, &link(&server, &global, (Spoken::Oauth2, "portal")).await).await;
    }
    let code = code(&server, &global).await;
    let shown = token(&server, &global).await;
    let introspected = token(&server, &global).await;
    let bearer = cora(&server).await;
    let exchanged = exchange(&server, &bearer).await.json();
    let exchanged = exchanged["access_token"].as_str().unwrap().to_owned();
    let mut others = Vec::new();
    for by in OTHERS {
        let cookies = acting(&server, &link(&server, &global, (by, "portal")).await).await;
        others.push((by, link(&server, &global, (by, "legacy")).await, cookies));
    }
    let link = link(&server, &global, (Spoken::Oauth2, "legacy")).await;
    let mut server = server;
    let db = std::mem::replace(&mut server.db, TestDb { name: String::new(), url: String::new() });
    drop(server);
    Prepared { db, global, link, code, shown, introspected, bearer, exchanged, browsers, others }
}

async fn link(server: &TestServer, global: &str, (by, twin): (Spoken, &str)) -> String {
    let client = by.client(twin);
    let body = json!({"protocol": by.name(), "impersonator_id": "usr_sam", "client_id": client,
        "additionalParameters": {"scope": "openid profile"}});
    let answer = server.ask_with(global, "usr_alice", body).await;
    answer.body.strip_prefix(PUBLIC).unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

async fn code(server: &TestServer, global: &str) -> String {
    server
        .browser()
        .get(&link(server, global, (Spoken::Oauth2, "legacy")).await)
        .await
        .location_param("code")
        .unwrap()
}

async fn token(server: &TestServer, global: &str) -> String {
    let code = code(server, global).await;
    let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json();
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// Cora asks for a token with which she acts as Alice.
async fn exchange(server: &TestServer, actor_token: &str) -> Page {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", "desk"),
        ("client_secret", "desk-secret"),
        ("subject_token", "usr_alice"),
        ("subject_token_type", "urn:understudy:params:oauth:token-type:user_id"),
        ("actor_token", actor_token),
        ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    server.browser().post_form("/oauth/token", &form).await
}

/// The cookies of a browser in which Sam has signed in and confirmed `link`.
async fn acting(server: &TestServer, link: &str) -> String {
    let (sam, jar) = Browser::with_jar(&server.url);
    sam.sign_in("sam@understudy.test", "sam-password").await;
    let csrf = sam.open(link).await.field("csrf").unwrap();
    let confirmed = sam.post_form(link, &[("csrf", &csrf)]).await;
    assert!(matches!(confirmed.status, 200 | 303), "{confirmed:?}");
    let cookies = jar.cookies(&server.url.parse().unwrap()).unwrap();
    cookies.to_str().unwrap().to_owned()
}

/// One way to lose somebody, and a server that comes upon it.
struct Row<'a> {
    before: &'a Prepared,
    server: TestServer,
    nobody: Browser,
    wrong: Vec<String>,
}

impl<'a> Row<'a> {
    async fn start(before: &'a Prepared, db: TestDb) -> Self {
        let server = TestServer::start_on(db, SETTINGS).await;
        let nobody = Browser::bare(&server.url);
        Self { before, server, nobody, wrong: Vec::new() }
    }

    fn note(&mut self, cell: &str, refused: bool, page: &Page) {
        if !refused {
            let body: String = page.body.chars().take(120).collect();
            self.wrong.push(format!("{cell}: {} {body}", page.status));
        }
    }

    async fn by_cookie(&self, nth: usize, request: RequestBuilder) -> Page {
        self.nobody.send(request.header("cookie", &self.before.browsers[nth])).await
    }

    async fn applications(&mut self) {
        let body =
            json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy"});
        let page = self.server.ask_with(&self.before.global, "usr_alice", body).await;
        self.note("mint", matches!(page.status, 401 | 403 | 404), &page);
        let page = self.nobody.get(&self.before.link).await;
        self.note("redeem", page.status == 403, &page);
        let page =
            self.server.exchange("legacy", &self.before.code, "http://127.0.0.1:9/legacy").await;
        self.note("code", matches!(page.status, 400 | 401), &page);
        let page = self.server.userinfo(&self.before.shown).await;
        self.note("userinfo", page.status == 401, &page);
        let page = self.server.introspect(&self.before.introspected).await;
        self.note("introspection", page.body == r#"{"active":false}"#, &page);
    }

    /// Nobody needs the global client here.
    async fn by_tokens(&mut self) {
        let before = self.before;
        let bearer = &before.bearer;
        let alice = [("as-user", "usr_alice")];
        let page = get(&self.server, "/userinfo", bearer, &alice).await;
        self.note("as-user", matches!(page.status, 401 | 403), &page);
        let page = get(&self.server, "/2.0/users/me", bearer, &alice).await;
        self.note("box as-user", matches!(page.status, 401 | 403), &page);
        let by_email = [("on-behalf-of", "alice@acme.test")];
        let page = get(&self.server, "/userinfo", bearer, &by_email).await;
        self.note("on-behalf-of", matches!(page.status, 401 | 403), &page);
        let page = get(&self.server, "/forward-auth", bearer, &alice).await;
        self.note("forward-auth", matches!(page.status, 401 | 403), &page);
        let page = exchange(&self.server, bearer).await;
        self.note("exchange", matches!(page.status, 400 | 401), &page);
        let page = self.server.userinfo(&before.exchanged).await;
        self.note("exchanged", page.status == 401, &page);
    }

    /// Sam's own session may answer, for Sam.
    async fn authorize(&mut self) {
        let path = "/authorize?response_type=code&client_id=portal&scope=openid&prompt=none\
            &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fportal";
        let request = self.nobody.request(Method::GET, path);
        let page = self.by_cookie(0, request).await;
        let code = page.header("location").and_then(|_| page.location_param("code"));
        let Some(code) = code else {
            let refused = page.status == 400
                || page.header("location").is_some_and(|to| to.contains("error="));
            return self.note("authorize", refused, &page);
        };
        let answer = self.server.exchange("portal", &code, "http://127.0.0.1:9/portal").await;
        let claims = claims(answer.json()["id_token"].as_str().unwrap());
        let himself = claims["sub"] == "usr_sam" && claims.get("act").is_none();
        self.note("authorize", himself, &answer);
    }

    /// Sam's own session may answer here too.
    async fn by_other_protocols(&mut self) {
        let before = self.before;
        for (by, link, cookies) in &before.others {
            let name = by.name();
            let body = json!({"protocol": name, "impersonator_id": "usr_sam",
                "client_id": by.client("legacy")});
            let page = self.server.ask_with(&before.global, "usr_alice", body).await;
            self.note(&format!("mint {name}"), matches!(page.status, 401 | 403 | 404), &page);
            let page = self.nobody.get(link).await;
            self.note(&format!("redeem {name}"), page.status == 403, &page);
            let path = by.asks(&self.server, "portal", Demand::Nothing).await;
            let request = self.nobody.request(Method::GET, &path).header("cookie", cookies);
            let page = self.nobody.send(request.header("accept", "text/html")).await;
            let told = by.posted(&page);
            let refused = page.status < 500 && told.is_none_or(|told| told.actor.is_none());
            self.note(&format!("sign-on {name}"), refused, &page);
        }
    }

    async fn browsers(&mut self) {
        self.authorize().await;
        let request = self.nobody.request(Method::GET, "/me/impersonation");
        let page = self.by_cookie(1, request).await;
        self.note("me", page.json()["impersonated"] == false, &page);
        // These two succeed, if there is still anything to end.
        let request = self.nobody.request(Method::DELETE, "/me/impersonation");
        let page = self.by_cookie(2, request.header("sec-fetch-site", "same-origin")).await;
        self.note("stop", matches!(page.status, 204 | 409), &page);
        let request = self.nobody.request(Method::GET, "/logout");
        let page = self.by_cookie(3, request.header("accept", "text/html")).await;
        if !page.body.contains("action=\"/logout\"") {
            return self.note("logout", matches!(page.status, 200 | 302 | 303), &page);
        }
        let csrf = page.form("/logout").field("csrf").unwrap();
        let request = self.nobody.request(Method::POST, "/logout");
        let page = self.by_cookie(3, request.form(&[("csrf", &csrf)])).await;
        self.note("logout", page.status == 303, &page);
    }
}

#[tokio::test]
async fn a21_whoever_goes_takes_everything_along() {
    let before = prepare().await;
    assert_eq!(active(&before.db).await, 11);
    let mut wrong = Vec::new();
    for (who, how, sql) in LOSSES {
        let db = before.db.copy().await;
        db.sql(sql).await;
        let mut row = Row::start(&before, db).await;
        row.applications().await;
        row.by_other_protocols().await;
        if *who != "global client" {
            row.by_tokens().await;
        }
        row.browsers().await;
        // A client that is off gets no further than its own name, and of who is deleted nothing is left
        // to be used; everybody else's refusal is the end.
        let unconcerned = i64::from(*who == "global client");
        let left = active(&row.server.db).await - unconcerned;
        if left > 0 && !matches!((*who, *how), (_, "deleted") | ("client", "disabled")) {
            row.wrong.push(format!("{left} impersonations go on"));
        }
        wrong.extend(row.wrong.iter().map(|cell| format!("{who} {how}: {cell}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn active(db: &TestDb) -> i64 {
    db.count("SELECT count(*) FROM impersonations WHERE status = 'active'").await
}

/// The matrix is worth something only if its cells work while nobody is lost.
#[tokio::test]
async fn a21_as_long_as_everybody_is_there_every_cell_works() {
    let before = prepare().await;
    let mut row = Row::start(&before, before.db.copy().await).await;
    row.applications().await;
    row.by_other_protocols().await;
    row.by_tokens().await;
    row.browsers().await;
    let cells: Vec<&str> = row.wrong.iter().filter_map(|cell| cell.split(':').next()).collect();
    let mut refusing: Vec<String> =
        ["mint", "redeem", "code", "userinfo", "introspection"].map(str::to_owned).into();
    for by in OTHERS {
        refusing.extend(["mint", "redeem", "sign-on"].map(|cell| format!("{cell} {}", by.name())));
    }
    let by_tokens =
        ["as-user", "box as-user", "on-behalf-of", "forward-auth", "exchange", "exchanged"];
    refusing.extend(by_tokens.map(str::to_owned));
    refusing.extend(["authorize", "me"].map(str::to_owned));
    assert_eq!(cells, refusing, "{:?}", row.wrong);
}
