//! Addresses that an operator registers for an application, checked before they are stored.
//!
//! Whoever controls one is handed codes and people, so what a browser may read in another way than
//! we do is refused, not mended. Matching is elsewhere, and byte for byte.
use super::client::ClientKind;
use url::{Host, Url};

/// Never, whatever the kind of application: they run or read something instead of going somewhere.
const NEVER: [&str; 7] = ["javascript", "data", "file", "vbscript", "about", "blob", "view-source"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUri {
    #[error("is no absolute address")]
    NotAbsolute,
    #[error("has a character that does not belong in an address (write it percent-encoded)")]
    BadCharacter,
    #[error("has a fragment")]
    Fragment,
    #[error("has a wildcard")]
    Wildcard,
    #[error("has a user name or password")]
    Userinfo,
    #[error("must be https, or http on a loopback address")]
    NotHttps,
    #[error("has a scheme that is never allowed")]
    BadScheme,
    #[error("a scheme of one's own is for native applications, and in reverse-domain form")]
    NotReverseDomain,
}

/// Where a browser is sent with an answer: `redirect_uris`, `post_logout_redirect_uris`.
///
/// https, or http on a loopback address; native applications may have a scheme of their own, named
/// after a domain ([RFC 8252 §7.1]).
///
/// [RFC 8252 §7.1]: https://www.rfc-editor.org/rfc/rfc8252#section-7.1
pub fn check_redirect(uri: &str, kind: ClientKind) -> Result<(), BadUri> {
    match scheme_of(uri)? {
        "https" | "http" => check_web(uri),
        scheme if NEVER.contains(&scheme) => Err(BadUri::BadScheme),
        scheme if kind == ClientKind::Native && scheme.contains('.') => {
            check_text(uri)?;
            Url::parse(uri).map(|_| ()).map_err(|_| BadUri::NotAbsolute)
        }
        _ => Err(BadUri::NotReverseDomain),
    }
}

/// An address on the web: `initiate_login_uri`, `backchannel_logout_uri`, and those of the other rooms.
pub fn check_web(uri: &str) -> Result<(), BadUri> {
    let scheme = scheme_of(uri)?;
    if NEVER.contains(&scheme) {
        return Err(BadUri::BadScheme);
    }
    if !matches!(scheme, "https" | "http") {
        return Err(BadUri::NotHttps);
    }
    check_text(uri)?;
    // `https:host` and `https:///host` name a host for some readers and none for others.
    let rest = uri.get(scheme.len()..).and_then(|rest| rest.strip_prefix("://"));
    let rest = rest.filter(|rest| !rest.starts_with('/')).ok_or(BadUri::NotAbsolute)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(BadUri::Userinfo);
    }
    let url = Url::parse(uri).map_err(|_| BadUri::NotAbsolute)?;
    match (scheme, url.host()) {
        (_, None) => Err(BadUri::NotAbsolute),
        ("https", Some(_)) => Ok(()),
        (_, Some(host)) if is_loopback(&host) => Ok(()),
        (_, Some(_)) => Err(BadUri::NotHttps),
    }
}

/// In lower case, as it is compared and stored.
fn scheme_of(uri: &str) -> Result<&str, BadUri> {
    let (scheme, _) = uri.split_once(':').ok_or(BadUri::NotAbsolute)?;
    let well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !well_formed {
        return Err(BadUri::NotAbsolute);
    }
    if scheme.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(BadUri::BadCharacter);
    }
    Ok(scheme)
}

fn check_text(uri: &str) -> Result<(), BadUri> {
    let bad = |b: u8| !b.is_ascii_graphic() || matches!(b, b'\\' | b'"' | b'<' | b'>' | b'`');
    if uri.len() > 2000 || uri.bytes().any(bad) {
        return Err(BadUri::BadCharacter);
    }
    if uri.contains('#') {
        return Err(BadUri::Fragment);
    }
    if uri.contains('*') {
        return Err(BadUri::Wildcard);
    }
    Ok(())
}

/// `localhost` resolves to the machine itself ([RFC 6761 §6.3]).
///
/// [RFC 6761 §6.3]: https://www.rfc-editor.org/rfc/rfc6761#section-6.3
fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_are_registered() {
        for uri in [
            "https://app.example/callback",
            "https://app.example",
            "https://app.example:8443/cb?tenant=1&x=%2A",
            "https://münchen.example/".replace("münchen", "xn--mnchen-3ya").as_str(),
            "http://127.0.0.1:8090/callback",
            "http://[::1]:3000/callback",
            "http://localhost/callback",
            "http://shop.localhost:3000/",
        ] {
            assert_eq!(check_redirect(uri, ClientKind::Web), Ok(()), "{uri}");
            assert_eq!(check_web(uri), Ok(()), "{uri}");
        }
        let own = "com.example.app:/callback";
        assert_eq!(check_redirect(own, ClientKind::Native), Ok(()));
        assert_eq!(check_redirect(own, ClientKind::Web), Err(BadUri::NotReverseDomain));
        assert_eq!(check_web(own), Err(BadUri::NotHttps));
    }

    #[test]
    fn c06_bad_schemes_are_refused_at_registration() {
        for uri in [
            "javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "JavaScript:alert(1)",
            "java\tscript:alert(1)",
            " javascript:alert(1)",
            "javascript://app.example/%0aalert(1)",
            "blob:https://app.example/x",
            "myapp:/callback",
            "http://app.example/callback",
            "http://127.0.0.1.app.example/callback",
            "http://localhost.app.example/callback",
            "ftp://app.example/callback",
            "//app.example/callback",
            "/callback",
            "",
            "https:",
            "https://",
            "https:app.example/callback",
            "https:///app.example/callback",
            "https://app.example/callback#",
            "https://app.example/callback#x",
            "https://*.app.example/callback",
            "https://app.example/*",
            "https://user@app.example/callback",
            "https://@app.example/callback",
            "https://user:password@app.example/callback",
            "http://127.0.0.1@app.example/callback",
            "https://app.example\\@evil.example/callback",
            "https://app.example/call back",
            "https://app.example/call\nback",
            "https://app.example/call\0back",
            "https://münchen.example/",
        ] {
            for kind in ClientKind::ALL {
                assert!(check_redirect(uri, kind).is_err(), "{uri} {kind:?}");
            }
            assert!(check_web(uri).is_err(), "{uri}");
        }
    }
}
