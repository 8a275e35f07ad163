//! Notifies applications that took part in a session that it has ended.
//!
//! Through the browser while there is one ([`logout_messages`]), because only the browser reaches an
//! application that keeps its session in a cookie; applications that have not answered are notified from server to
//! server ([`super::deliver_logout`]).
use super::sign_out;
use crate::crypto::hash;
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::protocol::EndReason;
use crate::domain::{ClientId, SessionId, Timestamp};
use crate::flows::Context;
use crate::flows::impersonation::end_impersonation::{EndedBy, end_by_id};
use crate::flows::login::use_once::{URL_TTL, is_recent};
use crate::login::{Answer, LogoutNotification};
use crate::store::sessions::browser_sessions::FoundSession;
use crate::store::sessions::{
    session_participants as participants, session_participants::Participant,
};
use crate::store::{self, Conn, StoreError};

/// A logout notification that the browser carries to one application.
pub struct LogoutMessage {
    pub application: String,
    pub answer: Answer,
}

/// The notifications for every participant of `sessions` that has not logged out yet.
pub async fn logout_messages(
    ctx: &Context,
    sessions: &[SessionId],
) -> Result<Vec<LogoutMessage>, StoreError> {
    if sessions.is_empty() {
        return Ok(Vec::new());
    }
    let conn = ctx.store.conn().await?;
    let now = store::installation::settings::now(&conn).await?;
    let mut logout_messages = Vec::new();
    for session in sessions {
        for participant in participants::list_of_session(&conn, session).await? {
            logout_messages.extend(write(ctx, &conn, &participant, now).await?);
        }
    }
    Ok(logout_messages)
}

async fn write(
    ctx: &Context,
    conn: &Conn,
    participant: &Participant,
    now: Timestamp,
) -> Result<Option<LogoutMessage>, StoreError> {
    let Some(client) = ctx.clients.find(conn, &participant.client).await? else { return Ok(None) };
    let message = message(ctx, &participant.id);
    let answer = word(ctx, &client, participant, (&message, now))?;
    Ok(answer.map(|answer| LogoutMessage { application: client.name.clone(), answer }))
}

/// The logout notification of the application's protocol; `message` is its id.
pub(in crate::flows) fn word(
    ctx: &Context,
    client: &Client,
    participant: &Participant,
    (message, now): (&str, Timestamp),
) -> Result<Option<Answer>, StoreError> {
    let Some(protocol) = ctx.protocol(participant.protocol) else { return Ok(None) };
    let ring = ctx.shared.keys.ring()?;
    let state = state(ctx, &participant.id, now.timestamp());
    let notification = LogoutNotification {
        client,
        issuer: ctx.issuer(),
        login: &participant.id,
        name: participant.name.as_ref(),
        return_url: &participant.return_url,
        state: Some(&state),
        message,
        now,
        signer: ring.xml_signer(),
    };
    match protocol.logout_notification(&notification) {
        Ok(answer) if client.is_active() => Ok(answer),
        Ok(_) => Ok(None),
        // The session has ended even if this application cannot be notified.
        Err(problem) => {
            tracing::warn!(client = %client.id, %problem, "an application cannot be told of a logout");
            Ok(None)
        }
    }
}

const STATE: &str = "farewell";
const MESSAGE: &str = "farewell message";

/// The state that comes back with the response: participant and second under a MAC, within the 80 bytes that a
/// `RelayState` may have ([SAML bindings §3.4.3]).
///
/// [SAML bindings §3.4.3]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
fn state(ctx: &Context, participant: &str, at: i64) -> String {
    let at = format!("{at:x}");
    let mac = ctx.shared.forms.sign(STATE, &[participant, &at]);
    format!("{participant}.{at}.{}", mac.get(..23).unwrap_or(&mac))
}

/// The participant that a `state` of this server names; valid for an hour.
pub fn participant_of(ctx: &Context, sent: &str, now: Timestamp) -> Option<String> {
    let (rest, _) = sent.rsplit_once('.')?;
    let (participant, at) = rest.rsplit_once('.')?;
    let at = i64::from_str_radix(at, 16).ok()?;
    let expected = state(ctx, participant, at);
    let genuine = hash::constant_time_eq(expected.as_bytes(), sent.as_bytes());
    let recent = is_recent(at.saturating_mul(1000), URL_TTL, now);
    (genuine && recent).then(|| participant.to_owned())
}

/// The id of the message that a participant receives through the browser. It is derived, so that the response can
/// be matched without stored state.
pub fn message(ctx: &Context, participant: &str) -> String {
    hash::xml_id(MESSAGE, &ctx.shared.forms.sign(MESSAGE, &[participant]))
}

/// Records that an application has confirmed the logout.
pub async fn mark_logged_out(
    ctx: &Context,
    client: &ClientId,
    participant: &str,
) -> Result<(), StoreError> {
    let conn = ctx.store.conn().await?;
    participants::leave(&conn, client, &[participant.to_owned()]).await
}

/// A logout request of an application: the user by their name there, in these logins or in all.
pub struct NamedApplication<'a> {
    pub client: &'a ClientId,
    pub name: &'a str,
    pub logins: &'a [String],
}

/// The sessions that ended by a logout request.
#[derive(Default)]
pub struct Ended {
    /// The user's own sessions.
    pub own: Vec<SessionId>,
    /// Impersonated sessions in that application.
    pub acted: Vec<SessionId>,
    /// Whether the application has ever received such a login. A login that has ended already counts as ended by
    /// this request.
    pub known: bool,
}

/// Handles a logout request of an application ([SAML profiles §4.4]): the session behind the login ends, with every
/// other login of that session. An impersonation ends alone.
///
/// [SAML profiles §4.4]: https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf
pub async fn end_named(
    ctx: &Context,
    named: NamedApplication<'_>,
    caller: &Caller,
) -> Result<Ended, StoreError> {
    let mut conn = ctx.store.conn().await?;
    let found = participants::find_named(&conn, named.client, named.name, named.logins).await?;
    let theirs: Vec<String> = found.iter().map(|participant| participant.id.clone()).collect();
    participants::leave(&conn, named.client, &theirs).await?;
    let known = !found.is_empty()
        || participants::has_named(&conn, named.client, named.name, named.logins).await?;
    let mut ended = Ended { known, ..Ended::default() };
    for participant in &found {
        match store::sessions::browser_sessions::find_by_id(&conn, &participant.session).await? {
            Some((FoundSession::Impersonated { session, impersonation, .. }, _)) => {
                let by = EndedBy { actor: None, reason: EndReason::Logout };
                end_by_id(&conn, &impersonation, by, caller).await?;
                ended.acted.push(session);
            }
            Some((FoundSession::Own(session), _)) => {
                sign_out::sign_out_on(&mut conn, &session, caller).await?;
                ended.own.push(session.id);
            }
            None => {}
        }
    }
    Ok(ended)
}

/// Whether every participant of `sessions` has logged out.
pub async fn all_have_left(ctx: &Context, sessions: &[SessionId]) -> Result<bool, StoreError> {
    let conn = ctx.store.conn().await?;
    for session in sessions {
        if !participants::list_of_session(&conn, session).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}
