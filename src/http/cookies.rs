//! The cookies: one for the session of one's own, one for each application acted in.
//!
//! A value is a secret of 256 bits, of which the database keeps the hash. `Lax`, because people come from
//! applications by ordinary links; never with a `Domain`, so that no other host sees or sets them.
use crate::crypto::hash::sha256;
use crate::domain::ClientId;
use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const NAME: &str = "understudy";
/// Secrets of ours have 43 characters; anything much longer is none.
const LONGEST: usize = 64;

/// Browsers take a `__Host-` cookie only over https (or from nowhere but this host), so a loopback
/// address over plain http goes without.
fn named(name: &str, secure: bool) -> String {
    if secure { format!("__Host-{name}") } else { name.to_owned() }
}

pub fn session_name(secure: bool) -> String {
    named(NAME, secure)
}

/// The cookie of an impersonation in `client`. A hash, because an id may hold any character.
pub fn impersonated_name(client: &ClientId, secure: bool) -> String {
    let digest = URL_SAFE_NO_PAD.encode(sha256(client.as_str().as_bytes()));
    named(&format!("{NAME}_as_{}", digest.get(..16).unwrap_or_default()), secure)
}

/// The secret of the session that the browser has of its own.
pub fn session(request: &HttpRequest, secure: bool) -> Option<String> {
    read(request, &session_name(secure))
}

/// The secret of the session in which the browser acts as somebody in `client`.
pub fn impersonated(request: &HttpRequest, client: &ClientId, secure: bool) -> Option<String> {
    read(request, &impersonated_name(client, secure))
}

/// The secrets of every session in which the browser acts as somebody.
pub fn all_impersonated(request: &HttpRequest, secure: bool) -> Vec<String> {
    let prefix = named(&format!("{NAME}_as_"), secure);
    let Ok(cookies) = request.cookies() else { return Vec::new() };
    let ours = cookies.iter().filter(|c| c.name().starts_with(&prefix));
    ours.map(|c| c.value().to_owned()).filter(|value| fits(value)).collect()
}

fn read(request: &HttpRequest, name: &str) -> Option<String> {
    let value = request.cookie(name)?.value().to_owned();
    fits(&value).then_some(value)
}

fn fits(value: &str) -> bool {
    !value.is_empty() && value.len() <= LONGEST && value.is_ascii()
}

/// Until the browser is closed, or `seconds` have gone by. Its session is over by its own clocks anyway.
pub fn made(name: String, secret: String, secure: bool, seconds: Option<i64>) -> Cookie<'static> {
    let cookie =
        Cookie::build(name, secret).path("/").http_only(true).secure(secure).same_site(SameSite::Lax);
    match seconds {
        Some(seconds) => cookie.max_age(Duration::seconds(seconds)).finish(),
        None => cookie.finish(),
    }
}

/// Takes a cookie away from the browser.
pub fn removed(name: String, secure: bool) -> Cookie<'static> {
    made(name, String::new(), secure, Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn id(text: &str) -> ClientId {
        ClientId::parse(text).unwrap()
    }

    #[test]
    fn a_cookie_is_for_this_host_only_and_scripts_do_not_see_it() {
        let cookie = made(session_name(true), "s".into(), true, None);
        let text = cookie.to_string();
        assert!(text.starts_with("__Host-understudy=s;"), "{text}");
        for part in ["HttpOnly", "Secure", "Path=/", "SameSite=Lax"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("Domain"));
        assert!(!made(session_name(false), "s".into(), false, None).to_string().contains("Secure"));
    }

    #[test]
    fn each_application_has_a_cookie_of_its_own() {
        let (a, b) = (impersonated_name(&id("a"), true), impersonated_name(&id("b"), true));
        assert_ne!(a, b);
        assert!(a.starts_with("__Host-understudy_as_") && a.len() == 37, "{a}");
        let request = TestRequest::default()
            .cookie(Cookie::new(a, "one"))
            .cookie(Cookie::new(session_name(true), "own"))
            .to_http_request();
        assert_eq!(impersonated(&request, &id("a"), true).as_deref(), Some("one"));
        assert_eq!(impersonated(&request, &id("b"), true), None);
        assert_eq!(session(&request, true).as_deref(), Some("own"));
        assert_eq!(session(&request, false), None);
        assert_eq!(all_impersonated(&request, true), ["one"]);
    }
}
