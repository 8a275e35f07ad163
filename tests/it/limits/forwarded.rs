//! From where a request came: in the trail, in the log of requests, and what is said once.
use super::PROXIED;
use crate::support::node::{free_address, program, until};
use crate::support::{Browser, TestDb, TestServer};
use reqwest::Method;
use reqwest::header::HeaderValue;
use std::io::Read as _;
use std::process::{Child, Stdio};

/// The address in the trail after a wrong password with these headers.
async fn address(server: &TestServer, headers: &[(&str, &[u8])]) -> String {
    let browser = server.browser();
    let csrf = browser.open("/login").await.field("csrf").unwrap();
    let form =
        [("csrf", csrf.as_str()), ("return_to", ""), ("email", "x@y.test"), ("password", "no")];
    let mut request = browser.request(Method::POST, "/login").form(&form);
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
    }
    assert_eq!(browser.send(request).await.status, 400);
    server
        .db
        .text("SELECT ip FROM audit_events WHERE type = 'login.failed' ORDER BY seq DESC LIMIT 1")
        .await
}

/// Header lines: name and octets.
type Lines<'a> = &'a [(&'a str, &'a [u8])];

#[tokio::test]
async fn k09_every_form_of_a_forwarded_address_is_in_the_trail() {
    let server = TestServer::start_with(PROXIED).await;
    let xff = "x-forwarded-for";
    let cases: &[(Lines<'_>, &str)] = &[
        (&[(xff, b"203.0.113.7:51008")], "203.0.113.7"),
        (&[(xff, b"[2001:db8::7]:4711")], "2001:db8::7"),
        (&[(xff, b"\"[2001:db8::7]\"")], "2001:db8::7"),
        (&[(xff, b"1.1.1.1 ,\t203.0.113.7:1\t, 127.0.0.5:80")], "203.0.113.7"),
        (&[(xff, b"1.1.1.1"), (xff, b"203.0.113.7")], "203.0.113.7"),
        (&[(xff, b"\xff\xfe"), (xff, b"203.0.113.7")], "203.0.113.7"),
        (&[(xff, b"203.0.113.7"), (xff, b"\xff\xfe")], "127.0.0.1"),
        (&[(xff, b"unknown")], "127.0.0.1"),
        (&[(xff, b"203.0.113.7, _hidden")], "127.0.0.1"),
        (&[("forwarded", b"for=203.0.113.7:9;proto=https;by=127.0.0.1")], "203.0.113.7"),
        (&[("forwarded", b"for=1.1.1.1, For=\"[2001:db8::7]:4711\"")], "2001:db8::7"),
        (&[("forwarded", b"for=1.1.1.1"), ("forwarded", b"for=203.0.113.7")], "203.0.113.7"),
        (&[("forwarded", b"for=203.0.113.7"), (xff, b"198.51.100.1")], "198.51.100.1"),
        (&[("forwarded", b"for=\"_gazonk\"")], "127.0.0.1"),
    ];
    for (headers, expected) in cases {
        assert_eq!(address(&server, headers).await, *expected, "{headers:?}");
    }
}

/// Killed when dropped.
struct Logged(Child, String);

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Logged {
    async fn start(db: &TestDb, proxies: Option<&str>) -> Self {
        let address = free_address();
        let url = format!("http://{address}");
        let mut command = program(&db.url, &url);
        command.args(["serve", "--listen", &address]).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(proxies) = proxies {
            command.env("UNDERSTUDY_TRUSTED_PROXIES", proxies);
        }
        let node = Self(command.spawn().unwrap(), url);
        let browser = Browser::bare(&node.1);
        until("the node is ready", 20, async || {
            let asked = browser.client.get(format!("{}/health/ready", node.1)).send().await;
            asked.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        node
    }

    async fn ask(&self, name: &str, value: &str) {
        let browser = Browser::bare(&self.1);
        let request = browser.request(Method::GET, "/login").header(name, value);
        assert_eq!(browser.send(request).await.status, 200);
    }

    /// All that it has written, once it is over.
    fn output(mut self) -> String {
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap()),
            nix::sys::signal::Signal::SIGTERM,
        )
        .unwrap();
        let mut text = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

#[tokio::test]
async fn l17_the_request_log_has_the_client_and_unreadable_hops_are_said_once() {
    let db = TestDb::create();
    let node = Logged::start(&db, Some("127.0.0.1")).await;
    node.ask("x-forwarded-for", "203.0.113.7:9").await;
    node.ask("forwarded", "for=\"[2001:db8::7]:1\"").await;
    for _ in 0..3 {
        node.ask("x-forwarded-for", "_hidden").await;
    }
    let text = node.output();
    let line = |client: &str| {
        text.lines().any(|line| {
            line.contains("/login") && line.contains(&format!("\"client\":\"{client}\""))
        })
    };
    assert!(line("203.0.113.7") && line("2001:db8::7") && line("127.0.0.1"), "{text}");
    let told = text.lines().filter(|line| line.contains("WARN") && line.contains("_hidden"));
    assert_eq!(told.count(), 1, "{text}");
}

#[tokio::test]
async fn k08_a_forwarded_address_from_an_unnamed_proxy_is_said_once() {
    let db = TestDb::create();
    let node = Logged::start(&db, None).await;
    for nth in 0..3 {
        node.ask("x-forwarded-for", &format!("203.0.113.{nth}")).await;
        node.ask("forwarded", "for=203.0.113.7").await;
    }
    let text = node.output();
    let told = text
        .lines()
        .filter(|line| line.contains("WARN") && line.contains("UNDERSTUDY_TRUSTED_PROXIES"));
    assert_eq!(told.count(), 1, "{text}");
    // Nobody said anything of the sort without such a header.
    let quiet = Logged::start(&db, None).await;
    quiet.ask("accept", "text/html").await;
    assert!(!quiet.output().contains("UNDERSTUDY_TRUSTED_PROXIES"));
}
