//! The question of a token: facts, verdict, and the row that comes of a yes.
use crate::audit::{Event, EventKind};
use crate::crypto::random;
use crate::domain::caller::Caller;
use crate::domain::protocol::{Channel, EndReason, Mode, ProtocolName};
use crate::domain::{ClientId, ImpersonationId, OrganizationId, Timestamp, UserId};
use crate::flows::impersonation::end_impersonation::{self, EndedBy};
use crate::flows::impersonation::question::{DecisionQuestion, GONE};
use crate::flows::shared::decision_facts::{self, DecisionInputs, Who};
use crate::flows::{Context, Failure};
use crate::impersonation::{
    ActorProof, Denial, Given, Impersonation, ImpersonationRequest, Occasion, RequestedBy, Terms,
    decide,
};
use crate::store::impersonations::acting::{self, Acted, ActingKey};
use crate::store::{self, Conn, Moment, StoreError};

/// The row of an earlier call.
pub(super) enum Earlier {
    NotLookedUp,
    Known(Option<Box<Acted>>),
}

/// What both ask.
pub(super) struct ActRequest<'a> {
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
    pub(super) at: Option<&'a Moment>,
}

impl ActRequest<'_> {
    pub(super) async fn answered(
        &self,
        ctx: &Context,
        conn: &Conn,
        mut earlier: Earlier,
        caller: &Caller,
    ) -> Result<Impersonation, Failure<Denial>> {
        let who = self.who()?;
        let by = who.requested_by.clone();
        // Twice at most: whoever loses the race for the row finds it the second time.
        for _ in 0..2 {
            let known = decision_facts::at(ctx, conn, &who, self.at).await?;
            let record = match std::mem::replace(&mut earlier, Earlier::NotLookedUp) {
                Earlier::Known(record) => record.map(|record| *record),
                Earlier::NotLookedUp => self.look_up(conn, &who).await?,
            };
            let ask = match self.question(ctx, (&known, &by), record.as_ref()) {
                Ok(question) => question,
                Err(denial) => return self.refuse(conn, denial, (&known, &by), caller).await,
            };
            let verdict = decide(&ask).and_then(|granted| match ended(record.as_ref()) {
                Some(reason) => Err(Denial::Over(reason)),
                None => Ok(granted),
            });
            match (verdict, record) {
                (Ok(granted), Some(_)) => {
                    decision_facts::remember(ctx, who, &known).await;
                    end_impersonation::touch(conn, &granted, ask.now).await?;
                    return Ok(granted);
                }
                (Ok(_), None) if self.has_ended(conn, &who).await? => {
                    let denial = Denial::Over(EndReason::StoppedByAdmin);
                    return self.refuse(conn, denial, (&known, &by), caller).await;
                }
                (Ok(granted), None) => {
                    if self.start(conn, &granted, caller).await? {
                        return Ok(granted);
                    }
                }
                (Err(denial), record) => {
                    end_by(conn, denial, record.as_ref(), caller).await?;
                    return self.refuse(conn, denial, (&known, &by), caller).await;
                }
            }
        }
        Err(Failure::Busy)
    }

    /// With a name that nobody has for one that is unknown, so that it takes as long.
    fn who(&self) -> Result<Who, StoreError> {
        let nobody = UserId::parse("-").map_err(|_| corrupt("id"))?;
        Ok(Who {
            requested_by: self.requested_by(),
            actor: self.actor.map_or_else(|| nobody.clone(), |(id, _)| id.clone()),
            subject: self.subject.cloned().unwrap_or(nobody),
            client: self.client.clone(),
        })
    }

    /// The application in which somebody acts asks, by the bearer of the actor or for its service account.
    fn requested_by(&self) -> RequestedBy {
        match self.actor.filter(|_| self.channel != Channel::JwtGrant) {
            Some((actor, _)) => {
                RequestedBy::Token { person: actor.clone(), application: Some(self.client.clone()) }
            }
            None => RequestedBy::Application(self.client.clone()),
        }
    }

    /// Once it has ended, this bearer acts as that subject no more, in whatever form it is shown. Asked before a row is
    /// made, so once for a bearer and a subject.
    async fn has_ended(&self, conn: &Conn, who: &Who) -> Result<bool, StoreError> {
        match (self.channel, self.bearer_hash) {
            (Channel::AsUser | Channel::OnBehalfOf, Some(bearer)) => {
                acting::has_ended(conn, bearer, &who.subject).await
            }
            _ => Ok(false),
        }
    }

    async fn look_up(&self, conn: &Conn, who: &Who) -> Result<Option<Acted>, StoreError> {
        let Some(bearer_hash) = self.bearer_hash else { return Ok(None) };
        acting::find(conn, ActingKey { channel: self.channel, bearer_hash, subject: &who.subject })
            .await
    }

    fn question(
        &self,
        ctx: &Context,
        (known, requested_by): (&DecisionInputs, &RequestedBy),
        record: Option<&Acted>,
    ) -> Result<ImpersonationRequest, Denial> {
        let now = known.now;
        known.actor().filter(|_| self.actor.is_some()).ok_or(Denial::NotPermitted)?;
        // Nobody is nobody's colleague.
        let subject = known.subject().filter(|_| self.subject.is_some());
        subject.ok_or(Denial::OtherOrganization)?;
        known.client().ok_or(Denial::ClientNotEnabled)?;
        let terms = if let Some(terms) = record.and_then(terms_of) {
            terms
        } else {
            let id = ImpersonationId::parse(random::id("imp", now));
            let id = id.map_err(|_| Denial::NotPermitted)?;
            Terms::of_token(id, now, self.expires_at)
        };
        let question = DecisionQuestion {
            occasion: self.occasion(record),
            channel: self.channel,
            protocol: ProtocolName::Oauth2,
            requested_by,
            scopes: None,
            proof: self.proof,
            actor_is_impersonated: self.actor_is_impersonated,
            return_url: None,
            mode: Mode::Full,
            redeem: None,
            given: Given::default(),
            step_up: ctx.shared.step_up,
            terms,
            created_at: record.and_then(|record| record.began_at),
        };
        question.about(known).map_err(|_| GONE)
    }

    /// Each exchange hands out another token, so each is a request of its own, whatever runs already.
    fn occasion(&self, record: Option<&Acted>) -> Occasion {
        match (self.channel, record) {
            (Channel::TokenExchange, _) | (_, None) => Occasion::Request,
            (_, Some(_)) => Occasion::Use,
        }
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
            .with("ends_at", granted.terms().ends_at.to_rfc3339())
            .requested(granted.requested_by());
        acting::start(conn, granted, self.bearer_hash, &event).await
    }

    async fn refuse<T>(
        &self,
        conn: &Conn,
        denial: Denial,
        (known, requested_by): (&DecisionInputs, &RequestedBy),
        caller: &Caller,
    ) -> Result<T, Failure<Denial>> {
        let home = self.actor.and_then(|(_, home)| home).map(ToString::to_string);
        let event = Event {
            actor: Some(self.actor.map_or(self.client.as_str(), |(id, _)| id.as_str()).into()),
            subject: self.subject.map(ToString::to_string),
            client: Some(self.client.to_string()),
            organization: home.or_else(|| known.organization_of_refusal(requested_by)),
            channel: Some(self.channel.as_str()),
            protocol: Some(ProtocolName::Oauth2.as_str()),
            ..Event::new(EventKind::ImpersonationRefused, caller)
        };
        let event = event.requested(requested_by).because(denial.code());
        store::trail::append::append(conn, &event).await?;
        Err(Failure::Refused(denial))
    }
}

/// Ends what ran by an earlier call, if the refusal is one that ends anything.
async fn end_by(
    conn: &Conn,
    denial: Denial,
    record: Option<&Acted>,
    caller: &Caller,
) -> Result<(), StoreError> {
    let running = record.filter(|record| record.ended_at.is_none());
    let (Some(row), Some(reason)) = (running, denial.end_reason()) else { return Ok(()) };
    if let Some(record) = store::impersonations::find(conn, &row.id).await? {
        let by = EndedBy { actor: None, reason };
        end_impersonation::end(conn, &record, by, caller).await?;
    }
    Ok(())
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
