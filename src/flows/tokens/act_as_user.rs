//! Impersonation by token: the two headers, the JWT grant and the token exchange.
//!
//! [`call`] for a request with a bearer that may name a subject, [`act`] for the actor's own bearer, [`grant`] for
//! an application's service account. All decide, and write one row for each bearer, subject and channel, which
//! begins active and ends with the bearer. Once it has ended, this bearer never acts as that subject again.
mod act_request;

use super::verify_access_token::{LiveToken, verify, verify_acting};
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::protocol::Channel;
use crate::domain::user::{Profile, TokenSubject, User, UserKind};
use crate::domain::{ClientId, Timestamp, UserId};
use crate::flows::{Context, Failure};
use crate::impersonation::{ActorProof, Denial, Impersonation};
use crate::store::{self, Conn, StoreError};
use act_request::{ActRequest, Earlier};

/// How a call names the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectName {
    Id(UserId),
    /// The login e-mail address, case-insensitive, resolved to an id at this moment.
    Email(String),
}

/// A request with a bearer, as it came in.
pub struct Call<'a> {
    pub token: &'a str,
    /// The subject in its header, if any.
    pub named: Option<&'a (Channel, SubjectName)>,
    /// Method and path, for the audit trail.
    pub what: &'a str,
    pub caller: &'a Caller,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallRefusal {
    #[error("the token is not valid")]
    InvalidToken,
    #[error("{0}")]
    Denied(Denial),
}

/// An accepted call. `U` is how much is known of the user of the token.
pub struct CalledAs<U = TokenSubject> {
    pub token: LiveToken<U>,
    /// The impersonation: by the header, or of the token itself.
    pub impersonation: Option<Impersonation>,
}

/// Public data of the user of a call; decisions do not use it.
#[derive(Debug, Clone, Copy)]
pub struct ShownAction<'a> {
    pub id: &'a UserId,
    pub kind: UserKind,
    pub profile: &'a Profile,
}

impl CalledAs {
    /// The user of the call; `None` for client credentials.
    pub fn user(&self) -> Option<ShownAction<'_>> {
        let subject = self.impersonation.as_ref().map(Impersonation::subject);
        let subject = subject.map(|user| ShownAction {
            id: &user.id,
            kind: user.kind,
            profile: &user.profile,
        });
        let holder = || self.token.user.as_ref();
        subject.or_else(|| {
            holder().map(|user| ShownAction {
                id: &user.id,
                kind: user.kind,
                profile: &user.profile,
            })
        })
    }

    /// Loads the user with permissions. `None`: the user is not active any more.
    pub async fn with_person(self, ctx: &Context) -> Result<Option<CalledAs<User>>, StoreError> {
        let Self { token, impersonation } = self;
        let holder = token.user.as_ref().map(|holder| &holder.id);
        let looked_at = |by: &Impersonation| {
            let both = [by.actor(), by.subject()];
            both.into_iter().find(|user| Some(&user.id) == holder).cloned()
        };
        // The decision has just loaded this user.
        let token = match impersonation.as_ref().and_then(looked_at) {
            Some(user) => Some(token.with_user(Some(user))),
            None => token.with_person(&*ctx.store.conn().await?).await?,
        };
        Ok(token.map(|token| CalledAs { token, impersonation }))
    }
}

impl CalledAs<User> {
    /// The user of the call with permissions; `None` for client credentials.
    pub fn person(&self) -> Option<&User> {
        let subject = self.impersonation.as_ref().map(Impersonation::subject);
        subject.or(self.token.user.as_ref())
    }
}

/// Verifies the bearer, decides if a subject is named, and records every call of an impersonation
/// ([`crate::flows::shared::audit_queue`]).
///
/// `accepts` says whether the token was issued for the caller.
pub async fn call(
    ctx: &Context,
    call: &Call<'_>,
    accepts: impl FnOnce(&LiveToken<TokenSubject>) -> bool,
) -> Result<CalledAs, Failure<CallRefusal>> {
    let conn = ctx.store.conn().await?;
    let invalid = || Failure::Refused(CallRefusal::InvalidToken);
    let (token, impersonation) = match call.named {
        None => {
            let token = verify(ctx, &conn, call.token, call.caller).await?.filter(accepts);
            let token = token.ok_or_else(invalid)?;
            let impersonation = token.impersonation.clone();
            (token, impersonation)
        }
        Some((channel, subject)) => {
            let found = find(ctx, &conn, call, (*channel, subject)).await?;
            let (token, record) = found.filter(|(token, _)| accepts(token)).ok_or_else(invalid)?;
            let acting = ActedCall { channel: *channel, bearer: &token, subject };
            let granted = answered(ctx, &conn, (&acting, record), call.caller).await;
            let granted = granted.map_err(|failure| failure.map(CallRefusal::Denied))?;
            (token, Some(granted))
        }
    };
    // Released while this call waits for the commit of its event.
    drop(conn);
    if let Some(granted) = &impersonation {
        let event = Event::under(EventKind::ApiCall, granted, call.caller);
        let event = event.with("request", call.what);
        ctx.trail.append(event).await?;
    }
    Ok(CalledAs { token, impersonation })
}

