//! `grant_type=client_credentials` ([RFC 6749 §4.4.2]), with `audience` or `resource`.
//!
//! [RFC 6749 §4.4.2]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4.2
use super::{refused, scope};
use crate::flows::tokens::authenticate_client::AuthenticatedClient;
use crate::flows::tokens::client_credentials::client_credentials;
use crate::flows::tokens::issue_tokens::IssuedTokens;
use crate::flows::{Context, Failure};
use crate::protocols::oauth2::parameters::OauthParameters;
use crate::protocols::oauth2::refusal::TokenRefusal;

pub async fn run(
    ctx: &Context,
    client: &AuthenticatedClient,
    sent: &OauthParameters,
) -> Result<IssuedTokens, Failure<TokenRefusal>> {
    let audience = match *sent.targets() {
        [] => None,
        [audience] => Some(audience),
        _ => return Err(Failure::Refused(TokenRefusal::InvalidTarget)),
    };
    let scope = scope(sent)?;
    client_credentials(ctx, client, scope.as_ref(), audience).await.map_err(refused)
}
