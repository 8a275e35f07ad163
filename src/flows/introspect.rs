//! What a token stands for, told to an application that was given it ([RFC 7662]).
//!
//! [RFC 7662]: https://www.rfc-editor.org/rfc/rfc7662
use super::Context;
use super::authenticate_client::AuthenticatedClient;
use super::claims;
use super::verify_access_token::{LiveToken, verify};
use crate::domain::caller::Caller;
use crate::domain::client::{Client, ClientKind};
use crate::domain::user::Holder;
use crate::impersonation::marks;
use crate::store::StoreError;
use serde_json::{Map, Value};

/// The members of the answer; `None` is `active: false` and nothing else.
pub async fn introspect(
    ctx: &Context,
    asker: &AuthenticatedClient,
    token: &str,
    caller: &Caller,
) -> Result<Option<Map<String, Value>>, StoreError> {
    let conn = ctx.store.conn().await?;
    let live = verify(ctx, &conn, token, caller).await?;
    Ok(live.filter(|live| may_ask(asker.client(), live)).map(|live| describe(ctx, &live)))
}

/// An application asks about its own tokens and about those made for it. APIs are machines, and may be
/// asked with any token; but not with one of another organization.
fn may_ask(asker: &Client, live: &LiveToken<Holder>) -> bool {
    let own = asker.id == live.client.id;
    let for_it = live.audience.as_ref().is_some_and(|audience| asker.audiences.contains(audience));
    let organization = asker.organization.as_ref().map(|organization| &organization.id);
    let theirs =
        live.user.as_ref().map_or(
            live.client.organization.as_ref().map(|organization| &organization.id),
            |user| user.organization.as_ref(),
        );
    let within = organization.is_none() || organization == theirs;
    let api = matches!(asker.kind, ClientKind::Machine | ClientKind::Global) && within;
    own || for_it || api
}

fn describe(ctx: &Context, live: &LiveToken<Holder>) -> Map<String, Value> {
    let subject = live.user.as_ref().map_or(live.client.id.as_str(), |user| user.id.as_str());
    let mut members = Map::new();
    members.insert("active".into(), true.into());
    members.insert("iss".into(), ctx.issuer().into());
    members.insert("sub".into(), subject.into());
    members.insert("client_id".into(), live.client.id.as_str().into());
    members.insert("scope".into(), live.scope.to_string().into());
    members.insert("token_type".into(), "Bearer".into());
    members.insert("iat".into(), live.issued_at.timestamp().into());
    members.insert("exp".into(), live.expires_at.timestamp().into());
    members.insert("jti".into(), live.id.as_str().into());
    members.insert("aud".into(), live.audience.as_deref().unwrap_or(ctx.issuer()).into());
    if let Some(session) = &live.session {
        members.insert("sid".into(), session.as_str().into());
    }
    if let Some(at) = live.authenticated_at {
        claims::sign_in(&mut members, at);
    }
    marks::write(&mut members, live.impersonation.as_ref(), ctx.issuer());
    members
}
