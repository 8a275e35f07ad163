//! The ways to a token, by `grant_type`: a file each.
//!
//! A grant reads its parameters and calls its flow. Start at [`run`].
pub mod authorization_code;
pub mod client_credentials;
pub mod refresh_token;
pub mod token_exchange;

use super::parameters::OauthParameters;
use super::refusal::TokenRefusal;
use crate::domain::caller::Caller;
use crate::domain::client::GrantType;
use crate::domain::scope::Scopes;
use crate::flows::tokens::authenticate_client::AuthenticatedClient;
use crate::flows::tokens::issue_tokens::IssuedTokens;
use crate::flows::tokens::refusal::GrantRefusal;
use crate::flows::{Context, Failure};

pub async fn run(
    ctx: &Context,
    client: &AuthenticatedClient,
    sent: &OauthParameters,
    caller: &Caller,
) -> Result<IssuedTokens, Failure<TokenRefusal>> {
    let name = sent.get("grant_type").ok_or(missing("grant_type is missing"))?;
    let kind =
        GrantType::parse(name).ok_or(Failure::Refused(TokenRefusal::UnsupportedGrantType))?;
    match kind {
        GrantType::AuthorizationCode => authorization_code::run(ctx, client, sent, caller).await,
        GrantType::ClientCredentials => client_credentials::run(ctx, client, sent).await,
        GrantType::RefreshToken => refresh_token::run(ctx, client, sent).await,
        GrantType::TokenExchange => token_exchange::run(ctx, client, sent, caller).await,
    }
}

fn missing(what: &'static str) -> Failure<TokenRefusal> {
    Failure::Refused(TokenRefusal::InvalidRequest(what))
}

fn scope(sent: &OauthParameters) -> Result<Option<Scopes>, Failure<TokenRefusal>> {
    let malformed = |_| Failure::Refused(TokenRefusal::InvalidScope);
    sent.get("scope").map(|text| Scopes::parse(text).map_err(malformed)).transpose()
}

fn refused(failure: Failure<GrantRefusal>) -> Failure<TokenRefusal> {
    match failure {
        Failure::Refused(refusal) => Failure::Refused(refusal.into()),
        Failure::Accident(cause) => Failure::Accident(cause),
        Failure::Busy => Failure::Busy,
    }
}
