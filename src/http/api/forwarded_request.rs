//! What a client asked an API, as its proxy tells it to `/forward-auth`, and whether it can only read.
//!
//! A request is safe if its method is, and nothing in it asks for another method or for another protocol: by rule
//! and not by a list of spellings, because a spelling that is missing in a list gets through.
use crate::http::header_name::normalized;
use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

/// Where the proxy says what it was asked. Any of them may be there.
const METHODS: [&str; 2] = ["x-forwarded-method", "x-original-method"];
const TARGETS: [&str; 2] = ["x-forwarded-uri", "x-original-uri"];
/// A browser's question before a request, which only reads (Fetch §3.2).
const PREFLIGHT: &str = "access-control-request-method";
/// Of a path as much is kept in the trail.
const MAX_TARGET: usize = 512;

/// Only safe methods ([RFC 9110 §9.2.1]); one that nobody names is none. The method of the question itself counts
/// too, because there are proxies that ask with the client's.
///
/// [RFC 9110 §9.2.1]: https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1
pub fn is_safe(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let named = METHODS.iter().any(|name| headers.contains_key(*name));
    let mut all = headers.iter().map(|(name, value)| (normalized(name.as_str()), value));
    let only_reads = all.all(|(name, value)| {
        if METHODS.contains(&name.as_str()) {
            return is_safe_method(value.as_bytes());
        }
        !asks_for_another_method(&name) && !leaves_http(&name, value)
    });
    let own_query = request.uri().query().unwrap_or_default();
    let overridden = |target: Cow<'_, str>| {
        target.split_once('?').is_some_and(|(_, query)| overrides_method(query))
    };
    is_safe_method(request.method().as_str().as_bytes())
        && named
        && only_reads
        && !targets(headers).any(overridden)
        && !overrides_method(own_query)
}

fn is_safe_method(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"OPTIONS")
}

/// `X-HTTP-Method-Override` and its kind.
fn asks_for_another_method(name: &str) -> bool {
    let words = ["method", "verb", "override"];
    name != PREFLIGHT && words.iter().any(|word| name.contains(word))
}

/// A connection that becomes another protocol is no request any more, and goes both ways ([RFC 9110 §7.8],
/// [RFC 6455], [RFC 8441]).
///
/// [RFC 9110 §7.8]: https://www.rfc-editor.org/rfc/rfc9110#section-7.8
/// [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455
/// [RFC 8441]: https://www.rfc-editor.org/rfc/rfc8441
fn leaves_http(name: &str, value: &HeaderValue) -> bool {
    let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
    let lists = |word: &str| value.split(',').any(|part| part.trim() == word);
    match name {
        "upgrade-insecure-requests" => false,
        "connection" | "proxy-connection" => lists("upgrade"),
        "sec-fetch-mode" => lists("websocket"),
        "http2-settings" => true,
        _ if name.starts_with("sec-websocket") => true,
        // Beside `Upgrade` what proxies call it that must take the header itself away.
        _ if name.contains("upgrade") => !matches!(value.trim(), "" | "-"),
        // `:protocol` of an extended CONNECT, and the scheme of a WebSocket, in the words of proxies.
        _ if name.contains("proto") || name.ends_with("scheme") => {
            ["ws", "wss", "websocket"].into_iter().any(lists)
        }
        _ => false,
    }
}

/// Frameworks take the method from the query too: `_method=DELETE`.
fn overrides_method(query: &str) -> bool {
    let pairs = query.split(['&', ';']).flat_map(|part| {
        // Some frameworks cut a name at its first NUL.
        url::form_urlencoded::parse(part.as_bytes())
            .map(|(name, _)| normalized(name.split('\0').next().unwrap_or_default()))
    });
    let mut names = pairs.map(|name| name.trim_end_matches('-').to_owned());
    names.any(|name| {
        let marked = name.starts_with('-') && matches!(name.trim_matches('-'), "method" | "verb");
        let folded = name.replace('-', "");
        marked || folded.contains("httpmethod") || folded.contains("methodoverride")
    })
}

/// What cannot be read as text is read as far as it can: one odd byte hides no query.
fn targets(headers: &HeaderMap) -> impl Iterator<Item = Cow<'_, str>> {
    let is_target = |name: &HeaderName| TARGETS.contains(&normalized(name.as_str()).as_str());
    let own = headers.iter().filter(move |(name, _)| is_target(name));
    own.map(|(_, value)| String::from_utf8_lossy(value.as_bytes()))
}

