//! What an application asks at the authorization endpoint, read and checked.
//!
//! As long as the application or its redirect URI is in doubt, only the person at the browser is told
//! ([`BadAuthorizeRequest::Here`]): nobody is ever redirected to a place that is not registered (RFC 6749 §4.1.2.1).
use super::answer::OauthReply;
use super::parameters::OauthParameters;
use super::refusal::OauthRefusal;
use crate::domain::client::{Client, ClientKind, GrantType};
use crate::domain::protocol::ProtocolName;
use crate::domain::scope::{MAX_WORDS, Scopes, words};
use crate::flows::login::authorize::{Acr, Ask, Prompt};
use crate::flows::login::consent::DENIED;
use crate::flows::tokens::issue_tokens;
use crate::login::{LoginRequest, ResponseMode};
use serde_json::Value;
use std::sync::Arc;

/// Parameters of our own, that only our own pages send a browser back with.
pub const AUTH_AFTER: &str = "understudy_auth_after";
pub use crate::flows::login::consent::CONSENT_AFTER;

/// What is read here, and so may be given once; other names may come along as often as they like.
const READ: [&str; 19] = [
    "response_type",
    "scope",
    "state",
    "nonce",
    "response_mode",
    "prompt",
    "max_age",
    "acr_values",
    "claims",
    "id_token_hint",
    "login_hint",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
    "registration",
    AUTH_AFTER,
    CONSENT_AFTER,
    DENIED.0,
];

/// Why a request goes no further, and who is told.
pub enum BadAuthorizeRequest {
    Here(&'static str),
    There(OauthReply, OauthRefusal),
}

pub fn read(
    client: &Arc<Client>,
    sent: &OauthParameters,
    issuer: &str,
) -> Result<Ask, BadAuthorizeRequest> {
    let reply = reply(client, sent)?;
    match fields(client, sent, (&reply, issuer)) {
        Ok(ask) => Ok(ask),
        Err(refusal) => Err(BadAuthorizeRequest::There(reply, refusal)),
    }
}

/// Where this application is answered, and how; a mistake in how is told by the query.
///
/// [Multiple Response Types §2.1, §5]: https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html
pub fn reply(client: &Client, sent: &OauthParameters) -> Result<OauthReply, BadAuthorizeRequest> {
    let Some(redirect_uri) = sent.get("redirect_uri") else {
        return Err(BadAuthorizeRequest::Here(
            "The application did not say where to send you back to.",
        ));
    };
    if !is_registered(client, redirect_uri) {
        return Err(BadAuthorizeRequest::Here(
            "The application asked to send you to a place it has not registered.",
        ));
    }
    // What is asked for and unknown is answered where a server can read it ([Multiple Response Types §2.1, §5]).
    let in_fragment = || {
        let words = sent.get("response_type").unwrap_or_default();
        words.split(' ').any(|word| matches!(word, "token" | "id_token"))
    };
    // Of two modes or two states none is the one that is meant.
    let once = |name: &str| sent.get(name).filter(|_| !sent.is_repeated(name));
    let mode = once("response_mode").and_then(|text| response_mode(client, text));
    let default = if in_fragment() { ResponseMode::Fragment } else { ResponseMode::Query };
    Ok(OauthReply {
        redirect_uri: redirect_uri.to_owned(),
        mode: mode.unwrap_or(default),
        state: once("state").map(str::to_owned),
    })
}

/// Byte for byte ([RFC 9700 §2.1]); of a native application on a loopback address the port is its own
/// matter, because it takes any that is free ([RFC 8252 §7.3]).
///
/// [RFC 9700 §2.1]: https://www.rfc-editor.org/rfc/rfc9700#section-2.1
/// [RFC 8252 §7.3]: https://www.rfc-editor.org/rfc/rfc8252#section-7.3
pub fn is_registered(client: &Client, redirect_uri: &str) -> bool {
    if client.redirect_uris.iter().any(|known| known == redirect_uri) {
        return true;
    }
    let Some(asked) = loopback(redirect_uri).filter(|_| client.kind == ClientKind::Native) else {
        return false;
    };
    client.redirect_uris.iter().any(|known| loopback(known).is_some_and(|known| known == asked))
}

/// Address and path of a URI on a literal loopback address; the port is checked and left out.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let address = ["127.0.0.1", "[::1]"].into_iter().find(|address| rest.starts_with(address))?;
    let rest = rest.strip_prefix(address)?;
    let Some(with_port) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with('/')).then_some((address, rest));
    };
    let end = with_port.find(|c: char| !c.is_ascii_digit()).unwrap_or(with_port.len());
    let (port, path) = with_port.split_at_checked(end)?;
    let fits = port.parse::<u16>().is_ok() && (path.is_empty() || path.starts_with('/'));
    fits.then_some((address, path))
}

