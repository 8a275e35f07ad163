use super::*;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that is logged inside `f`, as it would come out.
fn logged(filter: &str, format: LogFormat, f: impl FnOnce()) -> String {
    let page = Page::default();
    let metrics = Metrics::new().unwrap();
    let (lines, flush) = lines::start(Box::new(page.clone()), metrics.lines_dropped()).unwrap();
    tracing::subscriber::with_default(subscriber(filter, format, lines), f);
    drop(flush);
    String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
}

fn request(target: &str) -> RequestLine<'_> {
    RequestLine {
        method: "GET",
        target,
        route: Some("/users/{user_id}/impersonate"),
        status: 302,
        elapsed: Duration::from_millis(3),
        request_id: "req-1",
        client: Some("192.0.2.1".parse().unwrap()),
        reason: None,
    }
}

#[test]
fn h25_an_event_stays_on_one_line_and_moves_no_cursor() {
    let nasty = "a\r\nINFO forged\u{1b}[2J\u{9b}31m\u{202e}\u{2028}b";
    for format in [LogFormat::Text, LogFormat::Json] {
        let text = logged("info", format, || {
            tracing::info!(agent = nasty, shown = %nasty, debugged = ?nasty, "hello {nasty}");
        });
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        assert!(text.ends_with('\n'));
        let body = text.trim_end_matches('\n');
        assert!(!body.contains(|c: char| c.is_control()), "{text:?}");
        assert!(!body.contains(['\u{202e}', '\u{2028}']), "{text:?}");
    }
}

#[test]
fn a_json_line_is_json_and_keeps_what_was_said() {
    let said = "a\r\n\u{1b}\u{9b}\u{202e}b";
    let text = logged("info", LogFormat::Json, || tracing::info!(said, "hello"));
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["said"], said);
    assert_eq!(line["message"], "hello");
}

#[test]
fn b25_a_request_line_has_no_query() {
    let metrics = Metrics::new().unwrap();
    for target in
        ["/users/u1/impersonate?&bewit=secret", "http://h/users/u1/impersonate?code=secret"]
    {
        let text = logged("trace", LogFormat::Json, || metrics.finished(&request(target)));
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["path"], "/users/u1/impersonate");
        assert_eq!(line["client"], "192.0.2.1");
        assert_eq!(line["status"], 302);
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn a_path_is_cut_at_the_query_and_at_a_length() {
    assert_eq!(path_only("/a#b?c"), "/a");
    assert_eq!(path_only("http://host"), "/");
    assert_eq!(path_only(""), "");
    assert!(path_only(&"/ä".repeat(400)).len() <= 256);
}

#[test]
fn documents_asked_for_by_machines_are_logged_only_on_demand() {
    let metrics = Metrics::new().unwrap();
    let jwks = request("/.well-known/jwks.json");
    assert!(logged("info", LogFormat::Text, || metrics.finished(&jwks)).is_empty());
    assert!(!logged("debug", LogFormat::Text, || metrics.finished(&jwks)).is_empty());
    let failed = RequestLine { status: 503, ..jwks };
    assert!(!logged("info", LogFormat::Text, || metrics.finished(&failed)).is_empty());
}

#[test]
fn b25_libraries_are_silent_below_info() {
    let text = logged("trace", LogFormat::Text, || {
        tracing::debug!(target: "tokio_postgres", "parameters: secret");
        tracing::info!(target: "actix_server", "hello");
        tracing::trace!("ours");
    });
    assert!(!text.contains("secret") && text.contains("hello") && text.contains("ours"), "{text}");
}

/// A pipe that nobody reads: writing waits until the test lets go.
struct Blocked {
    begun: Sender<()>,
    release: Receiver<()>,
}

impl Write for Blocked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.begun.send(());
        let _ = self.release.recv();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn j11_a_blocked_log_stops_nobody_and_lost_lines_are_counted() {
    let metrics = Metrics::new().unwrap();
    let (begun, started) = channel();
    let (let_go, release) = channel();
    let sink = Box::new(Blocked { begun, release });
    let (lines, flush) = lines::start(sink, metrics.lines_dropped()).unwrap();
    tracing::subscriber::with_default(subscriber("info", LogFormat::Text, lines), || {
        tracing::info!("the line that the writer is stuck on");
        started.recv().unwrap();
        for number in 0..lines::WAITING + 5 {
            tracing::info!(number);
        }
    });
    assert!(metrics.render().contains("understudy_log_lines_dropped_total 5"));
    drop(let_go);
    drop(flush);
}

#[test]
fn j11_a_closed_log_is_counted_and_survived() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let metrics = Metrics::new().unwrap();
    let (lines, flush) = lines::start(Box::new(Closed), metrics.lines_dropped()).unwrap();
    tracing::subscriber::with_default(subscriber("info", LogFormat::Text, lines), || {
        tracing::info!("one");
        tracing::info!("two");
    });
    drop(flush);
    assert!(metrics.render().contains("understudy_log_lines_dropped_total 2"));
}

#[test]
fn labels_never_come_from_a_request() {
    let metrics = Metrics::new().unwrap();
    let _under_way = metrics.begun();
    metrics.finished(&request("/x"));
    metrics.finished(&RequestLine { method: "BREW", route: None, status: 404, ..request("/word") });
    let text = metrics.render();
    assert!(text.contains(
        "understudy_http_requests_total{method=\"GET\",route=\"/users/{user_id}/impersonate\",status=\"302\"} 1"
    ));
    assert!(text.contains("{method=\"other\",route=\"none\",status=\"404\"} 1"));
    assert!(text.contains("understudy_http_requests_in_flight 1"));
    assert!(!text.contains("word") && !text.contains("BREW"));
}
