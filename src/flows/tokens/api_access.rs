//! Checks whether a token may be used at a route of this server's API.
//!
//! A token is limited to its purpose ([RFC 9700 §2.3]): a call needs the permission of its user, the scope of the
//! token and the registration of the application.
//!
//! [RFC 9700 §2.3]: https://www.rfc-editor.org/rfc/rfc9700#section-2.3
use super::verify_access_token::LiveToken;
use crate::audit::{Event, EventKind};
use crate::domain::api_scope::ApiScope;
use crate::domain::caller::Caller;
use crate::domain::client::{Client, ClientKind};
use crate::domain::user::{TokenSubject, User};
use crate::domain::{OrganizationId, UserId};
use crate::flows::Context;
use crate::store::{self, StoreError};

/// Whether a token carries `scope`, and its application may still have it.
///
/// A token of an impersonation never manages impersonations. Only the global client makes links in the name of
/// others; any other application that speaks for itself sees and ends what its entry lists.
pub fn carries<U>(token: &LiveToken<U>, scope: ApiScope) -> bool {
    let granted = scope.is_in(&token.scope) && token.client.has_api_scope(scope);
    let impersonated = token.impersonation.is_some() && !scope.is_for_impersonated();
    let unattended = token.user.is_none()
        && token.client.kind != ClientKind::Global
        && scope == ApiScope::ImpersonationsCreate;
    granted && !impersonated && !unattended
}

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiRefusal {
    /// The token does not carry the scope, or its application may not have it.
    Scope,
    /// The token carries the scope, and its owner may not do it.
    Permission,
}

impl ApiRefusal {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scope => "insufficient_scope",
            Self::Permission => "not_permitted",
        }
    }
}

/// A refused call, for the audit trail.
pub struct RefusedCall<'a> {
    pub client: &'a Client,
    /// The person of the token and their organization; None: the application speaks for itself.
    pub person: Option<(&'a UserId, Option<&'a OrganizationId>)>,
    /// What the route asks for.
    pub scope: &'a str,
    pub because: ApiRefusal,
    /// Method and path.
    pub what: &'a str,
}

impl<'a> RefusedCall<'a> {
    pub fn of_person(
        token: (&'a Client, Option<&'a User>),
        (scope, because, what): (&'a str, ApiRefusal, &'a str),
    ) -> Self {
        let (client, user) = token;
        let person = user.map(|user| (&user.id, user.organization_id()));
        Self { client, person, scope, because, what }
    }

    pub fn of_holder(
        token: (&'a Client, Option<&'a TokenSubject>),
        (scope, because, what): (&'a str, ApiRefusal, &'a str),
    ) -> Self {
        let (client, user) = token;
        let person = user.map(|user| (&user.id, user.organization.as_ref()));
        Self { client, person, scope, because, what }
    }
}

/// Records a call without the needed scope or permission.
pub async fn note_refused(
    ctx: &Context,
    refused: &RefusedCall<'_>,
    caller: &Caller,
) -> Result<(), StoreError> {
    let create = refused.scope == ApiScope::ImpersonationsCreate.as_str();
    let kind = if create { EventKind::ImpersonationRefused } else { EventKind::ApiRefused };
    let event = Event::by_client(kind, refused.client, caller);
    let event = match refused.person {
        Some((id, organization)) => Event {
            actor: Some(id.to_string()),
            organization: organization.map(ToString::to_string).or(event.organization.clone()),
            ..event
        },
        None => event,
    };
    let event = event.because(refused.because.as_str()).with("scope", refused.scope);
    let conn = ctx.store.conn().await?;
    store::trail::append::append(&conn, &event.with("request", refused.what)).await
}
