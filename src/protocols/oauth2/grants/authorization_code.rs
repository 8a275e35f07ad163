//! `grant_type=authorization_code` ([RFC 6749 §4.1.3]).
//!
//! [RFC 6749 §4.1.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
use super::{missing, refused};
use crate::domain::caller::Caller;
use crate::flows::tokens::authenticate_client::AuthenticatedClient;
use crate::flows::tokens::exchange_code::{Exchange, exchange_code};
use crate::flows::tokens::issue_tokens::IssuedTokens;
use crate::flows::{Context, Failure};
use crate::protocols::oauth2::parameters::OauthParameters;
use crate::protocols::oauth2::refusal::TokenRefusal;

pub async fn run(
    ctx: &Context,
    client: &AuthenticatedClient,
    sent: &OauthParameters,
    caller: &Caller,
) -> Result<IssuedTokens, Failure<TokenRefusal>> {
    let exchange = Exchange {
        code: sent.owned("code").ok_or(missing("code is missing"))?,
        redirect_uri: sent.owned("redirect_uri"),
        code_verifier: sent.owned("code_verifier"),
    };
    exchange_code(ctx, client, &exchange, caller).await.map_err(refused)
}
