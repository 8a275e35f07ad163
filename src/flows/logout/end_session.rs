//! Handles logout requests of applications ([OpenID Connect RP-Initiated Logout]).
//!
//! The ID token names the session. ID tokens appear in URLs and logs, so one ends a session without confirmation
//! only in the browser of that session; elsewhere the user is asked. A third-party application ends only its own
//! participation. An impersonation ends alone: the sessions of actor and subject stay.
//!
//! [OpenID Connect RP-Initiated Logout]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html
use super::sign_out;
use crate::authentication::Session;
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::protocol::EndReason;
use crate::domain::{ClientId, ImpersonationId, SessionId};
use crate::flows::impersonation::end_impersonation::{EndedBy, end_by_id};
use crate::flows::tokens::authenticate_client::find;
use crate::flows::tokens::issue_tokens::read_id_token;
use crate::flows::{Context, login::sign_in};
use crate::store::sessions::browser_sessions::FoundSession;
use crate::store::{self, Conn, StoreError};
use std::sync::Arc;

/// Parameters of the request.
#[derive(Default)]
pub struct LogoutRequest {
    pub id_token_hint: Option<String>,
    pub client_id: Option<String>,
    pub post_logout_redirect_uri: Option<String>,
    pub state: Option<String>,
}

/// Outcome of a logout request.
pub enum EndSessionRequest {
    /// Nothing is proven, so the user decides. They return to this application, if it has registered the requested
    /// address.
    Ask(Option<ClientId>),
    Done(Done),
}

pub struct Done {
    /// The redirect address, if the application registered it.
    pub to: Option<String>,
    /// The browser's own session was ended.
    pub own: bool,
    /// The impersonation in this application was ended.
    pub acting_in: Option<(ClientId, ImpersonationId)>,
    /// Ended sessions, whose participants are to be notified.
    pub sessions: Vec<SessionId>,
}

/// The content of a valid ID token.
struct Hint {
    client: Arc<Client>,
    session: Option<SessionId>,
}

pub async fn end_session(
    ctx: &Context,
    request: &LogoutRequest,
    own_secret: Option<&str>,
    caller: &Caller,
) -> Result<EndSessionRequest, StoreError> {
    let Some(hint) = hint(ctx, request).await? else {
        let named = match &request.client_id {
            Some(named) => find(ctx, named).await?,
            None => None,
        };
        return Ok(ask(named, request));
    };
    let conn = ctx.store.conn().await?;
    let to = destination(&hint.client, request);
    let named = match &hint.session {
        Some(session) => store::sessions::browser_sessions::find_by_id(&conn, session)
            .await?
            .map(|(found, _)| found),
        None => None,
    };
    let session = match named {
        Some(FoundSession::Impersonated { impersonation, client, session, .. }) => {
            // Without a redirect address the application forwards the actor's *Stop* and keeps its
            // page next to this server's.
            let reason = if to.is_some() { EndReason::Logout } else { EndReason::StoppedByActor };
            let by = EndedBy { actor: None, reason };
            end_by_id(&conn, &impersonation, by, caller).await?;
            let (acting_in, sessions) = (Some((client, impersonation)), vec![session]);
            return Ok(EndSessionRequest::Done(Done { to, own: false, acting_in, sessions }));
        }
        Some(FoundSession::Own(session)) => session,
        None => return Ok(ask(Some(hint.client), request)),
    };
    if !is_of_browser(&conn, own_secret, &session).await? {
        return Ok(ask(Some(hint.client), request));
    }
    if !hint.client.first_party {
        store::tokens::authorization_codes::revoke_of_session(&conn, &session.id, &hint.client.id)
            .await?;
        return Ok(EndSessionRequest::Done(Done {
            to,
            own: false,
            acting_in: None,
            sessions: Vec::new(),
        }));
    }
    drop(conn);
    sign_out::sign_out(ctx, &session, caller).await?;
    let sessions = vec![session.id.clone()];
    Ok(EndSessionRequest::Done(Done { to, own: true, acting_in: None, sessions }))
}

fn ask(client: Option<Arc<Client>>, request: &LogoutRequest) -> EndSessionRequest {
    let registered = client.filter(|client| destination(client, request).is_some());
    EndSessionRequest::Ask(registered.map(|client| client.id.clone()))
}

/// The redirect address of `request`, if the application that it names has registered it.
pub async fn find_destination(
    ctx: &Context,
    request: &LogoutRequest,
) -> Result<Option<String>, StoreError> {
    let Some(named) = &request.client_id else { return Ok(None) };
    Ok(find(ctx, named).await?.and_then(|client| destination(&client, request)))
}

/// Whether the browser is signed in with this session.
async fn is_of_browser(
    conn: &Conn,
    secret: Option<&str>,
    session: &Session,
) -> Result<bool, StoreError> {
    let Some(secret) = secret else { return Ok(false) };
    Ok(sign_in::resume(conn, secret).await?.is_some_and(|(own, _)| own.id == session.id))
}

/// `None`: not one of ours, or one for another application than the request says.
async fn hint(ctx: &Context, request: &LogoutRequest) -> Result<Option<Hint>, StoreError> {
    let Some(hint) = request.id_token_hint.as_deref() else { return Ok(None) };
    let Some(claims) = read_id_token(ctx, hint)? else { return Ok(None) };
    let text = |name: &str| claims.get(name).and_then(serde_json::Value::as_str);
    let Some(client) = text("aud") else { return Ok(None) };
    if request.client_id.as_deref().is_some_and(|named| named != client) {
        return Ok(None);
    }
    let session = text("sid").and_then(|sid| SessionId::parse(sid).ok());
    let client = find(ctx, client).await?;
    Ok(client.map(|client| Hint { client, session }))
}

/// Compared byte for byte with what is registered; `state` goes back unchanged.
fn destination(client: &Client, request: &LogoutRequest) -> Option<String> {
    let uri = request.post_logout_redirect_uri.as_ref()?;
    if !client.is_active() || !client.post_logout_redirect_uris.contains(uri) {
        return None;
    }
    let Some(state) = &request.state else { return Some(uri.clone()) };
    let state: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
    let joint = if uri.contains('?') { '&' } else { '?' };
    Some(format!("{uri}{joint}state={state}"))
}

/// `/v2/logout`: where Auth0's `returnTo` leads, if it is registered for the application.
pub async fn registered_return(
    ctx: &Context,
    client: &str,
    return_to: &str,
) -> Result<Option<String>, StoreError> {
    let client = find(ctx, client).await?.filter(|client| client.is_active());
    let uris = client.map(|client| client.post_logout_redirect_uris.clone()).unwrap_or_default();
    Ok(uris.into_iter().find(|uri| uri == return_to))
}
