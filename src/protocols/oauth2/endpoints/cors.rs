//! Which pages may call which endpoints from a browser ([Fetch §3.3]).
//!
//! Discovery and keys are for everybody. Tokens are for the pages of the application itself, which are
//! where its redirect URIs are. The authorization endpoint is for no script at all ([RFC 9700 §2.6]), and
//! credentials of the browser never go along.
//!
//! [Fetch §3.3]: https://fetch.spec.whatwg.org/#http-cors-protocol
//! [RFC 9700 §2.6]: https://www.rfc-editor.org/rfc/rfc9700#section-2.6
use super::body::accident;
use crate::domain::client::{Client, ClientKind};
use crate::flows::Context;
use crate::flows::tokens::cross_origin::is_known;
use crate::http::extract::Anyone;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use url::Url;

/// The endpoints that pages of applications call.
const CALLED_BY_PAGES: [&str; 3] = ["/oauth/token", "/oauth/revoke", "/userinfo"];
/// What a page may read beside the usual headers: what to mend, and how long to wait.
const EXPOSED: HeaderValue = HeaderValue::from_static("WWW-Authenticate, Retry-After");
const MAX_HEADER_LIST_LEN: usize = 2048;

/// Lets the page that asked read an answer to its own application.
pub fn allow(request: &HttpRequest, client: &Client, answer: &mut HttpResponse) {
    let Some(origin) = origin(request.headers()) else { return };
    if is_of(client, origin) {
        open_to(origin, answer.headers_mut());
    }
}

/// Lets pages of registered applications read what went wrong, wherever that was found: before the application was
/// known, by a limit or by an outage. Around all routes, so that no answer is without it.
pub async fn let_pages_read_errors(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let asked = CALLED_BY_PAGES.contains(&request.path())
        && request.method() != Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN);
    let mut answer = next.call(request).await?;
    let status = answer.status();
    let failed = status.is_client_error() || status.is_server_error();
    if !asked || !failed || answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        return Ok(answer);
    }
    let request = answer.request().clone();
    let headers = answer.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let ctx = request.app_data::<web::Data<Context>>();
    if let (Some(ctx), Some(origin)) = (ctx, origin(request.headers()))
        && is_known(ctx, origin).await.unwrap_or_default()
    {
        open_to(origin, headers);
    }
    Ok(answer)
}

fn open_to(origin: &str, headers: &mut HeaderMap) {
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
}

/// `null` is nobody in particular, and so nobody.
fn origin(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::ORIGIN);
    let value = values.next()?.to_str().ok()?;
    (values.next().is_none() && value != "null").then_some(value)
}

fn is_of(client: &Client, origin: &str) -> bool {
    let in_browsers = matches!(client.kind, ClientKind::Spa | ClientKind::Native);
    in_browsers
        && client.redirect_uris.iter().any(|uri| {
            Url::parse(uri).is_ok_and(|uri| {
                uri.origin().is_tuple() && uri.origin().ascii_serialization() == origin
            })
        })
}

/// The question a browser asks first: before the application is known, so for the pages of any. Libraries send
/// headers of their own, and none of them is read here, so each that is asked for is allowed.
pub async fn preflight(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    let mut answer = asked_first();
    let Some(origin) = origin(request.headers()) else { return answer.finish() };
    match is_known(&ctx, origin).await {
        Ok(true) => answer
            .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin))
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, wanted_headers(&request)))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
            .finish(),
        Ok(false) => answer.finish(),
        Err(cause) => accident(&cause),
    }
}

/// The same for what everybody may read.
pub async fn preflight_of_everybody(_: Anyone, request: HttpRequest) -> HttpResponse {
    asked_first()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, wanted_headers(&request)))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}

fn asked_first() -> HttpResponseBuilder {
    let mut answer = HttpResponse::NoContent();
    let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    answer.insert_header((header::VARY, vary));
    answer
}

/// The headers that were asked for, if they are names; else the two that everybody sends.
fn wanted_headers(request: &HttpRequest) -> String {
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let asked = asked.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~, ".contains(&b);
    if !asked.is_empty() && asked.len() <= MAX_HEADER_LIST_LEN && asked.bytes().all(is_name) {
        return asked.to_owned();
    }
    "authorization, content-type".to_owned()
}
