//! Requests that two programs in a row may read differently.
use super::{OFF, raw};
use crate::support::TestServer;

/// A second request hides behind each; whoever reads it as one has been fooled.
const HIDDEN: &str = "GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

#[tokio::test]
async fn j19_a_message_whose_length_is_in_doubt_is_refused_and_the_connection_closed() {
    let server = TestServer::start_with(OFF).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let chunks = "0\r\n\r\n";
    for headers in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: identity, chunked\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding : chunked\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 6\r\n",
        "content-length: +5\r\n",
        "content-length: -5\r\n",
        "content-length: 0x5\r\n",
        "content-length : 5\r\n",
        "content-length: 99999999999999999999999\r\n",
        "x-folded: a\r\n  content-length: 5\r\n",
    ] {
        let request = format!(
            "POST /oauth/token HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}\r\n{chunks}{HIDDEN}"
        );
        let back = raw::exchange(address, request.as_bytes()).await;
        let back = String::from_utf8_lossy(&back);
        assert!(back.starts_with("HTTP/1.1 400"), "{headers:?}: {back}");
        assert_eq!(back.matches("HTTP/1.1 ").count(), 1, "{headers:?}: {back}");
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_next_one_served() {
    let server = TestServer::start_with(OFF).await;
    let address = server.url.strip_prefix("http://").unwrap();
    for line in [
        "GET /account HTTP/9.9\r\n\r\n",
        "GET  /account HTTP/1.1\r\n\r\n",
        "GET /acc ount HTTP/1.1\r\n\r\n",
        "GET\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let back = raw::exchange(address, line.as_bytes()).await;
        let back = String::from_utf8_lossy(&back);
        assert!(back.is_empty() || back.starts_with("HTTP/1.1 4"), "{line:?}: {back}");
    }
    for (line, status) in [
        ("CONNECT 127.0.0.1:80 HTTP/1.1", "HTTP/1.1 4"),
        ("OPTIONS * HTTP/1.1", "HTTP/1.1 4"),
        ("GET http://evil.test/account HTTP/1.1", "HTTP/1.1 "),
    ] {
        let request = format!("{line}\r\nhost: evil.test\r\nconnection: close\r\n\r\n");
        let back = raw::exchange(address, request.as_bytes()).await;
        let back = String::from_utf8_lossy(&back);
        assert!(back.starts_with(status) && !back.contains("evil.test"), "{line}: {back}");
    }
    assert_eq!(server.browser().get("/health/live").await.status, 200);
}

/// The floods of HTTP/2 (streams that are reset at once, headers without end, settings over and over) need
/// HTTP/2: this server speaks HTTP/1.1, to whoever knows better and to whoever asks for more.
#[tokio::test]
async fn j20_http_2_is_not_spoken_and_a_flood_of_its_frames_is_cut_off() {
    let server = TestServer::start_with(OFF).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let frame = |kind: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, 0, 0, 0, 0, stream][..], payload].concat()
    };
    let settings = frame(4, 0, &[]);
    let begun = [frame(1, 1, &[0x82, 0x86, 0x84]), frame(3, 1, &[0, 0, 0, 8])].concat();
    let headers = [frame(1, 1, &[0x82]), frame(9, 1, &[0; 200]).repeat(500)].concat();
    for flood in [settings.repeat(2000), begun.repeat(1000), headers] {
        let all = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), settings.clone(), flood].concat();
        // It comes to an end, and not with a frame of theirs.
        let back = raw::exchange(address, &all).await;
        let back = String::from_utf8_lossy(&back);
        assert!(back.is_empty() || back.starts_with("HTTP/1.1 4"), "{back:?}");
    }
    let upgrade = "GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close, upgrade, http2-settings\r\n\
        upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n";
    let back = raw::exchange(address, upgrade.as_bytes()).await;
    let back = String::from_utf8_lossy(&back);
    assert!(back.starts_with("HTTP/1.1 200"), "{back:?}");
    assert_eq!(server.browser().get("/health/live").await.status, 200);
}

/// Nothing is upgraded here, so the body is as long as it says, and is not waited for.
#[tokio::test]
async fn k60_a_body_beside_upgrade_is_as_long_as_it_says() {
    let server = TestServer::start_with(OFF).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let body = "grant_type=client_credentials&client_id=machine&client_secret=machine-secret";
    for (length, status) in [
        (format!("content-length: {}\r\n", body.len()), "HTTP/1.1 200"),
        (String::new(), "HTTP/1.1 4"),
    ] {
        let head = format!(
            "POST /oauth/token HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             content-type: application/x-www-form-urlencoded\r\n{length}\r\n{body}"
        );
        let begun = std::time::Instant::now();
        let answer = raw::send(address, head.as_bytes()).await.unwrap();
        assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
        let line = format!("HTTP/1.1 {}", answer.status);
        assert!(line.starts_with(status), "{line} {}", answer.text());
    }
}
