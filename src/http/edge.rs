//! Where requests come in from.
use crate::domain::caller::Caller;
use crate::domain::network::{Network, client_address};
use actix_web::http::header;
use actix_web::{HttpMessage as _, HttpRequest, web};

/// What `http` has to know about the outside; set once, in `app`.
#[derive(Debug, Clone, Default)]
pub struct Edge {
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The public URL is https, so cookies are `Secure` and `__Host-`.
    pub secure: bool,
}

/// Made by the middleware for each request; every answer, log line and audit event carries it.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Set once the bearer of a request to our own API is known.
#[derive(Debug, Clone)]
pub struct BearerClient(pub String);

/// From where `request` came, for the audit trail and the throttle.
pub fn caller(request: &HttpRequest) -> Caller {
    let text = |name: header::HeaderName, longest: usize| {
        let value = request.headers().get(name)?.to_str().ok()?;
        Some(value.chars().take(longest).collect::<String>())
    };
    Caller {
        ip: client_ip(request),
        user_agent: text(header::USER_AGENT, 512),
        request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
        bearer_client: request.extensions().get::<BearerClient>().map(|it| it.0.clone()),
    }
}

fn client_ip(request: &HttpRequest) -> Option<String> {
    let peer = request.peer_addr()?.ip();
    let proxies = request.app_data::<web::Data<Edge>>();
    let trusted = proxies.map_or(&[][..], |edge| &edge.trusted_proxies);
    if trusted.is_empty() {
        return Some(peer.to_canonical().to_string());
    }
    let hops: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .collect();
    Some(client_address(peer, Some(&hops.join(",")), trusted).to_string())
}