/// What is asked for, as the proxy says: for the trail, and for nothing else. `path` is what the client asked of a
/// proxy that puts its own before it.
pub fn describe(request: &HttpRequest, path: &str) -> String {
    let first = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| request.headers().get(*name))?.to_str().ok()?;
        // A query may hold secrets.
        Some(value.split('?').next().unwrap_or_default())
    };
    let method = first(METHODS).unwrap_or(request.method().as_str());
    let target = first(TARGETS).unwrap_or(path);
    format!("{method} {target}").chars().take(MAX_TARGET).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    fn safe(headers: &[(&str, &str)]) -> bool {
        let request = headers.iter().fold(TestRequest::get(), |r, h| r.append_header(*h));
        is_safe(&request.to_http_request())
    }

    fn safe_with(name: &str, value: &str) -> bool {
        safe(&[("x-original-method", "GET"), (name, value)])
    }

    #[test]
    fn k22_an_odd_byte_in_the_target_hides_no_override() {
        for target in
            [&b"/a?_method=DELETE&z=\xe9"[..], b"/\xc3\xa9?_method=DELETE", b"/a?_method%00x=PUT"]
        {
            let value = HeaderValue::from_bytes(target).unwrap();
            let request = TestRequest::get()
                .append_header(("x-original-method", "GET"))
                .append_header(("x-original-uri", value));
            assert!(!is_safe(&request.to_http_request()), "{target:?}");
        }
    }

    #[test]
    fn a_method_that_nobody_names_or_that_two_name_differently_is_not_safe() {
        assert!(safe(&[("x-original-method", "GET")]));
        assert!(safe(&[("x-forwarded-method", "HEAD"), ("x-original-method", "GET")]));
        assert!(!safe(&[]));
        assert!(!safe(&[("x-original-method", "POST")]));
        assert!(!safe(&[("x-original-method", "get")]));
        assert!(!safe(&[("x-original-method", "GET"), ("x-forwarded-method", "DELETE")]));
        assert!(!safe(&[("x-original-method", "GET"), ("x-original-method", "DELETE")]));
    }

    #[test]
    fn k22_every_spelling_of_another_method_is_not_safe() {
        for name in [
            "X-HTTP-Method-Override",
            "X_HTTP_Method_Override",
            "x-http_method-override",
            "X.HTTP.Method.Override",
            "X-HTTP-Method",
            "X-Method-Override",
            "X_METHOD_OVERRIDE",
            "X-Method",
            "X-HTTP-Verb",
            "HTTP-Method-Override",
            "X_Forwarded_Method",
            "x-original_method",
        ] {
            assert!(!safe_with(name, "DELETE"), "{name}");
        }
        // The name of the client alone says nothing of what the proxy was asked.
        assert!(!safe(&[("x_original_method", "GET")]));
        for uri in [
            "/a?_method=DELETE",
            "/a?x=1&_METHOD=put",
            "/a?%5Fmethod=DELETE",
            "/a?x=1;_method=DELETE",
            "/a?_method[]=DELETE",
            "/a?X-HTTP-Method-Override=DELETE",
            "/a?http_method=DELETE",
            "/a?method_override=DELETE",
        ] {
            assert!(!safe_with("X-Original-URI", uri), "{uri}");
            assert!(!safe_with("x_forwarded_uri", uri), "{uri}");
        }
        for uri in ["/a", "/a?method=card", "/a_method=DELETE", "/a?payment_method=card"] {
            assert!(safe_with("X-Original-URI", uri), "{uri}");
        }
    }

    #[test]
    fn k22_what_leaves_http_is_not_safe() {
        for (name, value) in [
            ("Upgrade", "websocket"),
            ("upgrade", "h2c"),
            ("Connection", "keep-alive, Upgrade"),
            ("Connection", "upgrade"),
            ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec_WebSocket_Version", "13"),
            ("Sec-WebSocket-Protocol", "chat"),
            ("Sec-Fetch-Mode", "websocket"),
            ("X-Forwarded-Proto", "wss"),
            ("X-Forwarded-Upgrade", "websocket"),
            ("X-Protocol", "websocket"),
        ] {
            assert!(!safe_with(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("Connection", "keep-alive"),
            ("Upgrade-Insecure-Requests", "1"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Upgrade", ""),
            ("Sec-Fetch-Mode", "cors"),
            ("Access-Control-Request-Method", "DELETE"),
        ] {
            assert!(safe_with(name, value), "{name}: {value}");
        }
        let connect = TestRequest::default().method(actix_web::http::Method::CONNECT);
        let connect = connect.append_header(("x-original-method", "GET")).to_http_request();
        assert!(!is_safe(&connect));
    }

    proptest! {
        #[test]
        fn k22_no_case_or_separator_hides_an_override(
            upper in proptest::collection::vec(any::<bool>(), 22),
            separators in proptest::collection::vec("[-_.~!]", 3),
        ) {
            let mut separators = separators.into_iter();
            let name: String = "x-http-method-override".chars().zip(upper).map(|(c, upper)| match c {
                '-' => separators.next().unwrap(),
                c if upper => c.to_ascii_uppercase().to_string(),
                c => c.to_string(),
            }).collect();
            prop_assert!(!safe_with(&name, "DELETE"), "{}", name);
        }
    }
}
