//! Applications hear that a session is over, and nobody waits for them.
use super::jwt::header;
use super::*;
use crate::support::TestDb;
use crate::support::node::until;
use crate::support::server::parts_with;
use crate::support::words::claims;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use understudy::flows::logout::deliver_logout::deliver_due;

/// An application's logout endpoint.
struct Ear {
    address: SocketAddr,
    heard: Receiver<String>,
}

impl Ear {
    /// Answers everything with `answer`; without one it never answers.
    fn open(answer: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut whole = Vec::new();
                let mut part = [0; 4096];
                while !is_complete(&whole) {
                    match stream.read(&mut part) {
                        Ok(0) | Err(_) => break,
                        Ok(n) => whole.extend_from_slice(&part[..n]),
                    }
                }
                if sender.send(String::from_utf8_lossy(&whole).into_owned()).is_err() {
                    return;
                }
                match &answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes())),
                    None => held.push(stream),
                }
            }
        });
        Self { address, heard }
    }

    fn ok() -> Self {
        Self::open(Some(status("200 OK", "")))
    }

    fn url(&self) -> String {
        format!("http://{}/logout", self.address)
    }

    /// The next logout token.
    fn token(&self) -> String {
        let request = self.heard.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(request.starts_with("POST /logout HTTP/1.1\r\n"), "{request}");
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(
            head.to_ascii_lowercase().contains("content-type: application/x-www-form-urlencoded")
        );
        body.strip_prefix("logout_token=").unwrap().to_owned()
    }

    fn is_quiet(&self) -> bool {
        self.heard.try_recv().is_err()
    }
}

