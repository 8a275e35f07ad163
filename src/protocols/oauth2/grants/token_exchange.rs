//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` ([RFC 8693 §2.1]).
//!
//! The subject by an access token or by id, the actor always by an access token.
//!
//! [RFC 8693 §2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.1
use super::{missing, scope};
use crate::domain::UserId;
use crate::domain::caller::Caller;
use crate::flows::tokens::authenticate_client::AuthenticatedClient;
use crate::flows::tokens::exchange_token::{
    ACCESS_TOKEN, ExchangeRefusal, ExchangeToken, SubjectGiven, exchange_token,
};
use crate::flows::tokens::issue_tokens::IssuedTokens;
use crate::flows::{Context, Failure};
use crate::protocols::oauth2::parameters::OauthParameters;
use crate::protocols::oauth2::refusal::TokenRefusal;

/// Ours: the subject is named, and brings nothing.
const USER_ID: &str = "urn:understudy:params:oauth:token-type:user_id";

pub async fn run(
    ctx: &Context,
    client: &AuthenticatedClient,
    sent: &OauthParameters,
    caller: &Caller,
) -> Result<IssuedTokens, Failure<TokenRefusal>> {
    // A name alone proves nothing (RFC 8693 §2.1 leaves it open; we are stricter).
    if !client.client().kind.is_confidential() {
        return Err(Failure::Refused(TokenRefusal::InvalidClient));
    }
    check_types(sent)?;
    let actor_token = sent.get("actor_token").ok_or(missing("actor_token is missing"))?;
    let scope = scope(sent)?;
    let targets = sent.targets();
    let exchange = ExchangeToken {
        subject: subject(sent)?,
        actor_token,
        scope: scope.as_ref(),
        targets: &targets,
    };
    exchange_token(ctx, client, &exchange, caller).await.map_err(|failure| {
        failure.map(|refusal| match refusal {
            ExchangeRefusal::Token(what) => TokenRefusal::InvalidRequest(what),
            ExchangeRefusal::StepUp => TokenRefusal::InvalidRequest(
                "the actor signed in too long ago: have them sign in again",
            ),
            ExchangeRefusal::Grant(refusal) => refusal.into(),
        })
    })
}

fn check_types(sent: &OauthParameters) -> Result<(), Failure<TokenRefusal>> {
    if sent.get("actor_token_type") != Some(ACCESS_TOKEN) {
        return Err(missing("actor_token_type is not supported"));
    }
    if sent.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
        return Err(missing("requested_token_type is not supported"));
    }
    Ok(())
}

fn subject(sent: &OauthParameters) -> Result<SubjectGiven, Failure<TokenRefusal>> {
    let token = sent.owned("subject_token").ok_or(missing("subject_token is missing"))?;
    match sent.get("subject_token_type") {
        Some(ACCESS_TOKEN) => Ok(SubjectGiven::Token(token)),
        Some(USER_ID) => {
            let id = UserId::parse(token).map_err(|_| missing("subject_token is no user id"))?;
            Ok(SubjectGiven::User(id))
        }
        Some(_) => Err(missing("subject_token_type is not supported")),
        None => Err(missing("subject_token_type is missing")),
    }
}
