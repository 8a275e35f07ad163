//! Where ordinary and impersonated sign-in meet: there is no second path to an answer.
use super::Context;
use crate::crypto::{hash, random};
use crate::domain::client::Client;
use crate::domain::protocol::Mode;
use crate::domain::scope::{OFFLINE_ACCESS, STANDARD, Scopes};
use crate::domain::{SessionId, Timestamp};
use crate::login::{Answer, Login, LoginRequest, Principal, Protocol};
use crate::store::authorization_codes::NewCode;

/// Somebody is signed in, and an application is to be told.
#[derive(Clone, Copy)]
pub struct SignedIn<'a> {
    pub principal: &'a Principal,
    pub client: &'a Client,
    pub request: &'a LoginRequest,
    pub session: &'a SessionId,
    pub now: Timestamp,
}

/// The answer, and the code behind it that must be stored before the answer is sent.
pub struct Completed<'a> {
    pub answer: Answer,
    pub code: NewCode<'a>,
}

pub fn complete_login<'a>(
    ctx: &Context,
    room: &dyn Protocol,
    signed_in: SignedIn<'a>,
) -> Completed<'a> {
    let SignedIn { principal, client, request, session, now } = signed_in;
    let secret = random::secret();
    let answer =
        room.answer(&Login { principal, request, client, issuer: ctx.issuer(), code: &secret });
    let impersonation = principal.impersonation();
    let code = NewCode {
        id: random::id("grt", now),
        code_hash: hash::hash_secret(&secret),
        user: &principal.subject().id,
        session,
        impersonation: impersonation.map(crate::impersonation::Impersonation::id),
        request,
        scope: granted_scope(principal, client, &request.scope).to_string(),
        authenticated_at: principal.authenticated_at(),
        ends_at: impersonation.map(|impersonation| impersonation.terms().ends_at),
        now,
    };
    Completed { answer, code }
}

/// What is granted of what was asked: the standard scopes and those of the application.
///
/// An impersonation never gets `offline_access`; a read-only one keeps only the standard scopes and
/// what the application lists as reading.
pub fn granted_scope(principal: &Principal, client: &Client, asked: &Scopes) -> Scopes {
    let mode = principal.impersonation().map(crate::impersonation::Impersonation::mode);
    granted_scope_in(mode, client, asked)
}

/// The same, without somebody who signs in; `None`: they would sign in for themselves.
pub fn granted_scope_in(mode: Option<Mode>, client: &Client, asked: &Scopes) -> Scopes {
    let offline = |scope: &str| scope == OFFLINE_ACCESS;
    match mode {
        None => asked.filter(|s| STANDARD.contains(&s) || offline(s) || client.scopes.contains(s)),
        Some(Mode::Full) => {
            asked.filter(|s| !offline(s) && (STANDARD.contains(&s) || client.scopes.contains(s)))
        }
        Some(Mode::ReadOnly) => {
            let readable = &client.impersonation.read_scopes;
            asked.filter(|s| !offline(s) && (STANDARD.contains(&s) || readable.contains(s)))
        }
    }
}
