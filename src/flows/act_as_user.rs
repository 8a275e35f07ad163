//! Somebody acts as somebody by a token: the two headers, the JWT grant and the token exchange.
//!
//! [`call`] for a request with a bearer that may name somebody, [`act`] for the actor's own bearer, [`grant`]
//! for an application's service account. All ask the heart, and write one row for a bearer, a subject and a channel: it begins active and ends with the
//! bearer. Once it has ended, this bearer acts as that subject no more.
use super::end_impersonation::{self, EndedBy};
use super::facts::{self, Known, Who};
use super::verify_access_token::{LiveToken, verify, verify_acting};
use super::{Context, Failure};
use crate::audit::{Event, EventKind};
use crate::crypto::random;
use crate::domain::caller::Caller;
use crate::domain::protocol::{Channel, EndReason, Mode, ProtocolName};
use crate::domain::user::{Holder, Profile, User, UserKind};
use crate::domain::{ClientId, ImpersonationId, OrganizationId, Timestamp, UserId};
use crate::impersonation::{
    ActorProof, Denial, Impersonation, ImpersonationRequest, Terms, decide,
};
use crate::store::impersonations::Record;
use crate::store::impersonations::acting::{self, Key};
use crate::store::{self, Conn, Moment, StoreError};

/// How a call names the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectName {
    Id(UserId),
    /// The login e-mail address, in any case. It names one immutable id, at this moment.
    Email(String),
}

/// A request with a bearer, as it came in.
pub struct Call<'a> {
    pub token: &'a str,
    /// Whom its header names, if there is one.
    pub named: Option<&'a (Channel, SubjectName)>,
    /// What is done: method and path, for the audit trail.
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

/// A call that may be made. `U` is how much is known of the user of the token.
pub struct Called<U = Holder> {
    pub token: LiveToken<U>,
    /// As whom: by the header, or because the token itself was made for it.
    pub impersonation: Option<Impersonation>,
}

/// What may be told of the user that a call is made as. Nothing to decide by.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub id: &'a UserId,
    pub kind: UserKind,
    pub profile: &'a Profile,
}

impl Called {
    /// The user that the call is made as; `None` for an application that speaks for itself.
    pub fn user(&self) -> Option<Shown<'_>> {
        let subject = self.impersonation.as_ref().map(Impersonation::subject);
        let subject =
            subject.map(|user| Shown { id: &user.id, kind: user.kind, profile: &user.profile });
        let holder = || self.token.user.as_ref();
        subject.or_else(|| {
            holder().map(|user| Shown { id: &user.id, kind: user.kind, profile: &user.profile })
        })
    }

    /// The same call with the user as the rules look at one. `None`: there is no such active user any more.
    pub async fn with_person(self, ctx: &Context) -> Result<Option<Called<User>>, StoreError> {
        let Self { token, impersonation } = self;
        let holder = token.user.as_ref().map(|holder| &holder.id);
        let looked_at = |by: &Impersonation| {
            let both = [by.actor(), by.subject()];
            both.into_iter().find(|user| Some(&user.id) == holder).cloned()
        };
        // The heart has just looked at them.
        let token = match impersonation.as_ref().and_then(looked_at) {
            Some(user) => Some(token.with_user(Some(user))),
            None => token.with_person(&*ctx.store.conn().await?).await?,
        };
        Ok(token.map(|token| Called { token, impersonation }))
    }
}

impl Called<User> {
    /// As whom the call is made, with permissions; `None` for an application that speaks for itself.
    pub fn person(&self) -> Option<&User> {
        let subject = self.impersonation.as_ref().map(Impersonation::subject);
        subject.or(self.token.user.as_ref())
    }
}

/// Verifies the bearer, asks the heart if somebody is named, and writes every call of an impersonation to
/// the trail before it returns.
///
/// `accepts` says whether the token was made for whoever asks.
pub async fn call(
    ctx: &Context,
    call: &Call<'_>,
    accepts: impl FnOnce(&LiveToken<Holder>) -> bool,
) -> Result<Called, Failure<CallRefusal>> {
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
            let acting = Acting { channel: *channel, bearer: &token, subject };
            let granted = answered(ctx, &conn, (&acting, record), call.caller).await;
            let granted = granted.map_err(|failure| failure.map(CallRefusal::Denied))?;
            (token, Some(granted))
        }
    };
    if let Some(granted) = &impersonation {
        let event = Event::under(EventKind::ApiCall, granted, call.caller);
        ctx.shared.trail.append(&conn, event.with("request", call.what)).await?;
    }
    Ok(Called { token, impersonation })
}

