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
use crate::flows::cross_origin::is_known;
use crate::http::extract::Anyone;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use url::Url;

/// Lets the page that asked read an answer to its own application.
pub fn allow(request: &HttpRequest, client: &Client, answer: &mut HttpResponse) {
    let Some(origin) = origin(request) else { return };
    if is_of(client, origin) {
        let headers = answer.headers_mut();
        if let Ok(origin) = HeaderValue::from_str(origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// `null` is nobody in particular, and so nobody.
fn origin(request: &HttpRequest) -> Option<&str> {
    let mut values = request.headers().get_all(header::ORIGIN);
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

/// The question a browser asks first: before the application is known, so for the pages of any.
pub async fn preflight(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    let mut answer = HttpResponse::NoContent();
    answer.insert_header((header::VARY, "Origin, Access-Control-Request-Method"));
    let Some(origin) = origin(&request) else { return answer.finish() };
    match is_known(&ctx, origin).await {
        Ok(true) => answer
            .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin))
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
            .finish(),
        Ok(false) => answer.finish(),
        Err(cause) => accident(&cause),
    }
}
