//! The cookies: one for the session of one's own, one for each application acted in.
//!
//! A value is a secret of 256 bits, of which the database keeps the hash; only [`known_device`] is no secret of a
//! session, outlives it and opens nothing. `Lax`, because people come from
//! applications by ordinary links; never with a `Domain`, so that no other host sees or sets them.
use super::Edge;
use crate::crypto::hash::sha256;
use crate::domain::ClientId;
use crate::flows::login::sign_in::KNOWN_FOR;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use actix_web::{HttpRequest, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeSet;

const NAME: &str = "understudy";
const SIGN_IN: &str = "understudy_form";
const KNOWN: &str = "understudy_known";
const POSTED: &str = "understudy_posted";
/// Names a sentence for the next page. Not secret, and says nothing about anybody.
const NOTICE: &str = "understudy_notice";
const NOTICE_SECONDS: i64 = 120;
/// The value of an impersonated cookie whose impersonation has ended; too short for a secret.
const ENDED: &str = "ended";
/// Secrets of ours have 43 characters, one with a time before it 60; anything much longer is none.
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

/// The cookie by which a request that was posted from elsewhere comes back as a `GET`; `id` is of that request, so
/// that two tabs do not take each other's.
pub fn posted_request_name(id: &str, secure: bool) -> String {
    named(&format!("{POSTED}_{}", id.get(..8).unwrap_or(id)), secure)
}

pub fn posted_request(request: &HttpRequest, id: &str) -> Option<String> {
    read(request, &posted_request_name(id, is_secure(request)))
}

/// Marks a browser in which a user has signed in before; see `flows::login::sign_in`.
pub fn known_device(request: &HttpRequest) -> Option<String> {
    read(request, &named(KNOWN, is_secure(request)))
}

pub fn set_known_device(request: &HttpRequest, token: &str) -> Cookie<'static> {
    let secure = is_secure(request);
    made(named(KNOWN, secure), token.to_owned(), secure, Some(KNOWN_FOR.num_seconds()))
}

/// The notice that the next page shows.
pub fn notice(request: &HttpRequest) -> Option<String> {
    read(request, &named(NOTICE, is_secure(request)))
}

pub fn set_notice(request: &HttpRequest, notice: &str) -> Cookie<'static> {
    let secure = is_secure(request);
    made(named(NOTICE, secure), notice.to_owned(), secure, Some(NOTICE_SECONDS))
}

/// The secret of the session in which the browser acts as somebody in `client`.
pub fn impersonated(request: &HttpRequest, client: &ClientId) -> Option<String> {
    read(request, &impersonated_name(client, is_secure(request)))
}

/// The secrets of every session in which the browser acts as somebody.
pub fn all_impersonated(request: &HttpRequest, secure: bool) -> Vec<String> {
    let prefix = impersonated_prefix(secure);
    let ours = pairs(request).filter(|(name, _)| name.starts_with(prefix.as_bytes()));
    let values = ours.filter_map(|(_, value)| std::str::from_utf8(value).ok());
    values.filter(|value| fits(value) && *value != ENDED).map(str::to_owned).take(MOST).collect()
}

fn impersonated_prefix(secure: bool) -> String {
    named(&format!("{NAME}_as_"), secure)
}

/// Name and value of each cookie, as octets ([RFC 6265 §5.4]): one that cannot be read spoils no other. A host of
/// the same domain can set cookies for ours.
///
/// [RFC 6265 §5.4]: https://www.rfc-editor.org/rfc/rfc6265#section-5.4
fn pairs(request: &HttpRequest) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = request.headers().get_all(header::COOKIE).map(header::HeaderValue::as_bytes);
    lines.flat_map(|line| line.split(|byte| *byte == b';')).filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = pair.split_at_checked(equals)?;
        Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
    })
}

/// Of several cookies of that name the first that can be one of ours.
fn read(request: &HttpRequest, name: &str) -> Option<String> {
    let values = pairs(request).filter(|(other, _)| *other == name.as_bytes());
    let mut values = values.filter_map(|(_, value)| std::str::from_utf8(value).ok());
    values.find(|value| fits(value)).map(str::to_owned)
}

fn fits(value: &str) -> bool {
    !value.is_empty() && value.len() <= LONGEST && value.is_ascii()
}

