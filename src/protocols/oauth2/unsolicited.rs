//! The request that an application would have made, out of `additionalParameters`.
use super::request::{is_challenge, is_registered};
use crate::domain::client::Client;
use crate::domain::protocol::ProtocolName;
use crate::domain::scope::{OPENID, Scopes};
use crate::flows::tokens::issue_tokens::registered_audience;
use crate::login::{BadParameter, LoginRequest, Parameters, ResponseMode};

pub(super) fn read(client: &Client, sent: &Parameters) -> Result<LoginRequest, BadParameter> {
    let text = |name: &str| sent.get(name).map(String::as_str).filter(|text| !text.is_empty());
    if text("response_type").is_some_and(|kind| kind != "code") {
        return Err(bad("response_type", "only `code` is spoken here"));
    }
    let response_mode = match text("response_mode") {
        None => ResponseMode::Query,
        Some(mode) => ResponseMode::parse(mode)
            .ok_or_else(|| bad("response_mode", "is `query`, `fragment` or `form_post`"))?,
    };
    let scope = Scopes::parse(text("scope").unwrap_or(OPENID))
        .map_err(|problem| bad("scope", &problem.to_string()))?;
    Ok(LoginRequest {
        protocol: ProtocolName::Oauth2,
        client: client.id.clone(),
        return_url: callback(client, text("callback_url").or_else(|| text("redirect_uri")))?,
        response_mode,
        scope,
        state: text("state").map(str::to_owned),
        nonce: text("nonce").map(str::to_owned),
        code_challenge: challenge(client, (text("code_challenge"), text("code_challenge_method")))?,
        audience: audience(client, text("audience"))?,
        in_response_to: None,
        name_id_format: None,
        authn_context: None,
        token_form: None,
    })
}

/// The heart refuses an address that is not registered; this finds the one that is meant.
fn callback(client: &Client, asked: Option<&str>) -> Result<String, BadParameter> {
    match asked {
        // Left as it is: that it is not registered is for the heart to say.
        Some(asked) => Ok(asked.to_owned()),
        None => client
            .redirect_uris
            .first()
            .filter(|first| is_registered(client, first))
            .cloned()
            .ok_or_else(|| bad("callback_url", "the application has registered none")),
    }
}

/// A public application shows only by its verifier that the code is for it.
fn challenge(
    client: &Client,
    (challenge, method): (Option<&str>, Option<&str>),
) -> Result<Option<String>, BadParameter> {
    let needed = client.impersonation.unsolicited && !client.kind.is_confidential();
    match (challenge, method) {
        (None, _) if needed => {
            Err(bad("code_challenge", "a public application is answered only with one"))
        }
        (None, _) => Ok(None),
        (Some(text), Some("S256")) if is_challenge(text) => Ok(Some(text.to_owned())),
        (Some(_), Some("S256")) => Err(bad("code_challenge", "is 32 bytes in base64url")),
        (Some(_), _) => Err(bad("code_challenge_method", "must be `S256`")),
    }
}

/// Judged again when tokens are made, where the names of our own API are known.
fn audience(client: &Client, asked: Option<&str>) -> Result<Option<String>, BadParameter> {
    let Some(asked) = asked else { return Ok(None) };
    let ours = asked.ends_with("/api/v2/") || asked.ends_with("/userinfo");
    if ours {
        return Ok(Some(asked.to_owned()));
    }
    let registered = registered_audience(client, asked);
    let registered =
        registered.ok_or_else(|| bad("audience", "the application may not ask for it"));
    Ok(Some(registered?.to_owned()))
}

fn bad(field: &'static str, problem: &str) -> BadParameter {
    BadParameter { field, problem: problem.to_owned() }
}
