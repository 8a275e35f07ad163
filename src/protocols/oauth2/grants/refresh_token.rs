//! `grant_type=refresh_token` ([RFC 6749 §6]).
//!
//! [RFC 6749 §6]: https://www.rfc-editor.org/rfc/rfc6749#section-6
use super::{missing, refused, scope};
use crate::flows::tokens::authenticate_client::AuthenticatedClient;
use crate::flows::tokens::issue_tokens::IssuedTokens;
use crate::flows::tokens::refresh_tokens::refresh_tokens;
use crate::flows::{Context, Failure};
use crate::protocols::oauth2::parameters::OauthParameters;
use crate::protocols::oauth2::refusal::TokenRefusal;

pub async fn run(
    ctx: &Context,
    client: &AuthenticatedClient,
    sent: &OauthParameters,
) -> Result<IssuedTokens, Failure<TokenRefusal>> {
    let token = sent.get("refresh_token").ok_or(missing("refresh_token is missing"))?;
    let scope = scope(sent)?;
    refresh_tokens(ctx, client, token, scope.as_ref()).await.map_err(refused)
}
