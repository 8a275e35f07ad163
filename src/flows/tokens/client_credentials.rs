//! A token for an application that speaks for itself ([RFC 6749 §4.4]).
//!
//! [RFC 6749 §4.4]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4
use super::authenticate_client::AuthenticatedClient;
use super::issue_tokens::{self, IssuedTokens};
use super::refusal::GrantRefusal;
use crate::crypto::{hash, random};
use crate::domain::Timestamp;
use crate::domain::api_scope::ApiScope;
use crate::domain::client::{Client, ClientKind, GrantType};
use crate::domain::scope::Scopes;
use crate::flows::{Context, Failure};
use crate::store;

pub async fn client_credentials(
    ctx: &Context,
    client: &AuthenticatedClient,
    asked: Option<&Scopes>,
    audience: Option<&str>,
) -> Result<IssuedTokens, Failure<GrantRefusal>> {
    let client = client.client();
    if !client.may_use(GrantType::ClientCredentials) {
        return Err(Failure::Refused(GrantRefusal::NotAllowed));
    }
    let audience = issue_tokens::audience(ctx.issuer(), client, audience)
        .map_err(|_| Failure::Refused(GrantRefusal::Audience))?;
    let scope = scope(client, asked, audience).ok_or(Failure::Refused(GrantRefusal::Scope))?;
    let access_token = if let Some(audience) = audience {
        issue_tokens::access_jwt_for_client(ctx, client, (audience, &scope), node_clock())?
    } else {
        let secret = random::secret();
        let conn = ctx.store.conn().await?;
        let (token_hash, text) = (hash::hash_secret(&secret), scope.to_string());
        let lifetime = client.access_token_lifetime;
        let id = &client.id;
        store::tokens::access_tokens::insert_for_client(&conn, &token_hash, id, &text, lifetime)
            .await?;
        secret
    };
    Ok(IssuedTokens {
        access_token,
        expires_in: client.access_token_lifetime,
        scope,
        id_token: None,
        refresh_token: None,
        issued_token_type: None,
    })
}

/// What was asked for, if the application may have all of it. Where nothing was asked for: what it lists, without
/// scopes of our own APIs, which are never given unasked. The global client's token is what its requests are made
/// with, so it carries what they need. A token for an API of somebody else opens none of ours.
fn scope(client: &Client, asked: Option<&Scopes>, audience: Option<&str>) -> Option<Scopes> {
    let own = |scope: &str| ApiScope::parse(scope).is_some();
    let Some(asked) = asked else {
        let listed = client.scopes.filter(|scope| !own(scope));
        let unasked = ApiScope::OF_GLOBAL_CLIENT.into_iter().filter(|scope| {
            client.kind == ClientKind::Global && audience.is_none() && client.has_api_scope(*scope)
        });
        return Some(listed.union(unasked.map(ApiScope::as_str)));
    };
    let allowed = |scope: &str| client.may_ask_for(scope) && (audience.is_none() || !own(scope));
    asked.iter().all(allowed).then(|| asked.clone())
}

#[expect(
    clippy::disallowed_methods,
    reason = "no database is touched here; verifying judges by the database's clock"
)]
fn node_clock() -> Timestamp {
    chrono::Utc::now()
}
