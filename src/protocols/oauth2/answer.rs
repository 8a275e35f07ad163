//! What applications are told through the browser.
use super::refusal::OauthRefusal;
use crate::login::{Answer, Login, ResponseMode};

/// Where and how an application is answered.
#[derive(Clone)]
pub struct OauthReply {
    pub redirect_uri: String,
    pub mode: ResponseMode,
    pub state: Option<String>,
}

type ResponseFields = Vec<(&'static str, String)>;

/// [RFC 6749 §4.1.2], with the issuer ([RFC 9207]).
///
/// [RFC 6749 §4.1.2]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
/// [RFC 9207]: https://www.rfc-editor.org/rfc/rfc9207
pub fn with_code(login: &Login<'_>) -> Answer {
    let request = login.request;
    let fields = vec![("code", login.code.to_owned())];
    send(
        &request.return_url,
        request.response_mode,
        complete(fields, request.state.as_deref(), login.issuer),
    )
}

/// RFC 6749 §4.1.2.1.
pub fn with_refusal(reply: &OauthReply, refusal: OauthRefusal, issuer: &str) -> Answer {
    let (error, description) = refusal.words();
    let fields = vec![("error", error.to_owned()), ("error_description", description.to_owned())];
    send(&reply.redirect_uri, reply.mode, complete(fields, reply.state.as_deref(), issuer))
}

/// A `state` that was not given is absent, never empty; `iss` is always there.
fn complete(mut fields: ResponseFields, state: Option<&str>, issuer: &str) -> ResponseFields {
    if let Some(state) = state {
        fields.push(("state", state.to_owned()));
    }
    fields.push(("iss", issuer.to_owned()));
    fields
}

fn origin(redirect_uri: &str) -> Option<String> {
    let url = url::Url::parse(redirect_uri).ok()?;
    let web = matches!(url.scheme(), "https" | "http");
    web.then(|| url.origin().ascii_serialization())
}

/// The registered URI is left byte for byte as it is, its own query too.
fn send(redirect_uri: &str, mode: ResponseMode, fields: ResponseFields) -> Answer {
    let encoded = || {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields.iter()).finish()
    };
    match mode {
        ResponseMode::FormPost => Answer::FormPost { action: redirect_uri.to_owned(), fields },
        ResponseMode::WebMessage => match origin(redirect_uri) {
            Some(origin) => Answer::WebMessage { origin, fields },
            // It has no origin that a message could be for.
            None => send(redirect_uri, ResponseMode::Query, fields),
        },
        ResponseMode::Fragment => Answer::Redirect(format!("{redirect_uri}#{}", encoded())),
        ResponseMode::Query => {
            let joint = if redirect_uri.contains('?') { '&' } else { '?' };
            Answer::Redirect(format!("{redirect_uri}{joint}{}", encoded()))
        }
    }
}
