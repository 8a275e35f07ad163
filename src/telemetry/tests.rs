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
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
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

/// Every metric that there is.
fn all_metrics() -> std::collections::BTreeSet<String> {
    let metrics = Metrics::new().unwrap();
    metrics.finished(&request("/x"));
    // Without a label there is no time series of it yet.
    metrics.set_cleaning_backlog(&[("sessions", 0)]);
    let page = exposition::write(&metrics, &exposition::ProcessState::default());
    let families = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    families.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

fn read_file(path: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_list_of_metrics_in_the_documents_is_complete_and_names_no_other() {
    let text = read_file("docs/reference/metrics.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed = rows.map(|row| row.split(['`', '{']).next().unwrap().to_owned());
    let listed: std::collections::BTreeSet<String> = listed.collect();
    let there = all_metrics();
    let there = if cfg!(target_os = "linux") {
        there
    } else {
        let of_linux = listed.iter().filter(|name| name.starts_with("process_")).cloned();
        there.into_iter().chain(of_linux).collect()
    };
    assert_eq!(listed, there);
}

#[test]
fn every_metric_of_the_dashboard_and_of_the_alerts_exists() {
    let there = all_metrics();
    for path in ["examples/grafana/understudy.json", "examples/prometheus/alerts.yaml"] {
        let text = read_file(path);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named: Vec<&str> = words
            .filter(|word| word.starts_with("understudy_") || word.starts_with("process_"))
            .map(|word| word.strip_suffix("_bucket").unwrap_or(word))
            .collect();
        assert!(named.len() > 15, "{path}: {named:?}");
        for name in named {
            assert!(there.contains(name), "{path} names {name}");
        }
    }
}

#[test]
fn a_number_that_is_not_known_is_nan_and_never_zero() {
    let metrics = Metrics::new().unwrap();
    let page = || exposition::write(&metrics, &exposition::ProcessState::default());
    assert!(page().contains("understudy_impersonations_running NaN\n"));
    let key_ages = crate::flows::operations::take_readings::KeyAges {
        token: Some(1.5),
        bewit: None,
        xml: None,
    };
    metrics.set_readings(Some(crate::flows::operations::take_readings::Readings {
        impersonations_running: 3,
        logout_deliveries_waiting: 0,
        key_ages,
    }));
    assert!(page().contains("understudy_impersonations_running 3\n"));
    assert!(page().contains("understudy_logout_deliveries_waiting 0\n"));
    assert!(page().contains("understudy_signing_key_age_seconds{purpose=\"token\"} 1.5\n"));
    assert!(page().contains("understudy_signing_key_age_seconds{purpose=\"xml\"} NaN\n"));
    metrics.set_readings(None);
    assert!(page().contains("understudy_impersonations_running NaN\n"));
}

/// The reasons and the kinds of events that the code knows have a time series of their own.
#[test]
fn no_reason_and_no_event_is_counted_as_another_one() {
    use crate::observability::counters::{AUDIT_EVENTS, Counted as _, IMPERSONATIONS_REFUSED};
    let words = |path: &str| {
        let text = read_file(path);
        let arms = text.lines().filter_map(|line| line.split_once("=> \""));
        arms.map(|(_, rest)| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let rows = |family: &dyn crate::observability::counters::Counted| {
        let mut rows = Vec::new();
        family.visit(&mut |labels, _| rows.push(labels[0].1));
        rows
    };
    assert_eq!(IMPERSONATIONS_REFUSED.name(), "understudy_impersonations_refused_total");
    for (path, family) in [
        (
            "src/impersonation/denial.rs",
            &IMPERSONATIONS_REFUSED as &dyn crate::observability::counters::Counted,
        ),
        ("src/audit/event.rs", &AUDIT_EVENTS),
    ] {
        let (words, rows) = (words(path), rows(family));
        assert!(words.len() > 18, "{path}: {words:?}");
        for word in words {
            assert!(rows.contains(&word.as_str()), "{word} of {path} has no time series");
        }
    }
}