/// The bearer of a call, and the row of an earlier one as the same subject, where one read finds both.
async fn find(
    ctx: &Context,
    conn: &Conn,
    call: &Call<'_>,
    (channel, subject): (Channel, &SubjectName),
) -> Result<Option<(LiveToken<Holder>, Earlier)>, StoreError> {
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

/// The row of an earlier call.
enum Earlier {
    NotLookedUp,
    Known(Option<Box<Record>>),
}

/// Writes down that an impersonation asked for what its mode does not let it do.
pub async fn note_blocked(
    ctx: &Context,
    by: &Impersonation,
    what: &str,
    caller: &Caller,
) -> Result<(), StoreError> {
    let event = Event::under(EventKind::ActionBlocked, by, caller).with("request", what);
    let conn = ctx.store.conn().await?;
    store::audit::append(&conn, &event.because(by.mode().as_str())).await
}

/// A call that names another user.
pub struct Acting<'a> {
    pub channel: Channel,
    pub bearer: &'a LiveToken<Holder>,
    pub subject: &'a SubjectName,
}

/// Asks the heart whether the bearer may act as the subject, now, and finds or makes the row.
///
/// # Errors
///
/// Refused is refused: who is unknown is not told apart from who may not be acted as, in words or in time.
/// The refusal is in the audit trail before it is returned.
pub async fn act(
    ctx: &Context,
    conn: &Conn,
    acting: &Acting<'_>,
    caller: &Caller,
) -> Result<Impersonation, Failure<Denial>> {
    answered(ctx, conn, (acting, Earlier::NotLookedUp), caller).await
}

async fn answered(
    ctx: &Context,
    conn: &Conn,
    (acting, earlier): (&Acting<'_>, Earlier),
    caller: &Caller,
) -> Result<Impersonation, Failure<Denial>> {
    let bearer = acting.bearer;
    let subject = match acting.subject {
        SubjectName::Id(id) => Some(id.clone()),
        SubjectName::Email(email) => store::users::find_id_by_login(conn, email).await?,
    };
    let ask = Asked {
        channel: acting.channel,
        client: &bearer.client.id,
        actor: bearer.user.as_ref().map(|holder| (&holder.id, holder.organization.as_ref())),
        actor_is_impersonated: bearer.impersonation.is_some(),
        proof: ActorProof::Token,
        bearer_hash: Some(&bearer.hash),
        subject: subject.as_ref(),
        expires_at: bearer.expires_at,
        at: Some(bearer.at),
    };
    ask.answered(ctx, conn, earlier, caller).await
}

/// An application that has shown who it is wants a token with which its service account acts as a user.
pub struct Granting<'a> {
    pub client: &'a ClientId,
    /// Its service account in the subject's organization.
    pub actor: &'a User,
    pub subject: &'a UserId,
    /// When the token ends, and the impersonation with it: at most a day ahead.
    pub expires_at: Timestamp,
}

/// The JWT grant of a managed user. Each grant is an impersonation of its own, and the token that is minted
/// for it names it ([`crate::login::Principal`]).
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
    let ask = Asked {
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

/// What both ask.
struct Asked<'a> {
    channel: Channel,
    client: &'a ClientId,
    /// And their organization. None: the bearer speaks for an application and for no user.
    actor: Option<(&'a UserId, Option<&'a OrganizationId>)>,
    actor_is_impersonated: bool,
    proof: ActorProof,
    bearer_hash: Option<&'a [u8]>,
    /// None: nobody has this name.
    subject: Option<&'a UserId>,
    expires_at: Timestamp,
    /// When the bearer was looked up.
    at: Option<Moment>,
}

