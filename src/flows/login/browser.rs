//! Resolves the cookies of a browser, and ends its sessions.
use super::sign_in;
use crate::authentication::{Authenticated, Session};
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::protocol::{Channel, EndReason};
use crate::domain::{ClientId, ImpersonationId, SessionId, Timestamp, UserId};
use crate::flows::impersonation::end_impersonation::{EndedBy, end_by_id};
use crate::flows::impersonation::held_impersonation::{self, Carried, HeldStanding};
use crate::flows::{Context, logout::sign_out};
use crate::impersonation::Impersonation;
use crate::store::{self, Conn, StoreError};
use std::sync::Arc;

/// The secrets that a browser sent.
#[derive(Clone, Default)]
pub struct BrowserTokens {
    pub own: Option<String>,
    pub impersonated: Vec<String>,
}

/// The sessions of a browser.
#[derive(Default)]
pub struct SeenBrowser {
    /// The user's own session.
    pub own: Option<(Session, Authenticated)>,
    /// Its impersonated sessions, running or ended.
    pub held: Vec<HeldSession>,
    /// Impersonations without the session of their actor. They are ignored, and end with the next sign-in or
    /// sign-out.
    pub without_actor: Vec<ImpersonationId>,
}

/// An impersonated session of a browser.
pub struct HeldSession {
    pub session: SessionId,
    pub impersonation: ImpersonationId,
    pub client: ClientId,
    /// `None`: it is over.
    pub live: Option<Live>,
}

/// A running impersonation, decided again just now.
pub struct Live {
    pub granted: Impersonation,
    pub application: Arc<Client>,
    pub now: Timestamp,
}

/// Resolves the sessions of a browser; without cookies there is no query.
pub async fn meet(
    ctx: &Context,
    tokens: &BrowserTokens,
    caller: &Caller,
) -> Result<SeenBrowser, StoreError> {
    if tokens.own.is_none() && tokens.impersonated.is_empty() {
        return Ok(SeenBrowser::default());
    }
    look(ctx, &*ctx.store.conn().await?, tokens, caller).await
}

pub async fn look(
    ctx: &Context,
    conn: &Conn,
    tokens: &BrowserTokens,
    caller: &Caller,
) -> Result<SeenBrowser, StoreError> {
    let own = match &tokens.own {
        Some(token) => sign_in::resume(conn, token).await?,
        None => None,
    };
    let mut seen = SeenBrowser { own, ..SeenBrowser::default() };
    if tokens.impersonated.is_empty() {
        return Ok(seen);
    }
    let behind = match &seen.own {
        Some((session, _)) => Some(session.id.clone()),
        None => held_impersonation::own_session(conn, tokens.own.as_deref()).await?,
    };
    for token in &tokens.impersonated {
        let carried = held_impersonation::find(ctx, conn, (token, behind.as_ref()), caller).await?;
        if let Some(carried) = carried {
            seen.take(ctx, conn, carried).await?;
        }
    }
    Ok(seen)
}

impl SeenBrowser {
    async fn take(
        &mut self,
        ctx: &Context,
        conn: &Conn,
        carried: Carried,
    ) -> Result<(), StoreError> {
        let Carried { session, impersonation, client, standing } = carried;
        let live = match standing {
            HeldStanding::WithoutActor => {
                self.without_actor.push(impersonation);
                return Ok(());
            }
            HeldStanding::Over => None,
            HeldStanding::Running(granted, now) => {
                let application = ctx.clients.find(conn, &client).await?;
                application.map(|application| Live { granted: *granted, application, now })
            }
        };
        self.held.push(HeldSession { session, impersonation, client, live });
        Ok(())
    }
}

/// Stops an impersonation. Ending it twice is no error.
pub async fn stop(
    ctx: &Context,
    held: &ImpersonationId,
    caller: &Caller,
) -> Result<(), StoreError> {
    let conn = ctx.store.conn().await?;
    let by = EndedBy { actor: None, reason: EndReason::StoppedByActor };
    end_by_id(&conn, held, by, caller).await?;
    Ok(())
}

/// Ends all sessions of a browser: the user's own and every impersonation, with or without the actor's session.
pub async fn sign_out_everything(
    ctx: &Context,
    seen: &SeenBrowser,
    caller: &Caller,
) -> Result<(), StoreError> {
    if let Some((session, _)) = &seen.own {
        sign_out::sign_out(ctx, session, caller).await?;
    }
    let conn = ctx.store.conn().await?;
    let by = EndedBy { actor: None, reason: EndReason::Logout };
    let running = seen.held.iter().filter(|held| held.live.is_some());
    for id in running.map(|held| &held.impersonation).chain(&seen.without_actor) {
        end_by_id(&conn, id, by, caller).await?;
    }
    Ok(())
}

/// Names shown on the "impersonation ended" page.
pub struct Parting {
    pub subject: String,
    pub application: String,
    /// The subject for whom it was started in the console, for the way back.
    pub begun_at: Option<UserId>,
}

/// The names of an ended impersonation.
pub async fn find_parting(
    ctx: &Context,
    id: &ImpersonationId,
) -> Result<Option<Parting>, StoreError> {
    let conn = ctx.store.conn().await?;
    let Some(record) = store::impersonations::find(&conn, id).await? else { return Ok(None) };
    let (subject, application) = futures_util::try_join!(
        store::directory::users::find(&conn, &record.subject),
        ctx.clients.find(&conn, &record.client),
    )?;
    let named = subject.zip(application).filter(|_| record.ended_at.is_some());
    Ok(named.map(|(subject, application)| Parting {
        subject: subject.display_name().to_owned(),
        application: application.name.clone(),
        begun_at: (record.channel == Channel::Console).then_some(record.subject),
    }))
}

/// The application that a page speaks about, if it is there and active.
pub async fn find_application(
    ctx: &Context,
    id: &ClientId,
) -> Result<Option<Arc<Client>>, StoreError> {
    let found = match ctx.clients.remembered(id).await {
        Some(client) => Some(client),
        None => ctx.clients.find(&*ctx.store.conn().await?, id).await?,
    };
    Ok(found.filter(|client| client.is_active()))
}

/// The active relying party of WS-Federation whose realm this is.
pub async fn find_relying_party(
    ctx: &Context,
    realm: &str,
) -> Result<Option<Arc<Client>>, StoreError> {
    // No realm contains one, and Postgres rejects NUL.
    if realm.chars().any(char::is_control) {
        return Ok(None);
    }
    let found =
        store::applications::clients::find_by_realm(&*ctx.store.conn().await?, realm).await?;
    match found {
        Some(id) => find_application(ctx, &id).await,
        None => Ok(None),
    }
}

/// The active relying party of WS-Federation that takes answers at this address.
pub async fn find_by_reply_url(
    ctx: &Context,
    url: &str,
) -> Result<Option<Arc<Client>>, StoreError> {
    if url.chars().any(char::is_control) {
        return Ok(None);
    }
    let found =
        store::applications::clients::find_by_reply_url(&*ctx.store.conn().await?, url).await?;
    match found {
        Some(id) => find_application(ctx, &id).await,
        None => Ok(None),
    }
}

/// The active service provider with this entity ID.
pub async fn find_service_provider(
    ctx: &Context,
    entity_id: &str,
) -> Result<Option<Arc<Client>>, StoreError> {
    let found =
        store::applications::clients::find_by_entity_id(&*ctx.store.conn().await?, entity_id)
            .await?;
    match found {
        Some(id) => find_application(ctx, &id).await,
        None => Ok(None),
    }
}