/// The bearer of a call, and the row of an earlier one as the same subject, where one read finds both.
async fn find(
    ctx: &Context,
    conn: &Conn,
    call: &Call<'_>,
    (channel, subject): (Channel, &SubjectName),
) -> Result<Option<(LiveToken<TokenSubject>, Earlier)>, StoreError> {
    match subject {
        SubjectName::Id(subject) => {
            let found =
                verify_acting(ctx, conn, (call.token, channel, subject), call.caller).await?;
            Ok(found.map(|(token, record)| (token, Earlier::Known(record.map(Box::new)))))
        }
        SubjectName::Email(_) => {
            let token = verify(ctx, conn, call.token, call.caller).await?;
            Ok(token.map(|token| (token, Earlier::NotLookedUp)))
        }
    }
}

/// Records a call that the mode of the impersonation does not allow.
pub async fn note_blocked(
    ctx: &Context,
    by: &Impersonation,
    what: &str,
    caller: &Caller,
) -> Result<(), StoreError> {
    let event = Event::under(EventKind::ActionBlocked, by, caller).with("request", what);
    let conn = ctx.store.conn().await?;
    store::trail::append::append(&conn, &event.because(by.mode().as_str())).await
}

/// A call that names another user.
pub struct ActedCall<'a> {
    pub channel: Channel,
    pub bearer: &'a LiveToken<TokenSubject>,
    pub subject: &'a SubjectName,
}

/// Decides whether the bearer may act as the subject, now, and finds or creates the row.
///
/// # Errors
///
/// An unknown subject and a denied one get the same answer in the same time. The refusal is in the audit trail
/// before it is returned.
pub async fn act(
    ctx: &Context,
    conn: &Conn,
    acting: &ActedCall<'_>,
    caller: &Caller,
) -> Result<Impersonation, Failure<Denial>> {
    answered(ctx, conn, (acting, Earlier::NotLookedUp), caller).await
}

async fn answered(
    ctx: &Context,
    conn: &Conn,
    (acting, earlier): (&ActedCall<'_>, Earlier),
    caller: &Caller,
) -> Result<Impersonation, Failure<Denial>> {
    let bearer = acting.bearer;
    let subject = match acting.subject {
        SubjectName::Id(id) => Some(id.clone()),
        SubjectName::Email(email) => store::directory::users::find_id_by_login(conn, email).await?,
    };
    let ask = ActRequest {
        channel: acting.channel,
        client: &bearer.client.id,
        actor: bearer.user.as_ref().map(|holder| (&holder.id, holder.organization.as_ref())),
        actor_is_impersonated: bearer.impersonation.is_some(),
        proof: ActorProof::Token { authenticated_at: bearer.authenticated_at },
        bearer_hash: Some(&bearer.hash),
        subject: subject.as_ref(),
        expires_at: bearer.expires_at,
        at: Some(&bearer.at),
    };
    ask.answered(ctx, conn, earlier, caller).await
}

/// An authenticated application requests a token with which its service account acts as a user.
pub struct Granting<'a> {
    pub client: &'a ClientId,
    /// Its service account in the subject's organization.
    pub actor: &'a User,
    pub subject: &'a UserId,
    /// When the token ends, and the impersonation with it: at most a day ahead.
    pub expires_at: Timestamp,
}

/// The JWT grant of a managed user. Each grant is a separate impersonation, which the issued token names
/// ([`crate::login::Principal`]).
///
/// # Errors
///
/// As [`act`].
pub async fn grant(
    ctx: &Context,
    conn: &Conn,
    granting: &Granting<'_>,
    caller: &Caller,
) -> Result<Impersonation, Failure<Denial>> {
    let ask = ActRequest {
        channel: Channel::JwtGrant,
        client: granting.client,
        actor: Some((&granting.actor.id, granting.actor.organization_id())),
        actor_is_impersonated: false,
        proof: ActorProof::Client,
        bearer_hash: None,
        subject: Some(granting.subject),
        expires_at: granting.expires_at,
        at: None,
    };
    ask.answered(ctx, conn, Earlier::Known(None), caller).await
}