impl Asked<'_> {
    async fn answered(
        &self,
        ctx: &Context,
        conn: &Conn,
        mut earlier: Earlier,
        caller: &Caller,
    ) -> Result<Impersonation, Failure<Denial>> {
        let who = self.who()?;
        // Twice at most: whoever loses the race for the row finds it the second time.
        for _ in 0..2 {
            let known = facts::at(ctx, conn, &who, self.at).await?;
            let record = match std::mem::replace(&mut earlier, Earlier::NotLookedUp) {
                Earlier::Known(record) => record.map(|record| *record),
                Earlier::NotLookedUp => self.look_up(conn, &who).await?,
            };
            let ask = match self.question(&known, record.as_ref()) {
                Ok(question) => question,
                Err(denial) => return self.refuse(conn, denial, caller).await,
            };
            let verdict = decide(&ask).and_then(|granted| match ended(record.as_ref()) {
                Some(reason) => Err(Denial::Over(reason)),
                None => Ok(granted),
            });
            match (verdict, record) {
                (Ok(granted), Some(_)) => {
                    facts::remember(ctx, who, &known).await;
                    end_impersonation::touch(conn, &granted, ask.now).await?;
                    return Ok(granted);
                }
                (Ok(granted), None) => {
                    if self.start(conn, &granted, caller).await? {
                        return Ok(granted);
                    }
                }
                (Err(denial), record) => {
                    if let Some(record) = record.filter(|record| record.ended_at.is_none()) {
                        let by = EndedBy { actor: None, reason: denial.end_reason() };
                        end_impersonation::end(conn, &record, by, caller).await?;
                    }
                    return self.refuse(conn, denial, caller).await;
                }
            }
        }
        Err(Failure::Busy)
    }

    /// With a name that nobody has for one that is unknown, so that it takes as long.
    fn who(&self) -> Result<Who, StoreError> {
        let nobody = UserId::parse("-").map_err(|_| corrupt("id"))?;
        Ok(Who {
            actor: self.actor.map_or_else(|| nobody.clone(), |(id, _)| id.clone()),
            subject: self.subject.cloned().unwrap_or(nobody),
            client: self.client.clone(),
        })
    }

    async fn look_up(&self, conn: &Conn, who: &Who) -> Result<Option<Record>, StoreError> {
        let Some(bearer_hash) = self.bearer_hash else { return Ok(None) };
        acting::find(conn, Key { channel: self.channel, bearer_hash, subject: &who.subject }).await
    }

    fn question(
        &self,
        known: &Known,
        record: Option<&Record>,
    ) -> Result<ImpersonationRequest, Denial> {
        let now = known.now;
        let actor = known.actor().filter(|_| self.actor.is_some()).ok_or(Denial::NotPermitted)?;
        // Nobody is nobody's colleague.
        let subject = known.subject().filter(|_| self.subject.is_some());
        let subject = subject.ok_or(Denial::OtherOrganization)?;
        let client = known.client().ok_or(Denial::ClientNotEnabled)?;
        let terms = if let Some(terms) = record.and_then(terms_of) {
            terms
        } else {
            let id = ImpersonationId::parse(random::id("imp", now));
            let id = id.map_err(|_| Denial::NotPermitted)?;
            Terms::of_token(id, now, self.expires_at)
        };
        Ok(ImpersonationRequest {
            channel: self.channel,
            protocol: ProtocolName::Oauth2,
            actor: actor.clone(),
            actor_proof: self.proof,
            actor_is_impersonated: self.actor_is_impersonated,
            subject: subject.clone(),
            client: client.clone(),
            return_url: None,
            mode: Mode::Full,
            feature_enabled: known.feature_enabled(),
            terms,
            now,
        })
    }

    async fn start(
        &self,
        conn: &Conn,
        granted: &Impersonation,
        caller: &Caller,
    ) -> Result<bool, StoreError> {
        let event = Event::under(EventKind::ImpersonationStarted, granted, caller)
            .with("mode", granted.mode().as_str())
            .with("actor_proof", granted.actor_proof().as_str())
            .with("ends_at", granted.terms().ends_at.to_rfc3339());
        acting::start(conn, granted, self.bearer_hash, &event).await
    }

    async fn refuse<T>(
        &self,
        conn: &Conn,
        denial: Denial,
        caller: &Caller,
    ) -> Result<T, Failure<Denial>> {
        let event = Event {
            actor: Some(self.actor.map_or(self.client.as_str(), |(id, _)| id.as_str()).into()),
            subject: self.subject.map(ToString::to_string),
            client: Some(self.client.to_string()),
            organization: self.actor.and_then(|(_, home)| home).map(ToString::to_string),
            channel: Some(self.channel.as_str()),
            protocol: Some(ProtocolName::Oauth2.as_str()),
            ..Event::new(EventKind::ImpersonationRefused, caller)
        };
        store::audit::append(conn, &event.because(denial.code())).await?;
        Err(Failure::Refused(denial))
    }
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt { table: "impersonations", what: what.to_owned() }
}

fn terms_of(record: &Record) -> Option<Terms> {
    Some(Terms {
        id: record.id.clone(),
        starts_at: record.redeemed_at?,
        ends_at: record.ends_at?,
        last_seen_at: record.last_seen_at?,
    })
}

/// Why it is over, if somebody or something has ended it.
fn ended(record: Option<&Record>) -> Option<EndReason> {
    let record = record.filter(|record| record.ended_at.is_some())?;
    let reason = record.end_reason.as_deref().and_then(EndReason::parse);
    Some(reason.unwrap_or(EndReason::StoppedByAdmin))
}
