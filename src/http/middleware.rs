//! What every request passes: an id of its own, and headers that every answer carries.
use super::edge::{self, RequestId, RouteTemplate};
use super::error::ApiError;
use super::extract::acting_as;
use super::ui::error::PageError;
use crate::crypto::random;
use crate::domain::network::{ClientOrigin, SITE_FACTOR, throttle_key};
use crate::flows::Context;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError};
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Set unless the handler has set its own.
const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer")),
];

pub async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // Never the caller's: an id that somebody else chose proves nothing and may carry anything.
    let id = hex(random::bytes::<12>());
    request.extensions_mut().insert(RequestId(id.clone()));
    let https = request.app_data::<Data<super::Edge>>().is_some_and(|edge| edge.secure);
    let html = crate::http::ui::wants_html(request.request());
    let (route, origin) = (request.match_pattern(), edge::origin(request.request()));
    request.extensions_mut().insert(RouteTemplate(route.clone()));
    // Nothing of what was being done is used again: a connection with a transaction that is open is closed.
    let Ok(answered) = AssertUnwindSafe(next.call(request)).catch_unwind().await else {
        let client = origin.map(|origin| tracing::field::display(origin.address));
        tracing::error!(request_id = %id, route, client, "a handler panicked");
        return Err(Panicked { request_id: id, html, https }.into());
    };
    let mut answer = answered?;
    let request = answer.request().clone();
    let headers = answer.headers_mut();
    acting_as::finish(&request, headers);
    dress(headers, &id, https);
    Ok(answer)
}

fn dress(headers: &mut HeaderMap, id: &str, https: bool) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in ALWAYS {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// A mistake of ours that was found too late. Whoever ran into it is answered, and so is everybody else.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked")]
struct Panicked {
    request_id: String,
    html: bool,
    https: bool,
}

impl ResponseError for Panicked {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = if self.html {
            PageError::panicked(self.request_id.clone()).error_response()
        } else {
            ApiError::server_error().error_response()
        };
        dress(answer.headers_mut(), &self.request_id, self.https);
        answer
    }
}

fn hex(bytes: [u8; 12]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(24), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 503 for everything but health until the keys are there: without them there are false answers only.
pub async fn wait_for_keys(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let ctx = request.app_data::<Data<Context>>();
    let are_there = ctx.is_some_and(|ctx| ctx.shared.keys.are_there());
    if are_there || request.path().starts_with("/health/") {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let answer = crate::http::ui::in_kind(request.request(), &ApiError::unavailable());
    Ok(request.into_response(answer).map_into_right_body())
}

/// Requests a second that one address may make to what costs something, and how many at once.
const STEADY: std::num::NonZeroU32 = std::num::NonZeroU32::new(200).unwrap();
const BURST: std::num::NonZeroU32 = std::num::NonZeroU32::new(1000).unwrap();

type PerAddress = governor::DefaultKeyedRateLimiter<String>;

/// The guard against floods from one address; counts that must hold over several nodes are in Postgres.
#[derive(Clone)]
pub struct Floods(Option<std::sync::Arc<FloodLimits>>);

struct FloodLimits {
    networks: PerAddress,
    sites: PerAddress,
}

/// As many times as much from a site as from one of its networks.
const SITE: std::num::NonZeroU32 = std::num::NonZeroU32::new(SITE_FACTOR as u32).unwrap();

impl Floods {
    pub fn new(on: bool) -> Self {
        let quota = |factor| {
            let times = |rate: std::num::NonZeroU32| rate.saturating_mul(factor);
            governor::Quota::per_second(times(STEADY)).allow_burst(times(BURST))
        };
        let limits = || FloodLimits {
            networks: governor::RateLimiter::keyed(quota(std::num::NonZeroU32::MIN)),
            sites: governor::RateLimiter::keyed(quota(SITE)),
        };
        Self(on.then(|| std::sync::Arc::new(limits())))
    }

    /// Whoever wrote a hop that cannot be read is told from others by the words of that hop.
    fn admits(&self, origin: Option<&ClientOrigin>) -> bool {
        let (Some(limits), Some(origin)) = (&self.0, origin) else { return true };
        let (network, site) = if let Some(hop) = &origin.unreadable {
            (format!("{} {hop}", origin.address), None)
        } else {
            let key = throttle_key(origin.address);
            (key.network, key.site)
        };
        limits.networks.check_key(&network).is_ok()
            && site.is_none_or(|site| limits.sites.check_key(&site).is_ok())
    }

    /// Forgets addresses that have been quiet.
    pub fn forget_quiet(&self) {
        if let Some(limits) = &self.0 {
            limits.networks.retain_recent();
            limits.sites.retain_recent();
        }
    }
}

/// 429 before any work is done. Health and assets are not counted.
pub async fn hold_back_floods(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let path = request.path();
    let free = ["/health/", "/static/", "/.well-known/"];
    let counted = !free.iter().any(|start| path.starts_with(start));
    let floods = request.app_data::<Data<Floods>>();
    let floods = floods.filter(|floods| counted && floods.0.is_some());
    let admitted =
        floods.is_none_or(|floods| floods.admits(edge::origin(request.request()).as_ref()));
    if admitted {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let answer = ApiError::rate_limited();
    Ok(request.error_response(answer).map_into_right_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(origins: impl Iterator<Item = ClientOrigin>) -> usize {
        let floods = Floods::new(true);
        origins.filter(|origin| floods.admits(Some(origin))).count()
    }

    fn from(address: &str) -> ClientOrigin {
        ClientOrigin { address: address.parse().unwrap(), unreadable: None }
    }

    #[test]
    fn k08_a_flood_is_counted_by_network_and_by_site() {
        let most = BURST.get() as usize;
        let one_network = (0..2 * most).map(|nth| from(&format!("2001:db8:1:1::{nth:x}")));
        let passed = admitted(one_network);
        assert!((most..most + most / 2).contains(&passed), "{passed}");
        let one_site =
            (0..20 * most).map(|nth| from(&format!("2001:db8:1:{:x}::{nth:x}", nth % 40)));
        let passed = admitted(one_site);
        assert!((10 * most..15 * most).contains(&passed), "{passed}");
    }

    #[test]
    fn k09_hops_that_cannot_be_read_are_told_apart_by_their_words() {
        let hop = |nth: usize| ClientOrigin {
            unreadable: Some(format!("_{}", nth % 2)),
            ..from("127.0.0.1")
        };
        let passed = admitted((0..3000).map(hop));
        assert!(passed >= 2 * BURST.get() as usize, "{passed}");
    }
}