fn status(line: &str, more: &str) -> String {
    format!("HTTP/1.1 {line}\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n")
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

async fn listens(server: &TestServer, client: &str, url: &str) {
    let sql = format!("UPDATE clients SET backchannel_logout_uri = '{url}' WHERE id = '{client}'");
    server.db.sql(&sql).await;
}

/// Signs out, and does not wait for the watch to tell the applications.
async fn signs_out(server: &TestServer, browser: &Browser) {
    let csrf = browser.open("/logout").await.field("csrf").unwrap();
    assert_eq!(browser.post_form("/logout", &[("csrf", &csrf)]).await.status, 303);
    deliver_due(&server.parts.context(1).unwrap()).await.unwrap();
}

/// The request that ended the session and the call that tells of it are one trace.
#[tokio::test]
async fn l17_the_trace_of_a_sign_out_goes_on_to_the_application() {
    let server = TestServer::start().await;
    let ear = Ear::ok();
    listens(&server, "orders", &ear.url()).await;
    let alice = server.alice().await;
    server.tokens_for(&alice, "openid").await;
    let csrf = alice.open("/logout").await.field("csrf").unwrap();
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let request = alice
        .request(reqwest::Method::POST, "/logout")
        .header("traceparent", format!("00-{trace}-{span}-01"))
        .form(&[("csrf", &csrf)]);
    assert_eq!(alice.send(request).await.status, 303);
    deliver_due(&server.parts.context(1).unwrap()).await.unwrap();
    let request = ear.heard.recv_timeout(Duration::from_secs(10)).unwrap();
    let sent = request.lines().find_map(|line| line.strip_prefix("traceparent: ")).unwrap();
    assert!(sent.starts_with(&format!("00-{trace}-")) && sent.ends_with("-01"), "{sent}");
    assert!(!sent.contains(span), "each call is a span of its own: {sent}");
    assert!(!request.to_ascii_lowercase().contains("tracestate"), "{request}");
}

#[tokio::test]
async fn c58_a_logout_token_says_what_ended_and_nothing_else() {
    let server = TestServer::start().await;
    let ear = Ear::ok();
    listens(&server, "orders", &ear.url()).await;
    let alice = server.alice().await;
    let tokens = server.tokens_for(&alice, "openid").await;
    signs_out(&server, &alice).await;
    let token = ear.token();
    let head = header(&token);
    assert_eq!((&head["typ"], &head["alg"]), (&json!("logout+jwt"), &json!("RS256")));
    let keys = server.browser().get("/.well-known/jwks.json").await.json();
    let keys = understudy::crypto::jwk::parse_set(&keys).unwrap();
    let keys = keys.iter().map(|(kid, key)| (kid.as_str(), key));
    understudy::crypto::jws::verify(&token, &["logout+jwt"], keys).unwrap();
    let said = claims(&token);
    let id_token = claims(text(&tokens, "id_token"));
    for name in ["iss", "aud", "sub", "sid"] {
        assert_eq!(said[name], id_token[name], "{name}");
    }
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    assert_eq!(said["events"], events);
    assert!(text(&said, "jti").len() >= 43);
    let lifetime = said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap();
    assert!((1..=300).contains(&lifetime), "{lifetime}");
    for absent in ["nonce", "impersonated", "act"] {
        assert_eq!(said.get(absent), None, "{absent}");
    }
    // It is good for nothing here.
    assert_eq!(server.introspect(&token).await.body, r#"{"active":false}"#);
    assert_eq!(server.userinfo(&token).await.status, 401);
    refused(&client_authentication::assert_at(&server.url, &token).await, 401, "invalid_client");
    stays_here(&alice.open(&authorize(&[("id_token_hint", &token)])).await);
}

#[tokio::test]
async fn only_applications_that_were_signed_in_to_hear_of_it() {
    let server = TestServer::start().await;
    let (used, unused) = (Ear::ok(), Ear::ok());
    listens(&server, "orders", &used.url()).await;
    listens(&server, "invoices", &unused.url()).await;
    let alice = server.alice().await;
    for _ in 0..2 {
        server.tokens_for(&alice, "openid").await;
    }
    signs_out(&server, &alice).await;
    used.token();
    assert!(used.is_quiet(), "once for a session, however often it signed in");
    assert!(unused.is_quiet());
}

#[tokio::test]
async fn c59_nobody_waits_for_an_application_that_hangs() {
    let server = TestServer::start().await;
    let ear = Ear::open(None);
    listens(&server, "orders", &ear.url()).await;
    let alice = server.alice().await;
    let hint = text(&server.tokens_for(&alice, "openid").await, "id_token").to_owned();
    let begun = Instant::now();
    alice.open(&format!("/oidc/logout?{}", encode(&[("id_token_hint", &hint)]))).await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    let quiet = alice.get(&authorize(&[("prompt", "none")])).await;
    hears(&quiet, "login_required");
}

/// More of them than are told at a time, for a minute and more if anybody waited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j22_applications_that_hang_hold_up_neither_sign_ins_nor_the_watch() {
    let server = TestServer::start().await;
    let ear = Ear::open(None);
    listens(&server, "orders", &ear.url()).await;
    let waiting = "INSERT INTO logout_deliveries (client_id, user_id, session_id) \
        SELECT 'orders', 'usr_alice', 'ses_' || n FROM generate_series(1, 30) n";
    server.db.sql(waiting).await;
    let is = async |status: u16| server.browser().get("/health/ready").await.status == status;
    until("it is ready", 10, async || is(200).await).await;
    ear.token();
    for _ in 0..3 {
        server.alice().await;
        assert!(is(200).await);
    }
    // Each is given up after three seconds, and nobody is stuck behind it.
    let given_up =
        "SELECT count(*) FROM logout_deliveries WHERE failure = 'did not answer in time'";
    until("the first are given up", 20, async || server.db.count(given_up).await >= 20).await;
    server.db.let_in(false).await;
    server.db.cut().await;
    until("the watch still sees what happens", 20, async || is(503).await).await;
    server.db.let_in(true).await;
    until("and that it is over", 20, async || is(200).await).await;
}

#[tokio::test]
async fn c59_an_application_that_fails_is_told_three_times_and_no_more() {
    let server = TestServer::start().await;
    let ear = Ear::open(Some(status("500 No", "")));
    listens(&server, "orders", &ear.url()).await;
    let alice = server.alice().await;
    server.tokens_for(&alice, "openid").await;
    // From now on the server's own watch holds back, and this test is the only one that delivers.
    server.db.advance("1 hour").await;
    signs_out(&server, &alice).await;
    let ctx = server.parts.context(1).unwrap();
    for attempt in 1..=5 {
        let row = "SELECT attempts || ' ' || (failure IS NOT NULL) || ' ' || (delivered_at IS NULL) FROM logout_deliveries";
        assert_eq!(server.db.text(row).await, format!("{} true true", attempt.min(3)));
        // Not before its time.
        deliver_due(&ctx).await.unwrap();
        assert_eq!(server.db.text(row).await, format!("{} true true", attempt.min(3)));
        server.db.advance("1 hour").await;
        deliver_due(&ctx).await.unwrap();
    }
    for _ in 0..3 {
        ear.token();
    }
    assert!(ear.is_quiet());
}

#[tokio::test]
async fn c60_a_redirect_is_not_followed() {
    let server = TestServer::start().await;
    let inside = Ear::ok();
    // From now on the server's own watch holds back.
    server.db.advance("1 hour").await;
    for code in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let ear = Ear::open(Some(status(code, &format!("location: {}\r\n", inside.url()))));
        let db = &server.db;
        listens(&server, "orders", &ear.url()).await;
        db.sql("DELETE FROM logout_deliveries; INSERT INTO logout_deliveries (client_id, user_id, session_id) \
                VALUES ('orders', 'usr_alice', 'ses_1')")
            .await;
        deliver_due(&server.parts.context(1).unwrap()).await.unwrap();
        ear.token();
        assert!(inside.is_quiet());
    }
}

#[tokio::test]
async fn c60_a_public_server_calls_nobody_inside() {
    let db = TestDb::create();
    let parts = parts_with(&db.url, "https://idp.example", &[]);
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let port = inside.local_addr().unwrap().port();
    for host in [
        "http://127.0.0.1",
        "https://127.0.0.1",
        "https://localhost",
        "http://localhost",
        "https://127.1",
        "https://0x7f000001",
        "https://2130706433",
        "https://0",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://localhost.",
        "https://foo.localhost",
        "https://169.254.169.254",
    ] {
        let uri = format!("{host}:{port}/");
        db.sql(&format!(
            "UPDATE clients SET backchannel_logout_uri = '{uri}' WHERE id = 'orders'; \
             DELETE FROM logout_deliveries; INSERT INTO logout_deliveries (client_id, user_id, session_id) \
             VALUES ('orders', 'usr_alice', 'ses_1')"
        ))
        .await;
        let ctx = parts.context(1).unwrap();
        parts.shared.keys.reload(&ctx.store.conn().await.unwrap()).await.unwrap();
        assert_eq!(deliver_due(&ctx).await.unwrap(), 0, "{uri}");
        let row = "SELECT attempts || ' ' || (failure IS NOT NULL) FROM logout_deliveries";
        assert_eq!(db.text(row).await, "1 true", "{uri}");
        assert!(inside.accept().is_err(), "{uri}");
    }
}
