//! Every route, thrown at with whatever comes to mind; the same in every run.
use super::callers::{Callers, KINDS};
use super::table::{Line, TABLE};
use crate::bad_input::raw;
use crate::support::TestServer;
use futures_util::StreamExt as _;
use std::time::{Duration, Instant};

/// Requests to each line of the table.
const EACH: usize = 16;
/// The catalogue says five seconds; whoever tests on a busy machine is more patient.
const LONGEST: Duration = Duration::from_secs(10);

/// Marsaglia's xorshift: another number every time, and the same ones in every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.throw() % u64::try_from(end).unwrap()).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "M-SEARCH"];

const NAMES: [&str; 30] = [
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "prompt",
    "max_age",
    "nonce",
    "grant_type",
    "code",
    "token",
    "refresh_token",
    "assertion",
    "subject_token",
    "bewit",
    "csrf",
    "return_to",
    "limit",
    "offset",
    "before",
    "q",
    "page",
    "type",
    "actor",
    "wa",
    "wtrealm",
    "wctx",
    "SAMLRequest",
    "RelayState",
    "id_token_hint",
];

const VALUES: [&str; 34] = [
    "",
    "0",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "1e999",
    "NaN",
    "null",
    "true",
    "%00",
    "%",
    "%ff%fe",
    "%F0%9F%92%A9",
    "%c3%28",
    "..%2f..%2fetc%2fpasswd",
    "'%20OR%201=1--",
    "%24%7B7*7%7D",
    "{{7*7}}",
    "%3Cscript%3E",
    "orders",
    "usr_alice",
    "code",
    "openid%20profile",
    "http://127.0.0.1:9/callback",
    "urn:test:orders-saml",
    "wsignin1.0",
    "wsignout1.0",
    "fZFBT8MwDIX",
    "bm9uZQ",
    "eyJhbGciOiJub25lIn0.e30.",
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "%E2%80%AE",
];

const HEADERS: [&str; 26] = [
    "authorization: Bearer",
    "authorization: Basic b3JkZXJzOm9yZGVycy1zZWNyZXQ=",
    "authorization: Basic %%%",
    "authorization: Negotiate AAAA",
    "cookie: understudy=x; understudy=y; ;;==",
    "cookie: \u{ff}\u{fe}",
    "accept: text/html",
    "accept: application/json;q=0, */*;q=9",
    "accept-encoding: br, gzip, *;q=0",
    "as-user: usr_alice",
    "as-user: ",
    "x-as-user: usr_bob",
    "x-forwarded-for: 1.2.3.4, , [::1], x",
    "x-forwarded-method: DELETE",
    "x-original-uri: /2.0/users/me?fields=%00",
    "forwarded: for=\"_x\";by=;host",
    "range: bytes=0-0,5-",
    "if-none-match: *",
    "if-modified-since: Thu, 99 Foo 9999 99:99:99 GMT",
    "origin: null",
    "origin: https://evil.test",
    "sec-fetch-site: cross-site",
    "sec-fetch-site: same-origin",
    "content-encoding: gzip",
    "expect: 200-maybe",
    "traceparent: 00-zz-zz-01",
];

const LABELS: [&str; 9] = [
    "application/x-www-form-urlencoded",
    "application/json",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/xml",
    "application/json; charset=utf-7",
    "application/octet-stream",
    "/",
    "",
];

fn pairs(dice: &mut Dice) -> String {
    let count = dice.below(6);
    let pairs = (0..count).map(|_| format!("{}={}", dice.pick(&NAMES), dice.pick(&VALUES)));
    pairs.collect::<Vec<_>>().join(if dice.one_in(8) { "&&" } else { "&" })
}

fn body(dice: &mut Dice, line: &Line) -> Vec<u8> {
    match dice.below(9) {
        0 => Vec::new(),
        1 => line.body.into(),
        2 => format!("{}&{}", line.body, pairs(dice)).into(),
        3 => pairs(dice).into(),
        4 => format!(
            "{{\"{}\":{}}}",
            dice.pick(&NAMES),
            dice.pick(&["1e999", "[]", "{}", "\"\\u0000\"", "\"\\ud800\"", "-0"])
        )
        .into(),
        5 => [b"[".repeat(400), b"]".repeat(400)].concat(),
        6 => b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><a xmlns:d=\"e\">&b;</a>"
            .to_vec(),
        7 => format!(
            "--x\r\ncontent-disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n--x--\r\n",
            dice.pick(&NAMES),
            dice.pick(&VALUES)
        )
        .into(),
        _ => (0..dice.below(300)).map(|_| u8::try_from(dice.throw() % 256).unwrap()).collect(),
    }
}

fn request(dice: &mut Dice, line: &Line, callers: &Callers) -> Vec<u8> {
    let method = if dice.one_in(3) { dice.pick(&METHODS) } else { line.method };
    let mut target = line.asked.to_owned();
    if dice.one_in(6) {
        let (at, odd) =
            (1 + dice.below(target.len()), dice.pick(&["/", "%2e%2e/", ";a=b", "%00", "//", "%"]));
        target.insert_str(at.min(target.len()), odd);
    }
    if dice.one_in(2) {
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str(&pairs(dice));
    }
    let body = body(dice, line);
    let mut head = format!(
        "{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    let label = dice.pick(&LABELS);
    head.push_str(&format!("content-type: {label}\r\n"));
    if let Some(credential) = callers.header(dice.below(KINDS.len())) {
        head.push_str(&format!("{credential}\r\n"));
    }
    for _ in 0..dice.below(4) {
        head.push_str(&format!("{}\r\n", dice.pick(&HEADERS)));
    }
    [head.as_bytes(), b"\r\n", &body].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "ends a request that hangs, no transaction")]
async fn j31_nothing_that_is_thrown_at_any_route_breaks_it() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let callers = Callers::gather(&server).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let mut dice = Dice(0x5eed_0fa1_10dd_5eed);
    let all: Vec<_> = TABLE
        .iter()
        .flat_map(|line| std::iter::repeat_n(line, EACH))
        .map(|line| request(&mut dice, line, &callers))
        .collect();
    let count = all.len();
    let answers = futures_util::stream::iter(all).map(async |request| {
        let begun = Instant::now();
        let back = tokio::time::timeout(LONGEST, raw::send(address, &request)).await;
        (request, back.ok().flatten(), begun.elapsed())
    });
    let (mut wrong, mut busy) = (Vec::new(), 0);
    let mut answers = std::pin::pin!(answers.buffer_unordered(6));
    while let Some((request, answer, took)) = answers.next().await {
        match answer.map(|answer| answer.status) {
            Some(200..=499) => {}
            // A machine that is busy with other tests.
            Some(503) => busy += 1,
            status => {
                let request = String::from_utf8_lossy(&request).into_owned();
                wrong.push(format!("{status:?} after {took:?}: {request}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(busy * 50 < count, "{busy} of {count} were not answered");
    assert_eq!(server.browser().get("/health/live").await.status, 200);
}
