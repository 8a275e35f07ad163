use std::net::IpAddr;
use std::time::Duration;

/// One request that has been answered.
#[derive(Debug, Clone, Copy)]
pub struct RequestLine<'a> {
    pub method: &'a str,
    /// As sent; only the path of it is written down.
    pub target: &'a str,
    /// The pattern that matched, such as `/users/{user_id}/impersonate`.
    pub route: Option<&'a str>,
    pub status: u16,
    pub elapsed: Duration,
    pub request_id: &'a str,
    pub client: Option<IpAddr>,
    /// Of the trace that the request belongs to.
    pub trace_id: &'a str,
    /// Why it was refused, in the words of the answer.
    pub reason: Option<&'a str>,
}

/// Asked for so often, and by machines, that a line each would only hide the others.
const QUIET: &[&str] = &["/health/", "/.well-known/", "/static/"];
const MAX_PATH_LEN: usize = 256;

/// The query may hold a bewit or a code, and never goes into a log.
pub fn path_only(target: &str) -> &str {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    // `GET http://host/path`, as to a proxy, is allowed everywhere (RFC 9112 §3.2.2).
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => path,
    };
    path.get(..path.floor_char_boundary(MAX_PATH_LEN)).unwrap_or_default()
}

impl RequestLine<'_> {
    /// One level for every outcome: what went wrong is logged once, where it is answered.
    pub(super) fn write(&self) {
        let path = path_only(self.target);
        let Self { method, status, request_id, client, elapsed, trace_id, reason, .. } = *self;
        let route = self.route.unwrap_or("none");
        let client = client.map(tracing::field::display);
        let ms = elapsed.as_secs_f64() * 1000.0;
        if status < 400 && QUIET.iter().any(|start| path.starts_with(start)) {
            tracing::debug!(
                method, path, route, status, ms, request_id, trace_id, client, reason, "request"
            );
        } else {
            tracing::info!(
                method, path, route, status, ms, request_id, trace_id, client, reason, "request"
            );
        }
    }
}
