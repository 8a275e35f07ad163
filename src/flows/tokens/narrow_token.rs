//! Exchanges a token for one with less scope ([RFC 8693], as Box's SDKs request it).
//!
//! Everything else is equal: user, application, sign-in, impersonation and end. So the old token is the only proof
//! needed, and revoking it revokes the new one.
//!
//! [RFC 8693]: https://www.rfc-editor.org/rfc/rfc8693
use super::authenticate_client::AuthenticatedClient;
use super::issue_box_token::BoxToken;
use super::verify_access_token::{LiveToken, verify};
use crate::audit::{Event, EventKind};
use crate::crypto::{hash, random};
use crate::domain::caller::Caller;
use crate::domain::scope::Scopes;
use crate::domain::user::TokenSubject;
use crate::flows::{Context, Failure};
use crate::store::tokens::box_tokens;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NarrowRefusal {
    /// Unknown, expired, another application's, or of another kind: one answer for all.
    #[error("the token is not valid")]
    Token,
    #[error("the scope is more than the token has")]
    Scope,
}

pub async fn narrow_token(
    ctx: &Context,
    client: Option<&AuthenticatedClient>,
    (token, scope): (&str, &Scopes),
    caller: &Caller,
) -> Result<BoxToken, Failure<NarrowRefusal>> {
    const NOT_VALID: Failure<NarrowRefusal> = Failure::Refused(NarrowRefusal::Token);
    let conn = ctx.store.conn().await?;
    let live = verify(ctx, &conn, token, caller).await?.ok_or(NOT_VALID)?;
    let belongs = client.is_none_or(|client| client.client().id == live.client.id);
    // A JWT is for its audience and has no row.
    let ours = live.audience.is_none() && live.user.is_some() && live.client.box_.is_some();
    if !belongs || !ours {
        return Err(NOT_VALID);
    }
    if scope.is_empty() || !scope.is_subset_of(&live.scope) {
        return Err(Failure::Refused(NarrowRefusal::Scope));
    }
    let secret = random::secret();
    let token_hash = hash::hash_secret(&secret);
    let text = scope.to_string();
    let event = event(&live, caller).with("scope", text.as_str());
    if !box_tokens::insert_narrowed(&conn, (&live.hash, &token_hash), &text, &event).await? {
        return Err(NOT_VALID);
    }
    let expires_in = (live.expires_at - live.at.now).num_seconds();
    Ok(BoxToken { access_token: secret, expires_in })
}

fn event(live: &LiveToken<TokenSubject>, caller: &Caller) -> Event {
    let event = if let Some(by) = &live.impersonation {
        Event::under(EventKind::TokenIssued, by, caller)
    } else {
        let by_client = Event::by_client(EventKind::ApplicationToken, &live.client, caller);
        let home = live.user.as_ref().and_then(|user| user.organization.as_ref());
        Event {
            subject: live.user.as_ref().map(|user| user.id.to_string()),
            organization: home.map(ToString::to_string).or(by_client.organization),
            ..Event::by_client(EventKind::ApplicationToken, &live.client, caller)
        }
    };
    event.with("grant", "token_exchange")
}
