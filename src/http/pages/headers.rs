//! The headers of a page: what it may load, where its forms may lead, who may frame it.
use crate::domain::client::Client;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;
use std::collections::BTreeSet;
use url::Url;

/// Everything off that a page of ours has no use for.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), \
                           gyroscope=(), microphone=(), midi=(), payment=(), usb=()";

/// The origins beside our own that the forms of a page may lead to.
///
/// Chromium holds the redirects after a form's `POST` to `form-action` too, so a form whose answer goes
/// on to an application must name the application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormTargets(BTreeSet<String>);

impl FormTargets {
    pub fn nowhere_else() -> Self {
        Self::default()
    }

    pub fn of_url(url: &str) -> Self {
        Self(source(url).into_iter().collect())
    }

    /// Wherever an application may be answered, or asked to start by itself.
    pub fn of_client(client: &Client) -> Self {
        let urls = client.redirect_uris.iter().chain(client.initiate_login_uri.as_ref());
        Self(urls.filter_map(|url| source(url)).collect())
    }

    fn write(&self, policy: &mut String) {
        for target in &self.0 {
            policy.push(' ');
            policy.push_str(target);
        }
    }

    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    #[must_use]
    pub fn and_url(mut self, url: &str) -> Self {
        self.0.extend(source(url));
        self
    }
}

/// `url` as a source of a policy. What cannot be written as a host is allowed by its scheme, because a
/// host may hold characters that mean something else there.
fn source(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let scheme = url.scheme();
    if !matches!(scheme, "http" | "https") {
        return Some(format!("{scheme}:"));
    }
    let host = url.host_str()?;
    // An application on a loopback address may answer on any port (RFC 8252 §7.3).
    let port = match (host, url.port()) {
        ("127.0.0.1" | "localhost", _) => ":*".to_owned(),
        (_, Some(port)) => format!(":{port}"),
        (_, None) => String::new(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.chars().all(plain) {
        Some(format!("{scheme}://{host}{port}"))
    } else {
        Some(format!("{scheme}:"))
    }
}

fn content_security_policy(targets: &FormTargets) -> String {
    let mut policy = String::from(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; \
         base-uri 'none'; form-action 'self'",
    );
    targets.write(&mut policy);
    policy
}

/// What every answer of ours to a browser carries, page or redirect.
pub fn secure(answer: &mut HttpResponseBuilder, targets: &FormTargets) {
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, content_security_policy(targets)))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("permissions-policy", PERMISSIONS));
}

pub fn render(page: &impl Template, status: StatusCode) -> HttpResponse {
    render_leading_to(page, status, &FormTargets::nowhere_else())
}

pub fn render_leading_to(
    page: &impl Template,
    status: StatusCode,
    targets: &FormTargets,
) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    secure(&mut answer, targets);
    finish(answer, page)
}

/// A page whose frames load `targets`, and lead from there back to us: the sign-out of applications.
pub fn render_parting(
    page: &impl Template,
    status: StatusCode,
    targets: &FormTargets,
) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    secure(&mut answer, targets);
    let mut policy = content_security_policy(targets);
    policy.push_str("; frame-src 'self'");
    targets.write(&mut policy);
    answer.insert_header((header::CONTENT_SECURITY_POLICY, policy));
    finish(answer, page)
}

fn finish(mut answer: HttpResponseBuilder, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => answer.content_type("text/html; charset=utf-8").body(html),
        Err(cause) => {
            tracing::error!(cause = &cause as &dyn std::error::Error, "a page does not render");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// To a path of ours, or to a URL that is registered. 303 after a `POST`, so that nothing is posted on
/// ([RFC 9700 §4.12]).
///
/// [RFC 9700 §4.12]: https://www.rfc-editor.org/rfc/rfc9700#section-4.12
pub fn redirect(method: &actix_web::http::Method, to: &str) -> HttpResponse {
    let reads = [actix_web::http::Method::GET, actix_web::http::Method::HEAD];
    let status = if reads.contains(method) { StatusCode::FOUND } else { StatusCode::SEE_OTHER };
    let mut answer = HttpResponse::build(status);
    secure(&mut answer, &FormTargets::nowhere_else());
    answer.insert_header((header::LOCATION, to)).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_lead_to_the_origin_of_a_url_and_no_further() {
        for (url, expected) in [
            ("https://shop.example/cb?x=1", "https://shop.example"),
            ("https://shop.example:8443/cb", "https://shop.example:8443"),
            ("https://shöp.example/cb", "https://xn--shp-tna.example"),
            ("http://127.0.0.1:5000/cb", "http://127.0.0.1:*"),
            ("http://[::1]:5000/cb", "http:"),
            ("com.example.app:/cb", "com.example.app:"),
        ] {
            assert_eq!(source(url).as_deref(), Some(expected));
        }
        assert_eq!(source("/cb"), None);
    }

    #[test]
    fn h08_no_url_adds_a_word_of_its_own_to_the_policy() {
        for host in ["a;script-src", "a,b", "'unsafe-inline'", "*"] {
            let url = format!("https://{host}/cb");
            assert!(matches!(source(&url).as_deref(), None | Some("https:")), "{url}");
        }
        let policy = content_security_policy(&FormTargets::nowhere_else());
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        for part in ["base-uri 'none'", "object-src 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
    }

    #[test]
    fn c45_a_redirect_after_a_post_is_303_and_never_keeps_the_method() {
        use actix_web::http::Method;
        assert_eq!(redirect(&Method::POST, "/account").status(), 303);
        assert_eq!(redirect(&Method::GET, "/account").status(), 302);
        let answer = redirect(&Method::POST, "/a\r\nSet-Cookie: x=1");
        assert!(answer.headers().get(header::SET_COOKIE).is_none());
    }
}
