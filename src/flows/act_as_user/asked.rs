//! The question of a token: facts, verdict, and the row that comes of a yes.
use super::super::end_impersonation::{self, EndedBy};
use super::super::facts::{self, Known, Who};
use super::super::{Context, Failure};
use crate::audit::{Event, EventKind};
use crate::crypto::random;
use crate::domain::caller::Caller;
use crate::domain::protocol::{Channel, EndReason, Mode, ProtocolName};
use crate::domain::{ClientId, ImpersonationId, OrganizationId, Timestamp, UserId};
use crate::impersonation::{
    ActorProof, Denial, Impersonation, ImpersonationRequest, Terms, decide,
};
use crate::store::impersonations::acting::{self, Acted, Key};
use crate::store::{self, Conn, Moment, StoreError};

/// The row of an earlier call.
pub(super) enum Earlier {
    NotLookedUp,
    Known(Option<Box<Acted>>),
}

/// What both ask.
pub(super) struct Asked<'a> {
    pub(super) channel: Channel,
    pub(super) client: &'a ClientId,
    /// And their organization. None: the bearer speaks for an application and for no user.
    pub(super) actor: Option<(&'a UserId, Option<&'a OrganizationId>)>,
    pub(super) actor_is_impersonated: bool,
    pub(super) proof: ActorProof,
    pub(super) bearer_hash: Option<&'a [u8]>,
    /// None: nobody has this name.
    pub(super) subject: Option<&'a UserId>,
    pub(super) expires_at: Timestamp,
    /// When the bearer was looked up.
    pub(super) at: Option<Moment>,
}

impl Asked<'_> {
    pub(super) async fn answered(
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
                    let running = record.filter(|record| record.ended_at.is_none());
                    let running = match running {
                        Some(row) => store::impersonations::find(conn, &row.id).await?,
                        None => None,
                    };
                    if let Some(record) = running {
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

    async fn look_up(&self, conn: &Conn, who: &Who) -> Result<Option<Acted>, StoreError> {
        let Some(bearer_hash) = self.bearer_hash else { return Ok(None) };
        acting::find(conn, Key { channel: self.channel, bearer_hash, subject: &who.subject }).await
    }

    fn question(
        &self,
        known: &Known,
        record: Option<&Acted>,
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

fn terms_of(record: &Acted) -> Option<Terms> {
    Some(Terms {
        id: record.id.clone(),
        starts_at: record.began_at?,
        ends_at: record.ends_at?,
        last_seen_at: record.last_seen_at?,
    })
}

/// Why it is over, if somebody or something has ended it.
fn ended(record: Option<&Acted>) -> Option<EndReason> {
    let record = record.filter(|record| record.ended_at.is_some())?;
    let reason = record.end_reason.as_deref().and_then(EndReason::parse);
    Some(reason.unwrap_or(EndReason::StoppedByAdmin))
}
