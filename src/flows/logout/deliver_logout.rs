//! Sends back-channel logout tokens ([OpenID Connect Back-Channel Logout]), and SAML logout requests that the
//! browser has not carried.
//!
//! Delivery is asynchronous: each notification is a row that is written in the transaction that ends the session,
//! and it is retried when the application does not answer.
//!
//! [OpenID Connect Back-Channel Logout]: https://openid.net/specs/openid-connect-backchannel-1_0.html
mod outbound;

use super::notify_logout;
use crate::crypto::{hash, random};
use crate::domain::client::Client;
use crate::flows::Context;
use crate::flows::tokens::issue_tokens::{sign, signer};
use crate::impersonation::marks;
use crate::login::Answer;
use crate::observability::counters;
use crate::observability::trace_context::{self, TraceContext};
use crate::store::sessions::{logout_deliveries as deliveries, logout_deliveries::Due};
use crate::store::{self, Conn, StoreError};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

/// Deliveries in one round.
const AT_ONCE: i64 = 20;
/// Lifetime of a logout token, in seconds.
const LIFETIME: i64 = 120;
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Sends the notifications that are due; returns the number of delivered ones.
pub async fn deliver_due(ctx: &Context) -> Result<usize, StoreError> {
    let conn = ctx.store.conn().await?;
    let due = deliveries::claim(&conn, AT_ONCE).await?;
    let mut logout_messages = Vec::with_capacity(due.len());
    for one in due {
        let notification = prepare(ctx, &conn, &one).await?;
        logout_messages.push((one.id, notification, trace(&one)));
    }
    // The connection is returned before the requests, because applications may answer slowly.
    drop(conn);
    let sent = join_all(logout_messages.iter().map(|(id, notification, trace)| async move {
        let outcome = match trace {
            Some(trace) => trace_context::scope(*trace, send(ctx, notification)).await,
            None => send(ctx, notification).await,
        };
        counters::LOGOUT_DELIVERIES.count(match (notification, &outcome) {
            (Notification::ApplicationGone, _) => "application_gone",
            (_, Ok(())) => "delivered",
            (_, Err(_)) => "failed",
        });
        (*id, outcome)
    }));
    let mut delivered = 0;
    for (id, outcome) in sent.await {
        let conn = ctx.store.conn().await?;
        match outcome {
            Ok(()) => {
                deliveries::delivered(&conn, id).await?;
                delivered += 1;
            }
            Err(problem) => deliveries::failed(&conn, id, &problem).await?,
        }
    }
    Ok(delivered)
}

/// A span of its own in the trace of the request that ended the session.
fn trace(due: &Due) -> Option<TraceContext> {
    let trace = TraceContext::parse(due.traceparent.as_deref()?)?;
    Some(trace.with_span(random::bytes()))
}

async fn send(ctx: &Context, notification: &Notification) -> Result<(), String> {
    match notification {
        Notification::Token(url, token) => outbound::post_token(ctx, url, token).await,
        Notification::Messages(answers) => bring(ctx, answers).await,
        Notification::ApplicationGone => Err("the application is gone".to_owned()),
    }
}

/// A notification for one application.
enum Notification {
    /// The URL and the logout token.
    Token(String, String),
    /// The messages of its protocol; empty when it has logged out by itself.
    Messages(Vec<Answer>),
    /// The application does not exist any more.
    ApplicationGone,
}

/// Sends the messages from server to server: a service provider finds the session by name and index, because there
/// is no cookie.
async fn bring(ctx: &Context, answers: &[Answer]) -> Result<(), String> {
    for answer in answers {
        match answer {
            Answer::Redirect(url) => outbound::get(ctx, url).await?,
            Answer::FormPost { action, fields } => {
                let fields: Vec<_> =
                    fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                outbound::post(ctx, action, &fields).await?;
            }
            // A web message only answers a page's request.
            Answer::WebMessage { .. } => {}
        }
    }
    Ok(())
}

async fn prepare(ctx: &Context, conn: &Conn, due: &Due) -> Result<Notification, StoreError> {
    let Some(client) = ctx.clients.find(conn, &due.client).await? else {
        return Ok(Notification::ApplicationGone);
    };
    if !client.is_active() {
        return Ok(Notification::ApplicationGone);
    }
    match client.backchannel_logout_uri.clone() {
        Some(url) => Ok(Notification::Token(url, token(ctx, conn, &client, due).await?)),
        None if client.saml.is_some() => messages(ctx, conn, &client, due).await,
        None => Ok(Notification::ApplicationGone),
    }
}

async fn messages(
    ctx: &Context,
    conn: &Conn,
    client: &Client,
    due: &Due,
) -> Result<Notification, StoreError> {
    let participants =
        store::sessions::session_participants::list_of_session(conn, &due.session).await?;
    let mut answers = Vec::new();
    for participant in participants.iter().filter(|participant| participant.client == client.id) {
        // Not the id of the browser's message, because a service provider may accept each id only once.
        let message = hash::xml_id("farewell from server to server", &random::secret());
        answers.extend(notify_logout::word(ctx, client, participant, (&message, due.now))?);
    }
    Ok(Notification::Messages(answers))
}

async fn token(
    ctx: &Context,
    conn: &Conn,
    client: &Client,
    due: &Due,
) -> Result<String, StoreError> {
    let mut claims = claims(ctx.issuer(), client, due);
    if let Some(id) = &due.impersonation
        && let Some(record) = store::impersonations::find(conn, id).await?
        && let Some(ends_at) = record.ends_at
        && let Some(actor) = store::directory::users::find(conn, &record.actor).await?
    {
        marks::write_ended(&mut claims, &actor, (&record.id, record.mode, ends_at), ctx.issuer());
    }
    let key = signer(ctx, client.id_token_algorithm)?;
    sign(&key, "logout+jwt", &claims)
}

/// §2.4. Never a `nonce`, so that it is never taken for an ID token.
fn claims(issuer: &str, client: &Client, due: &Due) -> Map<String, Value> {
    let now = due.now.timestamp();
    let mut claims = Map::new();
    claims.insert("iss".into(), issuer.into());
    claims.insert("aud".into(), client.id.as_str().into());
    claims.insert("iat".into(), now.into());
    claims.insert("exp".into(), (now + LIFETIME).into());
    claims.insert("jti".into(), random::secret().into());
    claims.insert("sub".into(), due.user.as_str().into());
    claims.insert("sid".into(), due.session.as_str().into());
    claims.insert("events".into(), json!({ EVENT: {} }));
    claims
}
