//! Token introspection ([RFC 7662]).
//!
//! [RFC 7662]: https://www.rfc-editor.org/rfc/rfc7662
use super::act_as_user::{self, Call, CallRefusal, CalledAs, SubjectName};
use super::authenticate_client::AuthenticatedClient;
use super::claims;
use super::issue_tokens::registered_audience;
use super::verify_access_token::{LiveToken, verify};
use crate::domain::UserId;
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::protocol::Channel;
use crate::domain::user::TokenSubject;
use crate::flows::{Context, Failure};
use crate::impersonation::{Denial, marks};
use serde_json::{Map, Value};

/// An introspection request.
pub struct IntrospectionQuestion<'a> {
    pub token: &'a str,
    /// The `As-User` header that the API received, if any.
    pub as_user: Option<&'a UserId>,
}

/// The members of the answer; `None` is `active: false` and nothing else.
///
/// # Errors
///
/// Refused when the token is valid and may not act as the named user.
pub async fn introspect(
    ctx: &Context,
    asker: &AuthenticatedClient,
    question: &IntrospectionQuestion<'_>,
    caller: &Caller,
) -> Result<Option<Map<String, Value>>, Failure<Denial>> {
    let named = question.as_user.map(|id| (Channel::AsUser, SubjectName::Id(id.clone())));
    if named.is_none() {
        // Introspection records no use of an impersonation.
        let conn = ctx.store.conn().await?;
        let live = verify(ctx, &conn, question.token, caller).await?;
        let live = live.filter(|live| may_ask(asker.client(), live));
        return Ok(live.map(|token| {
            let impersonation = token.impersonation.clone();
            describe(ctx, &CalledAs { token, impersonation })
        }));
    }
    let call = Call { token: question.token, named: named.as_ref(), what: "introspection", caller };
    match act_as_user::call(ctx, &call, |live| may_ask(asker.client(), live)).await {
        Ok(made) => Ok(Some(describe(ctx, &made))),
        Err(Failure::Refused(CallRefusal::InvalidToken)) => Ok(None),
        Err(Failure::Refused(CallRefusal::Denied(denial))) => Err(Failure::Refused(denial)),
        Err(Failure::Internal(cause)) => Err(Failure::Internal(cause)),
        Err(Failure::Busy) => Err(Failure::Busy),
    }
}

/// Whether `asker` may introspect the token ([RFC 7662 §4]): its own application, the applications of the API in
/// its audience, and for opaque tokens applications with the setting `introspect`, within their organization.
///
/// [RFC 7662 §4]: https://www.rfc-editor.org/rfc/rfc7662#section-4
fn may_ask(asker: &Client, live: &LiveToken<TokenSubject>) -> bool {
    let own = asker.id == live.client.id;
    let for_it = live
        .audience
        .as_ref()
        .is_some_and(|audience| registered_audience(asker, audience).is_some());
    let organization = asker.organization.as_ref().map(|organization| &organization.id);
    let theirs =
        live.user.as_ref().map_or(
            live.client.organization.as_ref().map(|organization| &organization.id),
            |user| user.organization.as_ref(),
        );
    let within = organization.is_none() || organization == theirs;
    let switched_on = live.audience.is_none() && asker.introspect && within;
    own || for_it || switched_on
}

fn describe(ctx: &Context, made: &CalledAs) -> Map<String, Value> {
    let live = &made.token;
    let subject = made.user().map_or(live.client.id.as_str(), |user| user.id.as_str());
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
    marks::write(&mut members, made.impersonation.as_ref(), ctx.issuer());
    members
}