fn fields(
    client: &Arc<Client>,
    sent: &OauthParameters,
    (reply, issuer): (&OauthReply, &str),
) -> Result<Ask, OauthRefusal> {
    if READ.iter().any(|name| sent.is_repeated(name)) {
        return Err(OauthRefusal::InvalidRequest("a parameter is given twice"));
    }
    check_what_is_not_spoken(sent)?;
    check_kind(client, sent)?;
    let scope = Scopes::parse(sent.get("scope").unwrap_or_default())
        .map_err(|_| OauthRefusal::InvalidScope)?;
    let (acr_values, acr) = authentication_contexts(sent)?;
    let request = LoginRequest {
        protocol: ProtocolName::Oauth2,
        client: client.id.clone(),
        return_url: reply.redirect_uri.clone(),
        response_mode: reply.mode,
        scope,
        state: reply.state.clone(),
        nonce: sent.owned("nonce"),
        code_challenge: code_challenge(client, sent)?,
        audience: audience(client, sent, issuer)?,
        in_response_to: None,
        name_id_format: None,
        authn_context: None,
        token_form: None,
    };
    Ok(Ask {
        client: Arc::clone(client),
        request,
        prompt: prompt(sent.get("prompt").unwrap_or_default())?,
        max_age: number(sent, "max_age")?,
        auth_after: number(sent, AUTH_AFTER)?,
        consent_after: number(sent, CONSENT_AFTER)?,
        consent_denied: sent.get(DENIED.0) == Some(DENIED.1),
        query: sent.query_with(&[]),
        id_token_hint: sent.owned("id_token_hint"),
        acr_values,
        acr,
    })
}

/// Never half-used: a request that comes as an object is refused, wherever it lies
/// (OpenID Connect Core §6, §7.2).
fn check_what_is_not_spoken(sent: &OauthParameters) -> Result<(), OauthRefusal> {
    if sent.has("request") {
        return Err(OauthRefusal::RequestNotSupported);
    }
    if sent.has("request_uri") {
        return Err(OauthRefusal::RequestUriNotSupported);
    }
    if sent.has("registration") {
        return Err(OauthRefusal::RegistrationNotSupported);
    }
    Ok(())
}

/// A browser application asks in a hidden frame whether somebody is still signed in, as Auth0's library for pages does.
fn response_mode(client: &Client, text: &str) -> Option<ResponseMode> {
    match (text, client.kind) {
        ("web_message", ClientKind::Spa) => Some(ResponseMode::WebMessage),
        _ => ResponseMode::parse(text),
    }
}

fn check_kind(client: &Client, sent: &OauthParameters) -> Result<(), OauthRefusal> {
    match sent.get("response_type") {
        None => return Err(OauthRefusal::InvalidRequest("response_type is missing")),
        Some("code") => {}
        Some(_) => return Err(OauthRefusal::UnsupportedResponseType),
    }
    if sent.get("response_mode").is_some_and(|mode| response_mode(client, mode).is_none()) {
        return Err(OauthRefusal::InvalidRequest("response_mode is unknown"));
    }
    let speaks = client.kind.speaks(ProtocolName::Oauth2);
    if speaks && client.may_use(GrantType::AuthorizationCode) {
        Ok(())
    } else {
        Err(OauthRefusal::UnauthorizedClient)
    }
}

