//! Completes every sign-in, ordinary or impersonated, with the same code.
use crate::audit::{Event, EventKind};
use crate::crypto::{hash, random};
use crate::domain::api_scope::ApiScope;
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::federation::NameIdFormat;
use crate::domain::protocol::Mode;
use crate::domain::protocol::ProtocolName;
use crate::domain::scope::{OFFLINE_ACCESS, STANDARD, Scopes};
use crate::domain::{SessionId, Timestamp};
use crate::flows::Context;
use crate::login::{Answer, Login, LoginRequest, Principal, Protocol};
use crate::store::sessions::session_participants::NewParticipant;
use crate::store::tokens::authorization_codes::NewCode;
use crate::store::{self, Conn, StoreError};

/// A completed sign-in at an application.
#[derive(Clone, Copy)]
pub struct CompletedLogin<'a> {
    pub principal: &'a Principal,
    pub client: &'a Client,
    pub request: &'a LoginRequest,
    pub session: &'a SessionId,
    pub now: Timestamp,
}

/// The response, and the row that must be stored before it is sent.
pub struct Completed<'a> {
    pub answer: Answer,
    pub stored: StoredLogin<'a>,
}

/// The row of a login.
pub enum StoredLogin<'a> {
    /// The application comes back with the code.
    Code(NewCode<'a>),
    /// The response contained everything.
    Participant(NewParticipant<'a>),
    /// An error response; there is no row.
    Nothing,
}

pub fn complete_login<'a>(
    ctx: &Context,
    protocol: &dyn Protocol,
    signed_in: CompletedLogin<'a>,
) -> Result<Completed<'a>, StoreError> {
    let CompletedLogin { principal, client, request, session, now } = signed_in;
    let ring = ctx.shared.keys.ring()?;
    let secret = random::secret();
    let id = lasting_id(ctx, &signed_in).unwrap_or_else(|| random::id("grt", now));
    let login = Login {
        principal,
        request,
        client,
        issuer: ctx.issuer(),
        code: &secret,
        id: &id,
        now,
        signer: ring.xml_signer(),
        pairwise: &ctx.shared.pairwise,
    };
    let response = protocol.answer(&login).map_err(|problem| StoreError::Corrupt {
        table: "clients",
        what: format!("{}: {problem}", client.id),
    })?;
    let user = &principal.subject().id;
    let impersonation = principal.impersonation();
    let of = impersonation.map(crate::impersonation::Impersonation::id);
    let stored = match request.protocol {
        ProtocolName::Oauth2 => StoredLogin::Code(NewCode {
            id,
            code_hash: hash::hash_secret(&secret),
            user,
            session,
            impersonation: of,
            request,
            scope: granted_scope(principal, client, &asked_scope(request)).to_string(),
            authenticated_at: principal.authenticated_at(),
            ends_at: impersonation.map(|impersonation| impersonation.terms().ends_at),
            now,
        }),
        ProtocolName::Samlp if response.name.is_none() => StoredLogin::Nothing,
        ProtocolName::Samlp | ProtocolName::Wsfed | ProtocolName::WsfedRms => {
            let name = response.name;
            StoredLogin::Participant(NewParticipant {
                id,
                user,
                session,
                impersonation: of,
                request,
                name,
                now,
            })
        }
    };
    Ok(Completed { answer: response.answer, stored })
}

/// For SAML and WS-Federation the participant id is derived from session, client, protocol and address, so that
/// repeated sign-ins reuse one row and one `SessionIndex`. Not for transient `NameID`s nor impersonations.
fn lasting_id(ctx: &Context, signed_in: &CompletedLogin<'_>) -> Option<String> {
    let CompletedLogin { principal, client, request, session, .. } = signed_in;
    let name = client.saml.as_deref();
    let name = name.map(|settings| settings.name_format(request.name_id_format.as_deref()));
    if request.protocol == ProtocolName::Oauth2
        || principal.impersonation().is_some()
        || name == Some(NameIdFormat::Transient)
    {
        return None;
    }
    let parts =
        [session.as_str(), client.id.as_str(), request.protocol.as_str(), &request.return_url];
    Some(format!("grt_{}", ctx.shared.pairwise.sign("participant", &parts)))
}

impl StoredLogin<'_> {
    /// Stores the row, with the event of an impersonation; false when the session has ended, and then the response
    /// must not be sent.
    pub async fn store(
        &self,
        conn: &Conn,
        principal: &Principal,
        caller: &Caller,
    ) -> Result<bool, StoreError> {
        match self {
            Self::Code(code) => {
                store::tokens::authorization_codes::insert(conn, code).await?;
                Ok(true)
            }
            Self::Participant(participant) => {
                let event = principal.impersonation().map(|by| {
                    Event::under(EventKind::TokenIssued, by, caller)
                        .with("login", participant.id.as_str())
                });
                store::sessions::session_participants::insert(conn, participant, event.as_ref())
                    .await
            }
            Self::Nothing => Ok(true),
        }
    }
}

/// The requested scope, without scopes of this server's APIs if the audience is another.
pub fn asked_scope(request: &LoginRequest) -> Scopes {
    ApiScope::within(&request.scope, request.audience.as_deref())
}

/// The granted scope: the standard scopes and those of the application.
///
/// An impersonation never gets `offline_access`; a read-only one keeps only the standard scopes and
/// what the application lists as reading.
pub fn granted_scope(principal: &Principal, client: &Client, asked: &Scopes) -> Scopes {
    let mode = principal.impersonation().map(crate::impersonation::Impersonation::mode);
    granted_scope_in(mode, client, asked)
}

/// As [`granted_scope`], by mode; `None`: an ordinary sign-in.
pub fn granted_scope_in(mode: Option<Mode>, client: &Client, asked: &Scopes) -> Scopes {
    let offline = |scope: &str| scope == OFFLINE_ACCESS;
    // An impersonated token manages no impersonations.
    let acting = |scope: &str| ApiScope::parse(scope).is_none_or(ApiScope::is_for_impersonated);
    match mode {
        None => asked.filter(|s| STANDARD.contains(&s) || offline(s) || client.may_ask_for(s)),
        Some(Mode::Full) => asked.filter(|s| {
            !offline(s) && acting(s) && (STANDARD.contains(&s) || client.may_ask_for(s))
        }),
        Some(Mode::ReadOnly) => {
            let readable = &client.impersonation.read_scopes;
            let own = |scope: &str| {
                let listed = ApiScope::parse(scope).is_none_or(|own| client.has_api_scope(own));
                readable.contains(scope) && listed
            };
            asked.filter(|s| !offline(s) && acting(s) && (STANDARD.contains(&s) || own(s)))
        }
    }
}
