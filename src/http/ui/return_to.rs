//! Where a sign-in goes on to: a path of ours from a list, and nowhere else.
use super::headers::FormTargets;
use crate::domain::ClientId;
use crate::http::form::pairs;

/// Landing page after a sign-in that was asked for a place not on the list.
pub const DEFAULT: &str = "/account";
/// Landing page after a sign-in that nothing waits for: it leads to the console those who may use it.
const HOME: &str = "/";
/// As long as a request that an application may make of `/authorize`.
const LONGEST: usize = 32 * 1024;

const PATHS: &[&str] = &[
    "/",
    "/account",
    "/authorize",
    "/console",
    "/consent",
    "/continue",
    "/go",
    "/logout",
    "/oidc/logout",
    "/me/impersonation",
    "/impersonation/stopped",
];

/// Those of [`PATHS`] that redirect to an application.
const LEAD_TO_APPLICATIONS: &[&str] =
    &["/authorize", "/consent", "/continue", "/logout", "/oidc/logout"];

/// A path and query of ours, safe in a `Location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Anything that is not on the list becomes [`DEFAULT`].
    pub fn parse(text: &str) -> Self {
        let place = match text {
            "" => HOME,
            text if is_ours(text) => text,
            _ => DEFAULT,
        };
        Self(place.to_owned())
    }

    /// Nothing in particular waits for this sign-in.
    pub fn is_default(&self) -> bool {
        self.0 == HOME
    }

    /// A page that administrators land on: the default one, or one of the console.
    pub fn is_for_administrators(&self) -> bool {
        self.is_default() || self.0 == "/console" || self.0.starts_with("/console/")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where a form leads that goes on to it.
    pub fn targets(&self) -> FormTargets {
        let path = self.0.split('?').next().unwrap_or_default();
        if LEAD_TO_APPLICATIONS.contains(&path) {
            FormTargets::Applications
        } else {
            FormTargets::Ours
        }
    }

    /// The application that waits for this sign-in, by its own word.
    pub fn client(&self) -> Option<ClientId> {
        ClientId::parse(self.parameter("client_id")?).ok()
    }

    /// Whom the application expects, if it named an e-mail address.
    pub fn email(&self) -> Option<String> {
        self.parameter("login_hint").filter(|hint| hint.contains('@') && hint.len() <= 320)
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let (path, query) = self.0.split_once('?')?;
        if !matches!(path, "/authorize" | "/continue") {
            return None;
        }
        let found = pairs(query.as_bytes()).ok()?.into_iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    }
}

/// Judged as it stands: nothing is decoded, resolved or trimmed, so there is nothing to disagree about
/// with a browser.
fn is_ours(text: &str) -> bool {
    let harmless =
        |b: u8| matches!(b, 0x21..=0x7e) && !matches!(b, b'\\' | b'#' | b'"' | b'<' | b'>');
    if text.len() > LONGEST || !text.bytes().all(harmless) {
        return false;
    }
    let path = text.split('?').next().unwrap_or_default();
    PATHS.contains(&path) || is_link(path) || is_in_console(path)
}

/// A page of the console or of the account. No part of the path is empty or dots, however written.
fn is_in_console(path: &str) -> bool {
    let inner = path.strip_prefix("/console/").or_else(|| path.strip_prefix("/account/"));
    inner.is_some_and(|inner| {
        inner.split('/').all(|part| {
            let dots = part.replace("%2e", ".").replace("%2E", ".");
            // What stands behind `;` is a parameter of the segment to some readers.
            let name = dots.split(';').next().unwrap_or_default();
            !part.is_empty() && !matches!(name, "." | "..")
        })
    })
}

/// The path of an impersonation link.
fn is_link(path: &str) -> bool {
    let user = path
        .strip_prefix("/users/")
        .or_else(|| path.strip_prefix("/api/users/"))
        .and_then(|rest| rest.strip_suffix("/impersonate"));
    user.is_some_and(|user| {
        let dots = user.replace("%2e", ".").replace("%2E", ".");
        !user.is_empty() && !user.contains('/') && !matches!(dots.as_str(), "." | "..")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_on_the_list_are_kept_with_their_query() {
        for path in [
            "/",
            "/account",
            "/authorize?client_id=a&redirect_uri=https%3A%2F%2Fa.example%2Fcb&state=%0d%0a",
            "/users/auth0%7C1/impersonate?&bewit=abc",
            "/api/users/usr_1/impersonate?&bewit=abc",
            "/oidc/logout?id_token_hint=x",
            "/console/users/auth0%7C1/sign-in-as?application=a&ticket=T-1",
            "/account/sessions",
            "/console/users/alice@acme.test/sign-in-as?ticket=1",
            "/console/users/urn:x;y=1,2!$&'()*+=~-._",
        ] {
            assert_eq!(ReturnTo::parse(path).as_str(), path);
        }
    }

    #[test]
    fn h20_anything_else_becomes_the_default_page() {
        assert_eq!(ReturnTo::parse("").as_str(), HOME);
        for text in [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "https:evil",
            "https://evil.example",
            "javascript:alert(1)",
            "/authorize\r\nSet-Cookie: x=1",
            "/%0d%0aSet-Cookie:x",
            " /account",
            "/account#x",
            "/account/",
            "/account/../x",
            "/console/",
            "/console//evil.example",
            "/console/%2E%2e/login",
            "/console/..;/login",
            "/consoles",
            "/users//impersonate",
            "/users/a/b/impersonate",
            "/users/../impersonate",
            "/users/%2e%2E/impersonate",
            "/users/impersonate",
            "/unknown",
            "/static/x",
            "/api/impersonations",
            "/login",
            "/login?return_to=/login",
            "account",
            "?",
            "/authorize?x=\u{fc}",
            "/\taccount",
            "@evil.example",
            "/.//evil",
        ] {
            assert_eq!(ReturnTo::parse(text).as_str(), DEFAULT, "{text:?}");
        }
    }

    #[test]
    fn the_waiting_application_is_read_from_its_own_request_only() {
        let read = |text: &str| ReturnTo::parse(text).client();
        assert_eq!(read("/authorize?client_id=a%20b").unwrap().as_str(), "a b");
        assert_eq!(read("/account?client_id=a"), None);
        assert_eq!(read("/authorize?client_id=%"), None);
        assert_eq!(ReturnTo::parse("/authorize?login_hint=usr_1").email(), None);
        let hinted = ReturnTo::parse("/authorize?login_hint=a%40b.example");
        assert_eq!(hinted.email().as_deref(), Some("a@b.example"));
    }

    proptest! {
        #[test]
        fn h20_the_place_is_always_on_this_host(text in ".{0,80}") {
            let base = url::Url::parse("https://id.example/").unwrap();
            let joined = base.join(ReturnTo::parse(&text).as_str()).unwrap();
            prop_assert_eq!(joined.host_str(), Some("id.example"));
            prop_assert!(joined.scheme() == "https" && joined.port().is_none());
        }

        #[test]
        fn h20_a_path_that_starts_well_still_stays(rest in "[/\\\\@:%.?#a-z0-9]{0,40}") {
            for start in ["/", "/users/", "/authorize", "/account", "/console/"] {
                let place = ReturnTo::parse(&format!("{start}{rest}"));
                let base = url::Url::parse("https://id.example/").unwrap();
                let joined = base.join(place.as_str()).unwrap();
                prop_assert_eq!(joined.host_str(), Some("id.example"));
                let path = place.as_str().split('?').next().unwrap();
                prop_assert!(PATHS.contains(&path) || is_link(path) || is_in_console(path));
            }
        }
    }
}
