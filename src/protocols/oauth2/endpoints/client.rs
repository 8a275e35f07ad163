//! How an application shows who it is, as it is sent ([RFC 6749 §2.3.1], [RFC 7521 §4.2]).
//!
//! [RFC 6749 §2.3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
//! [RFC 7521 §4.2]: https://www.rfc-editor.org/rfc/rfc7521#section-4.2
use crate::flows::tokens::authenticate_client::{
    AuthenticatedClient, BasicReading, Presented, authenticate,
};
use crate::flows::{Context, Failure};
use crate::http::caller;
use crate::protocols::oauth2::parameters::OauthParameters;
use crate::protocols::oauth2::refusal::TokenRefusal;
use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub async fn authenticated(
    ctx: &Context,
    request: &HttpRequest,
    sent: &OauthParameters,
) -> Result<AuthenticatedClient, Failure<TokenRefusal>> {
    let presented = presented(request, sent).map_err(Failure::Refused)?;
    authenticate(ctx, &presented, &caller(request)).await.map_err(|failure| match failure {
        Failure::Refused(refusal) => Failure::Refused(refusal.into()),
        Failure::Internal(cause) => Failure::Internal(cause),
        Failure::Busy => Failure::Busy,
    })
}

/// Exactly one way: two could disagree (RFC 6749 §2.3).
fn presented(request: &HttpRequest, sent: &OauthParameters) -> Result<Presented, TokenRefusal> {
    let basic = basic(request)?;
    let (id, secret) = (sent.owned("client_id"), sent.owned("client_secret"));
    let assertion = assertion(sent)?;
    match (basic, secret, assertion) {
        (Some(mut readings), None, None) => {
            readings.retain(|reading| id.as_ref().is_none_or(|id| *id == reading.id));
            if readings.is_empty() {
                return Err(TokenRefusal::InvalidRequest("two different client ids are given"));
            }
            Ok(Presented::Basic(readings))
        }
        (None, Some(secret), None) => {
            Ok(Presented::Post { id: id.ok_or(TokenRefusal::InvalidClient)?, secret })
        }
        (None, None, Some(assertion)) => Ok(Presented::Assertion { id, assertion }),
        (None, None, None) => Ok(Presented::Name(id.ok_or(TokenRefusal::InvalidClient)?)),
        _ => Err(TokenRefusal::InvalidRequest("more than one way to authenticate is used")),
    }
}

fn assertion(sent: &OauthParameters) -> Result<Option<String>, TokenRefusal> {
    match (sent.owned("client_assertion"), sent.get("client_assertion_type")) {
        (None, None) => Ok(None),
        (Some(assertion), Some(ASSERTION_TYPE)) => Ok(Some(assertion)),
        _ => Err(TokenRefusal::InvalidRequest("client_assertion_type is not supported")),
    }
}

/// Name and secret are form-encoded before they are joined. An escape that is none stands for itself; where the header
/// can be read in more than one way, the standard's is the first (K-50).
fn basic(request: &HttpRequest) -> Result<Option<Vec<BasicReading>>, TokenRefusal> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(TokenRefusal::InvalidRequest("more than one Authorization header"));
    }
    let bad = TokenRefusal::InvalidClient;
    let (scheme, credentials) = value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or(bad)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(bad);
    }
    let joined = STANDARD.decode(credentials.trim()).map_err(|_| bad)?;
    let colon = joined.iter().position(|b| *b == b':').ok_or(bad)?;
    let (name, secret) = joined.split_at(colon);
    let secret = secret.get(1..).unwrap_or_default();
    let mut readings: Vec<BasicReading> = Vec::new();
    for decode in [form_decoded, escapes_decoded, as_it_stands] {
        if let (Some(id), Some(secret)) = (decode(name), decode(secret)) {
            let reading = BasicReading { id, secret };
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
    }
    if readings.is_empty() { Err(bad) } else { Ok(Some(readings)) }
}

fn form_decoded(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    escapes_decoded(&spaced)
}

fn escapes_decoded(text: &[u8]) -> Option<String> {
    percent_decode(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn as_it_stands(text: &[u8]) -> Option<String> {
    std::str::from_utf8(text).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    fn read(header: Option<&str>, body: &str) -> Result<Presented, TokenRefusal> {
        let request = match header {
            Some(value) => TestRequest::default().insert_header(("authorization", value)),
            None => TestRequest::default(),
        };
        let sent = OauthParameters::of_body(body.as_bytes()).unwrap();
        presented(&request.to_http_request(), &sent)
    }

    fn basic_of(joined: &str) -> String {
        format!("Basic {}", STANDARD.encode(joined))
    }

    #[test]
    fn c36_two_ways_to_authenticate_are_refused() {
        let header = basic_of("a:b");
        let assertion = format!("client_assertion=x&client_assertion_type={ASSERTION_TYPE}");
        for body in ["client_id=a&client_secret=b", &assertion, "client_id=other"] {
            let refused = read(Some(&header), body).err();
            assert!(matches!(refused, Some(TokenRefusal::InvalidRequest(_))), "{body}");
        }
        let both = format!("client_id=a&client_secret=b&{assertion}");
        assert!(matches!(read(None, &both).err(), Some(TokenRefusal::InvalidRequest(_))));
    }

    #[test]
    fn c37_basic_is_form_encoded_and_its_scheme_has_no_case() {
        for (joined, name, secret) in [
            ("a:b", "a", "b"),
            ("a%3Ab:c%25d", "a:b", "c%d"),
            ("a:b:c", "a", "b:c"),
            ("a:50%", "a", "50%"),
            ("a:x+y", "a", "x y"),
            ("a:", "a", ""),
        ] {
            let header = basic_of(joined).replace("Basic", "bAsIc ");
            let Ok(Presented::Basic(readings)) = read(Some(&header), "") else {
                panic!("{joined}")
            };
            let first = readings.first().unwrap();
            assert_eq!((first.id.as_str(), first.secret.as_str()), (name, secret));
        }
        let not_utf8 = format!("Basic {}", STANDARD.encode([b'a', b':', 0xff]));
        for bad in ["Basic", "Basic !!", "Bearer x", "Basic YQ==", &not_utf8] {
            assert_eq!(read(Some(bad), "").err(), Some(TokenRefusal::InvalidClient), "{bad}");
        }
    }

    #[test]
    fn k50_a_secret_that_was_not_encoded_is_read_as_it_stands_too() {
        for (joined, secrets) in [
            ("a:x+y", &["x y", "x+y"][..]),
            ("a:x%2By", &["x+y", "x%2By"]),
            ("a:x+%41", &["x A", "x+A", "x+%41"]),
            ("a:plain", &["plain"]),
        ] {
            let Ok(Presented::Basic(readings)) = read(Some(&basic_of(joined)), "client_id=a")
            else {
                panic!("{joined}")
            };
            let read: Vec<&str> = readings.iter().map(|it| it.secret.as_str()).collect();
            assert_eq!(read, secrets);
        }
        let Ok(Presented::Basic(readings)) = read(Some(&basic_of("a+b:c")), "client_id=a%2Bb")
        else {
            panic!()
        };
        assert_eq!(readings.first().unwrap().id, "a+b");
    }

    #[test]
    fn c35_nothing_at_all_is_an_unknown_application() {
        assert_eq!(read(None, "").err(), Some(TokenRefusal::InvalidClient));
        assert_eq!(read(None, "client_secret=x").err(), Some(TokenRefusal::InvalidClient));
    }

    proptest! {
        #[test]
        fn c37_no_header_makes_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(Some(&format!("Basic {}", STANDARD.encode(&bytes))), "");
        }
    }
}