/// Until the browser is closed; the session behind it has clocks of its own.
pub fn set_own(request: &HttpRequest, secret: &str) -> Cookie<'static> {
    let secure = is_secure(request);
    made(named(NAME, secure), secret.to_owned(), secure, None)
}

/// Until the browser is closed: whoever sits there next is somebody else.
pub fn set_impersonated(request: &HttpRequest, client: &ClientId, secret: &str) -> Cookie<'static> {
    let secure = is_secure(request);
    made(impersonated_name(client, secure), secret.to_owned(), secure, None)
}

/// In place of the secret of an impersonation that has ended; the next silent question of the application is
/// answered by it: `login_required` once, and not the actor's own account without a word.
pub fn set_ended(request: &HttpRequest, client: &ClientId) -> Cookie<'static> {
    set_impersonated(request, client, ENDED)
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

/// Takes away the cookie of every impersonation, those too that stand for nothing any more.
pub fn remove_all_impersonated(request: &HttpRequest) -> Vec<Cookie<'static>> {
    let secure = is_secure(request);
    let prefix = impersonated_prefix(secure);
    let names = pairs(request).filter_map(|(name, _)| std::str::from_utf8(name).ok());
    let ours = names.filter(|name| {
        let rest = name.strip_prefix(&prefix);
        rest.is_some_and(|rest| {
            rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        })
    });
    let ours: BTreeSet<&str> = ours.collect();
    ours.into_iter().map(|name| removed(name.to_owned(), secure)).collect()
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

    #[test]
    fn k06_the_cookie_of_an_impersonation_goes_with_the_browser() {
        let request = TestRequest::default().app_data(edge(true)).to_http_request();
        for cookie in [set_impersonated(&request, &id("a"), "s"), set_ended(&request, &id("a"))] {
            assert!(cookie.max_age().is_none() && cookie.expires().is_none(), "{cookie}");
        }
    }

    #[test]
    fn k32_a_cookie_that_cannot_be_read_spoils_no_other() {
        let empty = TestRequest::default().app_data(edge(true)).to_http_request();
        let mine = format!("{}=mine", set_impersonated(&empty, &id("a"), "x").name());
        let lines: [&[&[u8]]; 9] = [
            &[b"n=M\xfcller; __Host-understudy=own; "],
            &[b"M\xfc=1; __Host-understudy=own; "],
            &[b"__Host-understudy=own; n=\xff\xfe; "],
            &[b"n=\xfc", b"__Host-understudy=own; "],
            &[b"__Host-understudy=\xfc; __Host-understudy=own; "],
            &[b"n=%FC%; x; ;; =; __Host-understudy=own;"],
            &[b"n=\"; __Host-understudy=own; "],
            &[b"__Host-understudy; __Host-understudy=own; "],
            &[b"__Host-understudy=; __Host-understudy=own;"],
        ];
        for line in lines {
            let mut request = TestRequest::default().app_data(edge(true));
            for (nth, part) in line.iter().enumerate() {
                let last = nth + 1 == line.len();
                let text = if last { [part, mine.as_bytes()].concat() } else { part.to_vec() };
                let value = header::HeaderValue::from_bytes(&text).unwrap();
                request = request.append_header((header::COOKIE, value));
            }
            let request = request.to_http_request();
            assert_eq!(own(&request).as_deref(), Some("own"), "{line:?}");
            assert_eq!(impersonated(&request, &id("a")).as_deref(), Some("mine"), "{line:?}");
            assert_eq!(all_impersonated(&request, true), ["mine"], "{line:?}");
        }
    }

    #[test]
    fn k06_every_cookie_of_an_impersonation_is_taken_away() {
        let request = TestRequest::default()
            .app_data(edge(true))
            .insert_header((
                "cookie",
                "__Host-understudy_as_a=1; x=2; __Host-understudy_as_b=ended",
            ))
            .to_http_request();
        let gone = remove_all_impersonated(&request);
        let names: Vec<&str> = gone.iter().map(Cookie::name).collect();
        assert_eq!(names, ["__Host-understudy_as_a", "__Host-understudy_as_b"]);
        assert_eq!(all_impersonated(&request, true), ["1"]);
    }
}
