//! How a room's answer leaves: as a redirect, or as a page that posts it.
use crate::http::ui::assets;
use crate::http::ui::headers::{FormTargets, redirect, render_framed_by, render_leading_to};
use crate::http::ui::layout::{Page, bare};
use crate::login::Answer;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::Url;

/// Hands an answer to the application by POST, with or without scripts.
#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPostPage {
    page: Page,
    application: String,
    /// Host (and port) of `action`, to show.
    destination: String,
    action: String,
    fields: Vec<(&'static str, String)>,
}

/// Hands an answer to the window of the application; without scripts nobody waits for one.
#[derive(Template)]
#[template(path = "web_message.html")]
struct WebMessagePage {
    script: String,
    response: String,
    origin: String,
}

pub fn answer(request: &HttpRequest, answer: Answer) -> HttpResponse {
    match answer {
        Answer::Redirect(to) => redirect(request.method(), &to),
        Answer::FormPost { action, fields } => form_post(action, fields, None),
        Answer::WebMessage { origin, fields } => web_message(origin, &fields),
    }
}

/// `origin` is that of a registered URL, and no other page may frame the answer or gets it.
fn web_message(origin: String, fields: &[(&'static str, String)]) -> HttpResponse {
    let response: serde_json::Map<String, serde_json::Value> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    let page = WebMessagePage {
        script: assets::url("web-message.js"),
        response: serde_json::Value::from(response).to_string(),
        origin,
    };
    render_framed_by(&page, &page.origin)
}

/// `action` is a registered URL, and the only one that the page's form leads to.
pub fn form_post(
    action: String,
    fields: Vec<(&'static str, String)>,
    application: Option<&str>,
) -> HttpResponse {
    let destination = destination(&action);
    let application = application.map_or_else(|| destination.clone(), str::to_owned);
    let page = bare("Signing in");
    let page = FormPostPage { page, application, destination, action, fields };
    render_leading_to(&page, StatusCode::OK, &FormTargets::Applications)
}

fn destination(action: &str) -> String {
    let Ok(url) = Url::parse(action) else { return "the application".to_owned() };
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.scheme().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use actix_web::http::header;
    use actix_web::test::TestRequest;

    #[actix_web::test]
    async fn an_answer_by_message_is_for_one_origin_and_is_escaped() {
        let request = TestRequest::get().to_http_request();
        let fields = vec![("state", "\"><script>x</script>".to_owned())];
        let origin = "https://shop.example:8443".to_owned();
        let page = answer(&request, Answer::WebMessage { origin, fields });
        let policy = page.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.ends_with("frame-ancestors https://shop.example:8443"), "{policy}");
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"));
        assert!(!page.headers().contains_key(header::X_FRAME_OPTIONS));
        assert_eq!(page.headers().get(header::CACHE_CONTROL).unwrap(), "no-store");
        let body = to_bytes(page.into_body()).await.unwrap();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(!body.contains("<script>") && body.contains("data-origin="), "{body}");
    }

    #[actix_web::test]
    async fn b23_an_answer_by_post_leads_to_its_destination_only_and_is_escaped() {
        let fields = vec![("code", "\"><script>x</script>".to_owned())];
        let action = "https://shop.example:8443/cb".to_owned();
        let request = TestRequest::default().to_http_request();
        let page = answer(&request, Answer::FormPost { action, fields });
        let policy = page.headers().get(header::CONTENT_SECURITY_POLICY).unwrap();
        let policy = policy.to_str().unwrap().to_owned();
        assert!(!policy.contains("form-action") && policy.starts_with("default-src 'none'"));
        assert_eq!(page.headers().get(header::REFERRER_POLICY).unwrap(), "no-referrer");
        assert_eq!(page.headers().get(header::X_FRAME_OPTIONS).unwrap(), "DENY");
        let html = String::from_utf8(to_bytes(page.into_body()).await.unwrap().to_vec()).unwrap();
        assert!(!html.contains("<script>x") && html.contains("shop.example:8443"), "{html}");
    }

    #[test]
    fn an_answer_by_redirect_is_never_kept_by_a_cache() {
        let request = TestRequest::default().to_http_request();
        let answer = answer(&request, Answer::Redirect("https://shop.example/cb?code=1".into()));
        assert_eq!(answer.status(), 302);
        assert_eq!(answer.headers().get(header::CACHE_CONTROL).unwrap(), "no-store");
    }
}
