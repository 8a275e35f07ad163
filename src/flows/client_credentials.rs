//! A token for an application that speaks for itself ([RFC 6749 §4.4]).
//!
//! [RFC 6749 §4.4]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4
use super::authenticate_client::AuthenticatedClient;
use super::exchange_code::GrantRefusal;
use super::issue_tokens::{self, Tokens};
use super::{Context, Failure};
use crate::crypto::{hash, random};
use crate::domain::Timestamp;
use crate::domain::client::GrantType;
use crate::domain::scope::Scopes;
use crate::store;

pub async fn client_credentials(
    ctx: &Context,
    client: &AuthenticatedClient,
    asked: Option<&Scopes>,
    audience: Option<&str>,
) -> Result<Tokens, Failure<GrantRefusal>> {
    let client = client.client();
    if !client.may_use(GrantType::ClientCredentials) {
        return Err(Failure::Refused(GrantRefusal::NotAllowed));
    }
    let scope = asked.unwrap_or(&client.scopes);
    if !scope.is_subset_of(&client.scopes) {
        return Err(Failure::Refused(GrantRefusal::Scope));
    }
    let audience = issue_tokens::audience(ctx.issuer(), client, audience)
        .map_err(|_| Failure::Refused(GrantRefusal::Audience))?;
    let access_token = if let Some(audience) = audience {
        issue_tokens::access_jwt_for_client(ctx, client, (audience, scope), node_clock())?
    } else {
        let secret = random::secret();
        let conn = ctx.store.conn().await?;
        let (token_hash, text) = (hash::hash_secret(&secret), scope.to_string());
        let lifetime = client.access_token_lifetime;
        let id = &client.id;
        store::access_tokens::insert_for_client(&conn, &token_hash, id, &text, lifetime).await?;
        secret
    };
    Ok(Tokens {
        access_token,
        expires_in: client.access_token_lifetime,
        scope: scope.clone(),
        id_token: None,
        refresh_token: None,
        issued_token_type: None,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "no database is touched here; verifying judges by the database's clock"
)]
fn node_clock() -> Timestamp {
    chrono::Utc::now()
}
