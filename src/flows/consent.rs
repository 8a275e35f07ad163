//! The user allows somebody else's application to learn about them, or does not.
//!
//! The question, its answer and the request it belongs to travel together as the path of that request
//! (`return_to`): two tabs never answer for each other.
use super::authenticate_client::find;
use super::complete_login::granted_scope;
use super::{Context, Failure};
use crate::authentication::Authenticated;
use crate::domain::client::Client;
use crate::domain::scope::Scopes;
use crate::login::Principal;
use crate::store;
use std::sync::Arc;

/// How `/authorize` is told of a no. Anybody may write it: it denies, and nothing else.
pub const DENIED: (&str, &str) = ("understudy_consent", "denied");

/// What is to be allowed.
pub struct Question {
    pub client: Arc<Client>,
    pub scope: Scopes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsentRefusal {
    #[error("this is no request of an application")]
    NoRequest,
}

const NO_REQUEST: Failure<ConsentRefusal> = Failure::Refused(ConsentRefusal::NoRequest);

/// Reads the question out of the request that waits for the answer.
pub async fn describe(
    ctx: &Context,
    proof: &Authenticated,
    return_to: &str,
) -> Result<Question, Failure<ConsentRefusal>> {
    let query = return_to.strip_prefix("/authorize?").ok_or(NO_REQUEST)?;
    let parameter = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let client = find(ctx, &parameter("client_id").ok_or(NO_REQUEST)?).await?;
    let client = client.filter(|client| client.is_active()).ok_or(NO_REQUEST)?;
    let asked = Scopes::parse(&parameter("scope").unwrap_or_default()).map_err(|_| NO_REQUEST)?;
    let scope = granted_scope(&Principal::from(proof.clone()), &client, &asked);
    Ok(Question { client, scope })
}

/// A yes. It is kept beside what was allowed before; returns where the browser goes on to.
pub async fn grant(
    ctx: &Context,
    proof: &Authenticated,
    return_to: &str,
) -> Result<String, Failure<ConsentRefusal>> {
    let Question { client, scope } = describe(ctx, proof, return_to).await?;
    let user = &proof.user().id;
    let conn = ctx.store.conn().await?;
    let before = store::consents::find(&conn, user, &client.id).await?;
    let before = before.map(|(scope, _)| scope).unwrap_or_default();
    let all = before.union(scope.iter());
    store::consents::upsert(&conn, user, &client.id, &all).await?;
    Ok(return_to.to_owned())
}

/// A no: the application is told `access_denied`.
pub fn deny(return_to: &str) -> String {
    let (name, value) = DENIED;
    format!("{return_to}&{name}={value}")
}
