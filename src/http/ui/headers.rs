//! The headers of a page: what it may load, where its forms may lead, who may frame it.
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;

/// Everything off that a page of ours has no use for.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), \
                           gyroscope=(), microphone=(), midi=(), payment=(), usb=()";

/// A window that opened a page of this server, or was opened by it, has no hold of it ([HTML §7.1.3]). Not on pages by
/// which an application signs people in: applications open those in a window of their own and wait for its answer.
///
/// [HTML §7.1.3]: https://html.spec.whatwg.org/multipage/browsers.html#cross-origin-opener-policies
const OPENER_POLICY: (&str, &str) = ("cross-origin-opener-policy", "same-origin");

/// Where the forms of a page lead.
///
/// Chromium holds **every** redirect after a form's `POST` to `form-action`, those too that an application answers
/// with ([w3c/webappsec-csp#8]). Where an application goes on to is not known here, so a page whose forms lead to
/// one has no `form-action`: its forms have fixed addresses and nothing of it can add another.
///
/// [w3c/webappsec-csp#8]: https://github.com/w3c/webappsec-csp/issues/8
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FormTargets {
    /// Every form leads to a page of this server, and stays here.
    #[default]
    Ours,
    /// A form leads to an application, at once or by a redirect.
    Applications,
}

impl FormTargets {
    pub fn nowhere_else() -> Self {
        Self::Ours
    }

    /// A place to go on to: a path of this server, or a registered URL.
    pub fn of_url(url: &str) -> Self {
        if url.starts_with('/') { Self::Ours } else { Self::Applications }
    }
}

fn content_security_policy(targets: FormTargets) -> String {
    let mut policy = String::from(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; \
         base-uri 'none'",
    );
    match targets {
        FormTargets::Ours => policy.push_str("; form-action 'self'"),
        FormTargets::Applications => {}
    }
    policy
}

/// What every answer of ours to a browser carries, page or redirect.
pub fn secure(answer: &mut HttpResponseBuilder, targets: &FormTargets) {
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, content_security_policy(*targets)))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("permissions-policy", PERMISSIONS));
}

pub fn render(page: &impl Template, status: StatusCode) -> HttpResponse {
    render_leading_to(page, status, &FormTargets::Ours)
}

pub fn render_leading_to(
    page: &impl Template,
    status: StatusCode,
    targets: &FormTargets,
) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    secure(&mut answer, targets);
    if *targets == FormTargets::Ours {
        answer.insert_header(OPENER_POLICY);
    }
    finish(answer, page)
}

/// A page whose frames load applications, and lead from there back to this server: the sign-out of applications.
/// An application may send its frame on to another of its hosts, so any host is allowed, but no other scheme.
pub fn render_parting(page: &impl Template, status: StatusCode) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    secure(&mut answer, &FormTargets::Applications);
    let mut policy = content_security_policy(FormTargets::Applications);
    policy.push_str("; frame-src 'self' https: http:");
    answer.insert_header((header::CONTENT_SECURITY_POLICY, policy));
    finish(answer, page)
}

/// A page without anything to see or to press, which pages of one origin may frame.
pub fn render_framed_by(page: &impl Template, origin: &str) -> HttpResponse {
    let mut answer = HttpResponse::build(StatusCode::OK);
    let policy = format!(
        "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {origin}"
    );
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("permissions-policy", PERMISSIONS));
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
    secure(&mut answer, &FormTargets::Ours);
    answer.insert_header((header::LOCATION, to)).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k14_a_page_whose_form_leads_to_an_application_does_not_say_where_that_ends() {
        let policy = content_security_policy(FormTargets::Applications);
        assert!(!policy.contains("form-action") && policy.len() < 300, "{policy}");
        let policy = content_security_policy(FormTargets::Ours);
        assert!(policy.ends_with("; form-action 'self'"), "{policy}");
        assert_eq!(FormTargets::of_url("/logout"), FormTargets::Ours);
        assert_eq!(FormTargets::of_url("com.example.app:/out"), FormTargets::Applications);
    }

    #[test]
    fn k60_pages_that_stay_here_are_cut_off_from_windows_of_others() {
        #[derive(Template)]
        #[template(source = "x", ext = "html")]
        struct Plain;
        let policy = |targets| {
            let page = render_leading_to(&Plain, StatusCode::OK, &targets);
            page.headers().get("cross-origin-opener-policy").cloned()
        };
        assert_eq!(policy(FormTargets::Ours).unwrap(), "same-origin");
        assert_eq!(policy(FormTargets::Applications), None);
        // A window that an application opened passes redirects on its way.
        let on = redirect(&actix_web::http::Method::GET, "/authorize");
        assert!(!on.headers().contains_key("cross-origin-opener-policy"));
    }

    #[test]
    fn h08_no_policy_allows_more_than_it_must() {
        for targets in [FormTargets::Ours, FormTargets::Applications] {
            let policy = content_security_policy(targets);
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
            for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{policy}");
            }
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
