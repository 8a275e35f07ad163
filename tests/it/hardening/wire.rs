//! Requests that are too much, or that take for ever. Written as bytes: no client library sends them.
use crate::support::TestServer;
use futures_util::future::join_all;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap()
}

/// Everything until the connection is closed.
async fn rest(mut stream: TcpStream) -> String {
    let mut back = Vec::new();
    let _ = stream.read_to_end(&mut back).await;
    String::from_utf8_lossy(&back).into_owned()
}

/// The status of what is answered to a head and nothing more, and how long that took. The connection closes.
async fn answered(server: &TestServer, head: &str) -> (String, Duration) {
    let mut stream = connect(server).await;
    let begun = Instant::now();
    // It may be refused half-way.
    let _ = stream.write_all(head.as_bytes()).await;
    let back = rest(stream).await;
    (back.split(' ').nth(1).unwrap_or_default().to_owned(), begun.elapsed())
}

/// Far more than the fifty milliseconds of the case: others use this machine meanwhile.
const AT_ONCE: Duration = Duration::from_secs(3);

fn with_headers(line: &str, count: usize) -> String {
    let headers: String = (0..count).map(|nth| line.replace("{n}", &nth.to_string())).collect();
    format!("GET /login HTTP/1.1\r\nhost: a\r\n{headers}\r\n")
}

#[tokio::test]
async fn j18_what_is_too_much_is_refused_at_once_and_read_no_further() {
    let server = TestServer::start().await;
    let big = format!("x-big: {}\r\n", "a".repeat(64 * 1024));
    let cookies: String = (0..100_000).map(|nth| format!("c{nth}=v; ")).collect();
    let body = "POST /oauth/token HTTP/1.1\r\nhost: a\r\n\
        content-type: application/x-www-form-urlencoded\r\ncontent-length: ";
    let fields = "a=b&".repeat(100_000);
    for (name, head, statuses) in [
        ("64 kB of one header", with_headers(&big, 1), &["431", "400"][..]),
        ("ten thousand headers", with_headers("x-{n}: y\r\n", 10_000), &["431", "400"]),
        (
            "ninety headers of a kilobyte",
            with_headers(&format!("x-{{n}}: {}\r\n", "y".repeat(1000)), 90),
            &["431"],
        ),
        (
            "a hundred thousand cookies",
            with_headers(&format!("cookie: {cookies}\r\n"), 1),
            &["431", "400"],
        ),
        ("a gigabyte", format!("{body}1073741824\r\n\r\n"), &["413"]),
        ("more than can be counted", format!("{body}{}\r\n\r\n", "9".repeat(25)), &["413", "400"]),
        ("a hundred thousand fields", format!("{body}{}\r\n\r\n{fields}", fields.len()), &["413"]),
    ] {
        let (status, took) = answered(&server, &head).await;
        assert!(statuses.contains(&status.as_str()), "{name}: {status:?}");
        assert!(took < AT_ONCE, "{name}: {took:?}");
    }
    // Two hundred fields are enough for anybody.
    let fields = "a=b&".repeat(201);
    let head = format!("{body}{}\r\nconnection: close\r\n\r\n{fields}", fields.len());
    assert_eq!(answered(&server, &head).await.0, "400");
    assert_eq!(server.browser().get("/login").await.status, 200);
}

/// A body without a length that never ends: read as far as it may go, and no further.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "ends a test that hangs, no transaction")]
async fn i02_a_body_without_end_is_refused_where_the_limit_is() {
    let server = TestServer::start().await;
    let mut stream = connect(&server).await;
    let head = "POST /oauth/token HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\
        content-type: application/x-www-form-urlencoded\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let begun = Instant::now();
    // Some is taken while the answer goes out, so that it arrives; then nobody listens any more.
    let write = async { while writing.write_all(chunk.as_bytes()).await.is_ok() {} };
    let read = async {
        let mut back = Vec::new();
        let _ = reading.read_to_end(&mut back).await;
        back
    };
    let both = futures_util::future::join(write, read);
    let ((), back) =
        tokio::time::timeout(Duration::from_secs(30), both).await.expect("it is let go");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let back = String::from_utf8_lossy(&back).into_owned();
    assert!(back.is_empty() || back.starts_with("HTTP/1.1 413"), "{back}");
    assert_eq!(server.browser().get("/login").await.status, 200);
}

/// Heads and bodies that come a byte at a time, and connections on which nothing comes at all.
/// Five thousand where the process may open so many files: each takes two here, one at either end, and the
/// other tests need theirs.
fn slow_ones() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let may = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<usize>().ok());
    (may.unwrap_or(1024) / 4).clamp(200, 5000)
}

#[tokio::test]
async fn j17_whoever_is_slow_is_let_go_and_holds_up_nobody() {
    let server = TestServer::start().await;
    let begins = [
        ("", Duration::from_secs(5)),
        ("GET /login HTTP/1.1\r\nhost: a\r\nx-slow: ", Duration::from_secs(5)),
        (
            "POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\ngrant_type=",
            Duration::from_secs(10),
        ),
    ];
    let slow = join_all((0..slow_ones()).map(|nth: usize| {
        let (begin, patience) = begins[nth % begins.len()];
        let server = &server;
        async move {
            let mut stream = connect(server).await;
            stream.write_all(begin.as_bytes()).await.unwrap();
            let begun = Instant::now();
            let back = rest(stream).await;
            (nth % begins.len(), back, begun.elapsed(), patience)
        }
    }));
    let others = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..200 {
            let begun = Instant::now();
            assert_eq!(server.browser().get("/health/live").await.status, 200);
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    };
    let (slow, slowest) = futures_util::join!(slow, others);
    for (kind, back, took, patience) in slow {
        // Whoever says nothing at all may be let go without a word.
        assert!(back.is_empty() || back.starts_with("HTTP/1.1 4"), "{kind}: {back}");
        assert!(took < patience + Duration::from_secs(4), "{kind}: {took:?}");
    }
    assert!(slowest < Duration::from_secs(2), "somebody else waited {slowest:?}");
    // Nothing of it was done.
    assert_eq!(server.db.count("SELECT count(*) FROM access_tokens").await, 0);
}
