//! Where requests come in from.
use crate::domain::caller::{Caller, CallerAddress};
use crate::domain::network::{ClientOrigin, ForwardedHeaders, Network, client_origin};
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpMessage as _, HttpRequest, web};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What `http` has to know about the outside; set once, in `app`.
#[derive(Debug, Clone, Default)]
pub struct Edge {
    /// Whose `X-Forwarded-For` and `Forwarded` are believed.
    pub trusted_proxies: Vec<Network>,
    /// The public URL is https, so cookies are `Secure` and `__Host-`.
    pub secure: bool,
    pub warnings: Arc<ForwardingWarnings>,
}

/// What is said once a process about addresses that proxies write, because it would be true of every request.
#[derive(Debug, Default)]
pub struct ForwardingWarnings {
    untrusted: AtomicBool,
    unreadable: AtomicBool,
}

impl ForwardingWarnings {
    fn untrusted(&self, peer: IpAddr) {
        if !self.untrusted.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "a forwarded address came from a peer that is not in UNDERSTUDY_TRUSTED_PROXIES and was ignored; if \
                 that is a proxy of yours, name it there: until then all its users are one address, in the audit \
                 trail and for the limits on wrong passwords"
            );
        }
    }

    fn unreadable(&self, origin: &ClientOrigin, hop: &str) {
        if !self.unreadable.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                proxy = %origin.address,
                hop,
                "a trusted proxy wrote a hop that is no address; such requests have the proxy's address in the audit \
                 trail, and failed attempts are not counted by it"
            );
        }
    }
}

/// Made by the middleware for each request; every answer, log line and audit event carries it.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The pattern of the route that a request takes, such as `/users/{user_id}/impersonate`. Found once, because logs,
/// metrics and spans all have it.
#[derive(Debug, Clone)]
pub struct RouteTemplate(pub Option<String>);

/// Set once the bearer of a request to our own API is known.
#[derive(Debug, Clone)]
pub struct BearerClient(pub String);

/// From where `request` came, for the audit trail and the limits on attempts.
pub fn caller(request: &HttpRequest) -> Caller {
    let text = |name: header::HeaderName, longest: usize| {
        let value = request.headers().get(name)?.to_str().ok()?;
        Some(value.chars().take(longest).collect::<String>())
    };
    Caller {
        ip: origin(request).as_ref().map(CallerAddress::from),
        user_agent: text(header::USER_AGENT, 512),
        request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
        bearer_client: request.extensions().get::<BearerClient>().map(|it| it.0.clone()),
    }
}

/// From where `request` came; read once a request.
pub fn origin(request: &HttpRequest) -> Option<ClientOrigin> {
    let known = request.extensions().get::<ClientOrigin>().cloned();
    if known.is_some() {
        return known;
    }
    let origin = read_origin(request)?;
    request.extensions_mut().insert(origin.clone());
    Some(origin)
}

fn read_origin(request: &HttpRequest) -> Option<ClientOrigin> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let headers = request.headers();
    let lines =
        (lines_of(headers, "x-forwarded-for"), lines_of(headers, header::FORWARDED.as_str()));
    let as_sent = ClientOrigin { address: peer, unreadable: None };
    if lines == (None, None) {
        return Some(as_sent);
    }
    let Some(edge) = request.app_data::<web::Data<Edge>>() else { return Some(as_sent) };
    if !edge.trusted_proxies.iter().any(|network| network.contains(peer)) {
        edge.warnings.untrusted(peer);
        return Some(as_sent);
    }
    let headers =
        ForwardedHeaders { x_forwarded_for: lines.0.as_deref(), forwarded: lines.1.as_deref() };
    let origin = client_origin(peer, headers, &edge.trusted_proxies);
    if let Some(hop) = &origin.unreadable {
        edge.warnings.unreadable(&origin, hop);
    }
    Some(origin)
}

/// All lines of a header as one list. Bytes that are no text make the hop that they are in unreadable, and move no
/// other hop to the end of the list.
fn lines_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut lines = headers.get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = lines.next()?.into_owned();
    Some(lines.fold(first, |list, line| list + "," + &line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;

    fn origin_of(trusted: &[&str], lines: &[(&'static str, &[u8])]) -> ClientOrigin {
        let trusted_proxies = trusted.iter().map(|text| Network::parse(text).unwrap()).collect();
        let edge = Edge { trusted_proxies, ..Edge::default() };
        let mut request = TestRequest::default()
            .peer_addr("[::ffff:127.0.0.1]:9".parse().unwrap())
            .app_data(web::Data::new(edge));
        for (name, value) in lines {
            request = request.append_header((*name, HeaderValue::from_bytes(value).unwrap()));
        }
        origin(&request.to_http_request()).unwrap()
    }

    #[test]
    fn k09_a_line_that_is_no_text_moves_no_other_hop_to_the_end() {
        let lines: [(&'static str, &[u8]); 2] =
            [("x-forwarded-for", b"198.51.100.1"), ("x-forwarded-for", b"\xff\xfe")];
        let origin = origin_of(&["127.0.0.1"], &lines);
        assert_eq!(origin.address.to_string(), "127.0.0.1");
        assert!(origin.unreadable.is_some());
        let lines: [(&'static str, &[u8]); 2] =
            [("x-forwarded-for", b"\xff\xfe"), ("x-forwarded-for", b"203.0.113.7:9")];
        let origin = origin_of(&["127.0.0.1"], &lines);
        assert_eq!((origin.address.to_string(), origin.unreadable), ("203.0.113.7".into(), None));
    }

    #[test]
    fn k09_several_lines_are_one_list() {
        for name in ["x-forwarded-for", "forwarded"] {
            let node = |address: &str| match name {
                "forwarded" => format!("for=\"{address}:1\"").into_bytes(),
                _ => address.as_bytes().to_vec(),
            };
            let (first, second, third) = (node("1.1.1.1"), node("203.0.113.7"), node("10.0.0.5"));
            let lines: [(&'static str, &[u8]); 3] =
                [(name, &first), (name, &second), (name, &third)];
            let origin = origin_of(&["127.0.0.1", "10.0.0.0/8"], &lines);
            assert_eq!(origin.address.to_string(), "203.0.113.7", "{name}");
            assert_eq!(origin_of(&[], &lines).address.to_string(), "127.0.0.1", "{name}");
        }
    }
}
