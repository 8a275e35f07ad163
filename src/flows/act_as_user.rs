//! Somebody acts as somebody by a token: the two headers, the JWT grant and the token exchange.
//!
//! [`call`] for a request with a bearer that may name somebody, [`act`] for the actor's own bearer, [`grant`]
//! for an application's service account. All ask the heart, and write one row for a bearer, a subject and a channel: it begins active and ends with the
//! bearer. Once it has ended, this bearer acts as that subject no more.
use super::end_impersonation::{self, EndedBy};
use super::verify_access_token::{LiveToken, verify};
use super::{Context, Failure};
use crate::audit::{Event, EventKind};
use crate::crypto::random;
use crate::domain::caller::Caller;
use crate::domain::protocol::{Channel, EndReason, Mode, ProtocolName};
use crate::domain::user::{Holder, Profile, User, UserKind};
use crate::domain::{ClientId, ImpersonationId, Timestamp, UserId};
use crate::impersonation::{
    ActorProof, Denial, Impersonation, ImpersonationRequest, Terms, decide,
};
use crate::store::impersonations::Record;
use crate::store::impersonations::acting::{self, Facts, Key};
use crate::store::{self, Conn, StoreError};

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
        let conn = ctx.store.conn().await?;
        let Self { token, impersonation } = self;
        let token = token.with_person(&conn).await?;
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
    let token = verify(ctx, &conn, call.token, call.caller).await?.filter(accepts);
    let token = token.ok_or(Failure::Refused(CallRefusal::InvalidToken))?;
    let impersonation = match call.named {
        None => token.impersonation.clone(),
        Some((channel, subject)) => {
            let acting = Acting { channel: *channel, bearer: &token, subject };
            let granted = act(&conn, &acting, call.caller).await;
            Some(granted.map_err(|failure| failure.map(CallRefusal::Denied))?)
        }
    };
    if let Some(granted) = &impersonation {
        let event = Event::under(EventKind::ApiCall, granted, call.caller);
        ctx.shared.trail.append(&conn, event.with("request", call.what)).await?;
    }
    Ok(Called { token, impersonation })
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
    conn: &Conn,
    acting: &Acting<'_>,
    caller: &Caller,
) -> Result<Impersonation, Failure<Denial>> {
    let bearer = acting.bearer;
    let subject = match acting.subject {
        SubjectName::Id(id) => Some(id.clone()),
        SubjectName::Email(email) => store::users::find_id_by_login(conn, email).await?,
    };
    let actor = match &bearer.user {
        Some(holder) => store::users::find(conn, &holder.id).await?,
        None => None,
    };
    let ask = Asked {
        channel: acting.channel,
        client: &bearer.client.id,
        actor: actor.as_ref(),
        actor_is_impersonated: bearer.impersonation.is_some(),
        proof: ActorProof::Token,
        bearer_hash: Some(&bearer.hash),
        subject: subject.as_ref(),
        expires_at: bearer.expires_at,
    };
    ask.answered(conn, caller).await
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
    conn: &Conn,
    granting: &Granting<'_>,
    caller: &Caller,
) -> Result<Impersonation, Failure<Denial>> {
    let ask = Asked {
        channel: Channel::JwtGrant,
        client: granting.client,
        actor: Some(granting.actor),
        actor_is_impersonated: false,
        proof: ActorProof::Client,
        bearer_hash: None,
        subject: Some(granting.subject),
        expires_at: granting.expires_at,
    };
    ask.answered(conn, caller).await
}

/// What both ask.
struct Asked<'a> {
    channel: Channel,
    client: &'a ClientId,
    /// None: the bearer speaks for an application and for no user.
    actor: Option<&'a User>,
    actor_is_impersonated: bool,
    proof: ActorProof,
    bearer_hash: Option<&'a [u8]>,
    /// None: nobody has this name.
    subject: Option<&'a UserId>,
    expires_at: Timestamp,
}

impl Asked<'_> {
    async fn answered(
        &self,
        conn: &Conn,
        caller: &Caller,
    ) -> Result<Impersonation, Failure<Denial>> {
        // Twice at most: whoever loses the race for the row finds it the second time.
        for _ in 0..2 {
            let facts = self.facts(conn).await?;
            let (ask, record) = match self.question(facts) {
                Ok(question) => question,
                Err(denial) => return self.refuse(conn, denial, caller).await,
            };
            let verdict = decide(&ask).and_then(|granted| match ended(record.as_ref()) {
                Some(reason) => Err(Denial::Over(reason)),
                None => Ok(granted),
            });
            match (verdict, record) {
                (Ok(granted), Some(_)) => {
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

    /// Read for an unknown name too, so that it takes as long.
    async fn facts(&self, conn: &Conn) -> Result<Facts, StoreError> {
        let nobody = UserId::parse("-").map_err(|_| corrupt("id"))?;
        let key = Key {
            channel: self.channel,
            bearer_hash: self.bearer_hash.unwrap_or_default(),
            subject: self.subject.unwrap_or(&nobody),
        };
        let facts = acting::facts(conn, self.client, key).await?;
        let subject = facts.subject.filter(|_| self.subject.is_some());
        Ok(Facts { subject, ..facts })
    }

    fn question(&self, facts: Facts) -> Result<(ImpersonationRequest, Option<Record>), Denial> {
        let actor = self.actor.ok_or(Denial::NotPermitted)?;
        // Nobody is nobody's colleague.
        let subject = facts.subject.ok_or(Denial::OtherOrganization)?;
        let client = facts.client.ok_or(Denial::ClientNotEnabled)?;
        let terms = if let Some(terms) = facts.record.as_ref().and_then(terms_of) {
            terms
        } else {
            let id = ImpersonationId::parse(random::id("imp", facts.now));
            let id = id.map_err(|_| Denial::NotPermitted)?;
            Terms::of_token(id, facts.now, self.expires_at)
        };
        let ask = ImpersonationRequest {
            channel: self.channel,
            protocol: ProtocolName::Oauth2,
            actor: actor.clone(),
            actor_proof: self.proof,
            actor_is_impersonated: self.actor_is_impersonated,
            subject,
            client,
            return_url: None,
            mode: Mode::Full,
            feature_enabled: facts.feature_enabled,
            terms,
            now: facts.now,
        };
        Ok((ask, facts.record))
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
            actor: Some(self.actor.map_or(self.client.as_str(), |user| user.id.as_str()).into()),
            subject: self.subject.map(ToString::to_string),
            client: Some(self.client.to_string()),
            organization: self
                .actor
                .and_then(|user| user.organization_id())
                .map(ToString::to_string),
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
