//! What every request leaves for operators: a span around all that is done for it, a line, and its counters.
use crate::crypto::random;
use crate::http;
use crate::http::edge::{self, RequestId, RouteTemplate};
use crate::observability::trace_context::{self, TraceContext};
use crate::telemetry::{Metrics, RequestLine};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, web};
use std::net::IpAddr;
use std::time::Instant;
use tracing::Instrument as _;

const TRACEPARENT: &str = "traceparent";
/// A request that no route takes, in logs and metrics.
const NO_ROUTE: &str = "none";

/// Lines that are written meanwhile have the request's id, route and client in their span. No path and no query is in
/// it, because both may hold secrets: links carry a bewit, redirects a code.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let begun = Instant::now();
    let metrics = request.app_data::<web::Data<Metrics>>().cloned();
    let _in_flight = metrics.as_ref().map(|metrics| metrics.begun());
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let route = request.extensions().get::<RouteTemplate>().and_then(|route| route.0.clone());
    let client = edge::origin(request.request()).map(|origin| origin.address);
    let caller = traceparent(request.headers());
    let own = own_context(caller);
    let span = span(&id, route.as_deref(), client, &own);
    let answer = trace_context::scope(own, next.call(request).instrument(span)).await?;
    let request = answer.request();
    let reason = http::reason::of(answer.response());
    let line = RequestLine {
        method: request.method().as_str(),
        target: request.uri().path(),
        route: route.as_deref(),
        status: answer.status().as_u16(),
        elapsed: begun.elapsed(),
        request_id: &id,
        client,
        trace_id: &own.trace_id_text(),
        reason: reason.as_deref(),
    };
    if let Some(metrics) = metrics {
        metrics.finished(&line);
    }
    Ok(answer)
}

/// Several headers are none: nobody can say which one counts.
fn traceparent(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(TRACEPARENT);
    let only = values.next().filter(|_| values.next().is_none())?;
    TraceContext::parse(only.to_str().ok()?)
}

/// The request's own span, in the caller's trace or in a new one.
fn own_context(caller: Option<TraceContext>) -> TraceContext {
    let span_id = random::bytes();
    match caller {
        Some(caller) => caller.with_span(span_id),
        None => TraceContext { trace_id: random::bytes(), span_id, sampled: false },
    }
}

/// At the level of errors, so that a log of errors alone has it too.
fn span(
    request_id: &str,
    route: Option<&str>,
    client: Option<IpAddr>,
    trace: &TraceContext,
) -> tracing::Span {
    let trace_id = trace.trace_id_text();
    let route = route.unwrap_or(NO_ROUTE);
    tracing::error_span!(
        "request",
        request_id,
        route,
        client = client.map(tracing::field::display),
        trace_id
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(values: &[&'static str]) -> Option<TraceContext> {
        let headers = values.iter().fold(TestRequest::default(), |request, value| {
            request.append_header((TRACEPARENT, *value))
        });
        traceparent(headers.to_http_request().headers())
    }

    #[test]
    fn the_trace_of_the_caller_is_taken_on_with_a_span_of_our_own() {
        let caller = read(&[GOOD]).unwrap();
        let own = own_context(Some(caller));
        assert_eq!((own.trace_id, own.sampled), (caller.trace_id, true));
        assert_ne!(own.span_id, caller.span_id);
    }

    #[test]
    fn two_traces_or_a_broken_one_begin_a_new_one() {
        for values in [&[GOOD, GOOD][..], &["00-secret"], &[]] {
            assert_eq!(read(values), None, "{values:?}");
        }
        let own = own_context(None);
        assert!(!own.sampled && own.trace_id != [0; 16]);
    }
}