/// Public applications have nothing else to show that the code is theirs ([RFC 9700 §2.1.1]). `plain`,
/// which is also what a missing method means, protects nobody.
///
/// [RFC 9700 §2.1.1]: https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1
fn code_challenge(client: &Client, sent: &OauthParameters) -> Result<Option<String>, OauthRefusal> {
    let (challenge, method) = (sent.get("code_challenge"), sent.get("code_challenge_method"));
    match (challenge, method) {
        (None, None) if client.kind.is_confidential() => Ok(None),
        (None, _) => Err(OauthRefusal::InvalidRequest("code_challenge is missing")),
        (Some(challenge), Some("S256")) if is_challenge(challenge) => {
            Ok(Some(challenge.to_owned()))
        }
        (Some(_), Some("S256")) => Err(OauthRefusal::InvalidRequest("code_challenge is malformed")),
        (Some(_), _) => Err(OauthRefusal::InvalidRequest("code_challenge_method must be S256")),
    }
}

/// 32 bytes in base64url.
pub(super) fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// `audience` is what Auth0's clients say, `resource` what [RFC 8707] calls it.
///
/// [RFC 8707]: https://www.rfc-editor.org/rfc/rfc8707
fn audience(
    client: &Client,
    sent: &OauthParameters,
    issuer: &str,
) -> Result<Option<String>, OauthRefusal> {
    // A request may name several, and a token is for one ([RFC 8707 §2]).
    let asked = match *sent.targets() {
        [] => None,
        [one] => Some(one),
        _ => return Err(OauthRefusal::InvalidTarget),
    };
    let audience =
        issue_tokens::audience(issuer, client, asked).map_err(|_| OauthRefusal::InvalidTarget)?;
    Ok(audience.map(str::to_owned))
}

/// To choose another account is to sign in again.
fn prompt(text: &str) -> Result<Prompt, OauthRefusal> {
    let mut prompt = Prompt::default();
    let words = words(text).ok_or(OauthRefusal::InvalidRequest("prompt is too long"))?;
    for word in words {
        match word {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err(OauthRefusal::InvalidRequest("prompt has an unknown value")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        return Err(OauthRefusal::InvalidRequest("prompt none goes with nothing else"));
    }
    Ok(prompt)
}

fn number(sent: &OauthParameters, name: &'static str) -> Result<Option<i64>, OauthRefusal> {
    let Some(text) = sent.get(name) else { return Ok(None) };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.map(Some).ok_or(OauthRefusal::InvalidRequest(match name {
        "max_age" => "max_age is not a number of seconds",
        _ => "a parameter is not a number",
    }))
}

/// `acr_values`, and of `claims` only this: other wishes in it are voluntary, and left alone.
fn authentication_contexts(sent: &OauthParameters) -> Result<(Vec<String>, Acr), OauthRefusal> {
    const TOO_MANY: OauthRefusal =
        OauthRefusal::InvalidRequest("too many authentication contexts are named");
    let values = words(sent.get("acr_values").unwrap_or_default()).ok_or(TOO_MANY)?;
    let mut values: Vec<String> = values.into_iter().map(str::to_owned).collect();
    let claims: Option<Value> = sent.get("claims").and_then(|text| serde_json::from_str(text).ok());
    let Some(acr) = claims.as_ref().and_then(|claims| claims.pointer("/id_token/acr")) else {
        return Ok((values, Acr::Voluntary));
    };
    let several = acr.get("values").and_then(Value::as_array).into_iter().flatten();
    let named = several.chain(acr.get("value")).filter_map(Value::as_str);
    values.extend(named.take(MAX_WORDS + 1).map(str::to_owned));
    if values.len() > MAX_WORDS {
        return Err(TOO_MANY);
    }
    let essential = acr.get("essential").and_then(Value::as_bool) == Some(true);
    Ok((values, if essential { Acr::Essential } else { Acr::Voluntary }))
}
