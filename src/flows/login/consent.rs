//! Consent to third-party applications.
//!
//! The question, its answer and the request it belongs to travel together as the path of that request
//! (`return_to`): two tabs never answer for each other.
use super::complete_login::granted_scope;
use super::native;
use crate::authentication::Authenticated;
use crate::domain::SessionId;
use crate::domain::api_scope::ApiScope;
use crate::domain::client::Client;
use crate::domain::scope::Scopes;
use crate::flows::tokens::authenticate_client::find;
use crate::flows::{Context, Failure, tokens::issue_tokens};
use crate::login::Principal;
use crate::store::{self, StoreError};
use std::sync::Arc;

/// Parameter that tells `/authorize` of a denial. It may be forged, because it only denies.
pub const DENIED: (&str, &str) = ("understudy_consent", "denied");

/// The moment from which a consent counts that is asked for anew; a parameter of our own.
pub const CONSENT_AFTER: &str = "understudy_consent_after";

/// The content of the consent page.
pub struct ConsentQuestion {
    pub client: Arc<Client>,
    /// `None`: there is nothing to consent to, only the sign-in itself to be confirmed ([`native`]).
    pub scope: Option<Scopes>,
    /// The query of the pending request.
    query: String,
    /// The application is answered only after a yes to this very request.
    pub native: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsentRefusal {
    #[error("this is no request of an application")]
    NoRequest,
}

const NO_REQUEST: Failure<ConsentRefusal> = Failure::Refused(ConsentRefusal::NoRequest);

/// The user who answers: for themselves, or an actor in an impersonated session.
pub enum Answering<'a> {
    Own(&'a SessionId, &'a Authenticated),
    Acting(&'a SessionId),
}

impl Answering<'_> {
    pub fn session(&self) -> &SessionId {
        match self {
            Self::Own(session, _) | Self::Acting(session) => session,
        }
    }
}

async fn find_asking(
    ctx: &Context,
    return_to: &str,
) -> Result<Arc<Client>, Failure<ConsentRefusal>> {
    let query = return_to.strip_prefix("/authorize?").ok_or(NO_REQUEST)?;
    let client = find(ctx, &parameter(query, "client_id").ok_or(NO_REQUEST)?).await?;
    client.filter(|client| client.is_active()).ok_or(NO_REQUEST)
}

/// The native application, if it is one, whose request waits for a yes.
pub async fn find_native(
    ctx: &Context,
    return_to: &str,
) -> Result<Option<Arc<Client>>, StoreError> {
    let client = match find_asking(ctx, return_to).await {
        Ok(client) => client,
        Err(Failure::Internal(cause)) => return Err(cause),
        Err(Failure::Refused(_) | Failure::Busy) => return Ok(None),
    };
    let query = return_to.split_once('?').map_or("", |(_, query)| query);
    let to = parameter(query, "redirect_uri").unwrap_or_default();
    Ok(Some(client).filter(|client| native::needs_yes(client, &to)))
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Parses the pending request.
pub async fn describe(
    ctx: &Context,
    answering: &Answering<'_>,
    return_to: &str,
) -> Result<ConsentQuestion, Failure<ConsentRefusal>> {
    let client = find_asking(ctx, return_to).await?;
    let query = return_to.strip_prefix("/authorize?").ok_or(NO_REQUEST)?;
    let redirect_uri = parameter(query, "redirect_uri").unwrap_or_default();
    let native = native::needs_yes(&client, &redirect_uri);
    let asks = !native || !client.first_party || parameter(query, CONSENT_AFTER).is_some();
    let scope = match answering {
        Answering::Own(_, proof) if asks => {
            let asked = Scopes::parse(&parameter(query, "scope").unwrap_or_default());
            let asked = asked.map_err(|_| NO_REQUEST)?;
            let audience = parameter(query, "audience").or_else(|| parameter(query, "resource"));
            let audience = issue_tokens::audience(ctx.issuer(), &client, audience.as_deref());
            let asked = ApiScope::within(&asked, audience.map_err(|_| NO_REQUEST)?);
            Some(granted_scope(&Principal::from((*proof).clone()), &client, &asked))
        }
        Answering::Own(..) => None,
        // Staff cannot consent for the user.
        Answering::Acting(_) if native => None,
        Answering::Acting(_) => return Err(NO_REQUEST),
    };
    Ok(ConsentQuestion { client, scope, query: query.to_owned(), native })
}

/// Grants consent, in addition to earlier consent; a confirmation for a native application belongs to its request
/// and is not stored. Returns the next URL.
pub async fn grant(
    ctx: &Context,
    answering: &Answering<'_>,
    return_to: &str,
) -> Result<String, Failure<ConsentRefusal>> {
    let ConsentQuestion { client, scope, query, native } =
        describe(ctx, answering, return_to).await?;
    let conn = ctx.store.conn().await?;
    if let (Answering::Own(_, proof), Some(scope)) = (answering, scope) {
        let user = &proof.user().id;
        let before = store::applications::consents::find(&conn, user, &client.id).await?;
        let before = before.map(|(scope, _)| scope).unwrap_or_default();
        let all = before.union(scope.iter());
        store::applications::consents::upsert(&conn, user, &client.id, &all).await?;
    }
    if !native {
        return Ok(return_to.to_owned());
    }
    let now = store::installation::settings::now(&conn).await?;
    let yes = native::yes(ctx, answering.session(), &query, now);
    Ok(format!("{return_to}&{}={yes}", native::CONFIRMED))
}

/// Denies: the application receives `access_denied`.
pub fn deny(return_to: &str) -> String {
    let (name, value) = DENIED;
    format!("{return_to}&{name}={value}")
}
