//! The cookies: one for the session of one's own, one for each application acted in.
//!
//! A value is a secret of 256 bits, of which the database keeps the hash; only [`acquaintance`] is no secret of a
//! session, outlives it and opens nothing. `Lax`, because people come from
//! applications by ordinary links; never with a `Domain`, so that no other host sees or sets them.
use super::Edge;
use crate::crypto::hash::sha256;
use crate::domain::ClientId;
use crate::impersonation::grant::LONGEST_DURATION;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const NAME: &str = "understudy";
const SIGN_IN: &str = "understudy_form";
const KNOWN: &str = "understudy_known";
/// Half a year: people who come less often wait with the strangers, when there is a flood of those.
const KNOWN_FOR: i64 = 180 * 24 * 3600;
/// Secrets of ours have 43 characters; anything much longer is none.
const LONGEST: usize = 64;
/// Impersonations that one request is read for; a real browser holds one or two.
const MOST: usize = 16;

/// Whether the public URL is https, as configured: never what the request says of itself.
pub fn is_secure(request: &HttpRequest) -> bool {
    request.app_data::<web::Data<Edge>>().is_none_or(|edge| edge.secure)
}

/// Browsers take a `__Host-` cookie only over https, so a loopback address over plain http goes without.
fn named(name: &str, secure: bool) -> String {
    if secure { format!("__Host-{name}") } else { name.to_owned() }
}

/// The cookie of an impersonation in `client`. A hash, because an id may hold any character.
fn impersonated_name(client: &ClientId, secure: bool) -> String {
    let digest = URL_SAFE_NO_PAD.encode(sha256(client.as_str().as_bytes()));
    named(&format!("{NAME}_as_{}", digest.get(..16).unwrap_or_default()), secure)
}

/// The secret of the session that the browser has of its own.
pub fn own(request: &HttpRequest) -> Option<String> {
    read(request, &named(NAME, is_secure(request)))
}

/// The cookie that binds the sign-in form to the browser it was shown in.
pub fn sign_in_name(secure: bool) -> String {
    named(SIGN_IN, secure)
}

pub fn sign_in(request: &HttpRequest, secure: bool) -> Option<String> {
    read(request, &sign_in_name(secure))
}

/// That somebody has signed in here before; see `flows::sign_in`.
pub fn acquaintance(request: &HttpRequest) -> Option<String> {
    read(request, &named(KNOWN, is_secure(request)))
}

pub fn set_acquaintance(request: &HttpRequest, token: &str) -> Cookie<'static> {
    let secure = is_secure(request);
    made(named(KNOWN, secure), token.to_owned(), secure, Some(KNOWN_FOR))
}

/// The secret of the session in which the browser acts as somebody in `client`.
pub fn impersonated(request: &HttpRequest, client: &ClientId) -> Option<String> {
    read(request, &impersonated_name(client, is_secure(request)))
}

/// The secrets of every session in which the browser acts as somebody.
pub fn all_impersonated(request: &HttpRequest, secure: bool) -> Vec<String> {
    let prefix = named(&format!("{NAME}_as_"), secure);
    let Ok(cookies) = request.cookies() else { return Vec::new() };
    let ours = cookies.iter().filter(|cookie| cookie.name().starts_with(&prefix));
    ours.map(|cookie| cookie.value().to_owned()).filter(|value| fits(value)).take(MOST).collect()
}

fn read(request: &HttpRequest, name: &str) -> Option<String> {
    let value = request.cookie(name)?.value().to_owned();
    fits(&value).then_some(value)
}

fn fits(value: &str) -> bool {
    !value.is_empty() && value.len() <= LONGEST && value.is_ascii()
}

/// Until the browser is closed; the session behind it has clocks of its own.
pub fn set_own(request: &HttpRequest, secret: &str) -> Cookie<'static> {
    let secure = is_secure(request);
    made(named(NAME, secure), secret.to_owned(), secure, None)
}

/// As long as an impersonation can last, so that a browser does not carry it for ever.
pub fn set_impersonated(request: &HttpRequest, client: &ClientId, secret: &str) -> Cookie<'static> {
    let (secure, longest) = (is_secure(request), LONGEST_DURATION.num_seconds());
    made(impersonated_name(client, secure), secret.to_owned(), secure, Some(longest))
}

/// Until the browser is closed, or `seconds` have gone by.
pub fn made(name: String, value: String, secure: bool, seconds: Option<i64>) -> Cookie<'static> {
    let cookie = Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Lax);
    match seconds {
        Some(seconds) => cookie.max_age(Duration::seconds(seconds)).finish(),
        None => cookie.finish(),
    }
}

/// Takes a cookie away from the browser.
pub fn removed(name: String, secure: bool) -> Cookie<'static> {
    let mut cookie = made(name, String::new(), secure, None);
    cookie.make_removal();
    cookie
}

pub fn remove_session(request: &HttpRequest) -> Cookie<'static> {
    let secure = is_secure(request);
    removed(named(NAME, secure), secure)
}

pub fn remove_impersonated(request: &HttpRequest, client: &ClientId) -> Cookie<'static> {
    let secure = is_secure(request);
    removed(impersonated_name(client, secure), secure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn id(text: &str) -> ClientId {
        ClientId::parse(text).unwrap()
    }

    fn edge(secure: bool) -> web::Data<Edge> {
        web::Data::new(Edge { secure, ..Edge::default() })
    }

    #[test]
    fn a_cookie_is_for_this_host_only_and_scripts_do_not_see_it() {
        let request = TestRequest::default().app_data(edge(true)).to_http_request();
        let text = set_own(&request, "s").to_string();
        assert!(text.starts_with("__Host-understudy=s;"), "{text}");
        for part in ["HttpOnly", "Secure", "Path=/", "SameSite=Lax"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("Domain"));
        let plain = TestRequest::default().app_data(edge(false)).to_http_request();
        let text = set_own(&plain, "s").to_string();
        assert!(text.starts_with("understudy=s;") && !text.contains("Secure"), "{text}");
    }

    #[test]
    fn each_application_has_a_cookie_of_its_own() {
        let empty = TestRequest::default().app_data(edge(true)).to_http_request();
        let (a, b) =
            (set_impersonated(&empty, &id("a"), "one"), set_impersonated(&empty, &id("b"), "two"));
        assert_ne!(a.name(), b.name());
        assert!(a.name().starts_with("__Host-understudy_as_") && a.name().len() == 37);
        let request = TestRequest::default()
            .app_data(edge(true))
            .cookie(a)
            .cookie(set_own(&empty, "own"))
            .to_http_request();
        assert_eq!(impersonated(&request, &id("a")).as_deref(), Some("one"));
        assert_eq!(impersonated(&request, &id("b")), None);
        assert_eq!(own(&request).as_deref(), Some("own"));
        assert_eq!(all_impersonated(&request, true), ["one"]);
    }
}
