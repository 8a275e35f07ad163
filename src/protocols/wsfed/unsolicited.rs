//! The request that a relying party would have made, out of `additionalParameters`.
use super::profile::{Manner, ReplyAddress};
use crate::domain::client::Client;
use crate::login::{BadParameter, LoginRequest, Parameters};

/// `wctx` or, as the other protocols say it, `state`; `callback_url` is the reply URL.
pub fn read(
    client: &Client,
    sent: &Parameters,
    manner: Manner,
) -> Result<LoginRequest, BadParameter> {
    let text = |name: &str| sent.get(name).filter(|text| !text.is_empty());
    let state = match (text("wctx"), text("state")) {
        (Some(one), Some(other)) if one != other => {
            return Err(bad("wctx", "and `state` say two things"));
        }
        (one, other) => one.or(other).cloned(),
    };
    if state.as_ref().is_some_and(|state| state.len() > super::request::MAX_CONTEXT_LEN) {
        return Err(bad("wctx", "is longer than 8 KiB"));
    }
    let first = client.redirect_uris.first();
    let asked = text("callback_url").or_else(|| text("redirect_uri"));
    let elsewhere = |asked: &&String| first != Some(*asked) && client.redirect_uris.contains(asked);
    if manner.reply == ReplyAddress::First && asked.as_ref().is_some_and(elsewhere) {
        return Err(bad("callback_url", "is not the one where this application is answered"));
    }
    // Left as it is: that it is not registered is for the heart to say.
    let return_url = asked.or(first);
    let missing = || bad("callback_url", "the application has registered none");
    let return_url = return_url.cloned().ok_or_else(missing)?;
    Ok(LoginRequest {
        state,
        ..LoginRequest::plain(manner.protocol, client.id.clone(), return_url)
    })
}

fn bad(field: &'static str, problem: &str) -> BadParameter {
    BadParameter { field, problem: problem.to_owned() }
}
