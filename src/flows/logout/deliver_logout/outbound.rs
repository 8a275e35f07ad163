//! HTTP calls to registered URLs: short, without redirects, and never into internal networks.
use crate::flows::Context;
use crate::observability::trace_context::current_traceparent;
use crate::store::{StoreError, connection::tls};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use url::{Host, Url};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// Posts a logout token; the problem, if there is one, in words for the operator.
pub(super) async fn post_token(ctx: &Context, url: &str, token: &str) -> Result<(), String> {
    send(form(ctx, url, &[("logout_token", token)])?, |status| status.is_success()).await
}

/// Posts the fields of a protocol's form.
pub(super) async fn post(ctx: &Context, url: &str, fields: &[(&str, &str)]) -> Result<(), String> {
    send(form(ctx, url, fields)?, or_redirect).await
}

fn form(ctx: &Context, url: &str, fields: &[(&str, &str)]) -> Result<RequestBuilder, String> {
    let (url, client) = prepare(ctx, url)?;
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Ok(client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body))
}

/// Opens a URL that carries its message in the query.
pub(super) async fn get(ctx: &Context, url: &str) -> Result<(), String> {
    let (url, client) = prepare(ctx, url)?;
    send(client.get(url), or_redirect).await
}

fn prepare(ctx: &Context, url: &str) -> Result<(Url, &'static Client), String> {
    let url = Url::parse(url).map_err(|problem| problem.to_string())?;
    // A server on a loopback address is a developer's machine, and so are its applications.
    let open = ctx.issuer().starts_with("http://");
    if !open && !may_be_called(&url) {
        return Err("not a public https address".to_owned());
    }
    Ok((url, client(open).map_err(|problem| problem.to_string())?))
}

/// Which status means delivered.
type IsDelivered = fn(StatusCode) -> bool;

/// A service provider may respond with a redirect, which is not followed.
fn or_redirect(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection()
}

/// Every call carries on the trace that it belongs to, if there is one.
async fn send(request: RequestBuilder, is_delivered: IsDelivered) -> Result<(), String> {
    let request = match current_traceparent() {
        Some(trace) => request.header("traceparent", trace),
        None => request,
    };
    match request.send().await {
        Ok(answer) if is_delivered(answer.status()) => Ok(()),
        Ok(answer) => Err(format!("answered {}", answer.status().as_u16())),
        Err(problem) if problem.is_timeout() => Err("did not answer in time".to_owned()),
        Err(problem) if problem.is_connect() => Err("cannot be reached".to_owned()),
        Err(_) => Err("did not answer properly".to_owned()),
    }
}

/// An address in the URL itself goes past the resolver, so it is judged here.
fn may_be_called(url: &Url) -> bool {
    let public = match url.host() {
        Some(Host::Ipv4(address)) => is_public(address.into()),
        Some(Host::Ipv6(address)) => is_public(address.into()),
        Some(Host::Domain(_)) => true,
        None => false,
    };
    public && url.scheme() == "https"
}

/// Made once: it reads the certificates of the machine. No connection is kept.
fn client(open: bool) -> Result<&'static Client, StoreError> {
    static GUARDED: OnceLock<Client> = OnceLock::new();
    static OPEN: OnceLock<Client> = OnceLock::new();
    let made = if open { &OPEN } else { &GUARDED };
    if let Some(client) = made.get() {
        return Ok(client);
    }
    let tls = tls::system().map_err(|e| StoreError::Unavailable(e.into()))?;
    let builder = ClientBuilder::new()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .no_proxy()
        .timeout(REQUEST_TIMEOUT)
        .pool_max_idle_per_host(0);
    let builder = if open { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) };
    let client = builder.build().map_err(|e| StoreError::Unavailable(e.into()))?;
    Ok(made.get_or_init(|| client))
}

/// Gives only addresses outside, and the connection goes to one of these: a name that answers
/// differently the next time gains nothing.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err("the name has no public address".into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// The special-purpose registries of IANA ([RFC 6890]), by way of every spelling.
///
/// [RFC 6890]: https://www.rfc-editor.org/rfc/rfc6890
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = (a == 192 && b == 0 && c == 0) || (a == 198 && (b == 18 || b == 19));
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || special
        || a == 0
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, _, _, _, _, high, low] = address.segments();
    let embedded = || {
        let ([one, two], [three, four]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(one, two, three, four))
    };
    match (first, second) {
        // Translated addresses of IPv4 (RFC 6052).
        (0x64, 0xff9b) => embedded(),
        (0x2001, 0xdb8 | 0) | (0x2002, _) => false,
        // Only what is handed out for the whole world: no unique local, link-local or multicast.
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c60_addresses_inside_are_not_called() {
        for inside in [
            "https://127.0.0.1/x",
            "https://127.1/x",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/",
            "https://192.168.1.1/",
            "https://172.16.0.1/",
            "https://100.64.0.1/",
            "https://0/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[ff02::1]/",
            "https://[2002:7f00:1::]/",
            "https://255.255.255.255/",
            "https://224.0.0.1/",
            "https://198.18.0.1/",
            "https://192.0.0.8/",
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
        ] {
            assert!(!may_be_called(&Url::parse(inside).unwrap()), "{inside}");
        }
        for outside in [
            "https://example.com/",
            "https://93.184.215.14/",
            "https://[2606:2800:21f::1]/",
            "https://[64:ff9b::5db8:d70e]/",
        ] {
            assert!(may_be_called(&Url::parse(outside).unwrap()), "{outside}");
        }
    }
}
