//! Exchanges a refresh token for its successor and an access token ([RFC 6749 §6], [RFC 9700 §4.14]).
//!
//! Each token is used once. A reused one was copied, so its whole family is revoked. An impersonation never has a
//! refresh token.
//!
//! One exception, for a lost response: a confidential application that repeats the request within ten seconds gets
//! the same successor, as long as that is unused. The successor is a MAC of its predecessor, so no usable secret is
//! stored.
//!
//! [RFC 6749 §6]: https://www.rfc-editor.org/rfc/rfc6749#section-6
//! [RFC 9700 §4.14]: https://www.rfc-editor.org/rfc/rfc9700#section-4.14
use super::authenticate_client::AuthenticatedClient;
use super::issue_tokens::{self, IssuedTokens, TokenRequest};
use super::refusal::GrantRefusal;
use crate::authentication::remembered;
use crate::crypto::{hash, random};
use crate::domain::Timestamp;
use crate::domain::api_scope::ApiScope;
use crate::domain::client::{AuthMethod, Client, GrantType};
use crate::domain::scope::{OFFLINE_ACCESS, STANDARD, Scopes};
use crate::flows::login::authorize::serves;
use crate::flows::{Context, Failure};
use crate::login::Principal;
use crate::store::tokens::refresh_tokens::RefreshRecord;
use crate::store::tokens::{
    authorization_codes as grants,
    authorization_codes::{NewRefresh, NewTokens},
};
use crate::store::{self, Conn, StoreError};
use chrono::Duration;

/// Idle limit of a token.
const IDLE_LIMIT: Duration = Duration::days(14);
/// Time in which a lost response may be requested again (C28).
const LOST_WITHIN: Duration = Duration::seconds(10);
/// Maximum lifetime of a family.
const MAX_FAMILY_LIFETIME: Duration = Duration::days(30);
const INVALID: Failure<GrantRefusal> = Failure::Refused(GrantRefusal::Invalid);

/// A new refresh token; only its hash is stored.
pub(in crate::flows) struct FreshToken {
    pub(in crate::flows) secret: String,
    hash: Vec<u8>,
    expires_at: Timestamp,
    ends_at: Timestamp,
}

impl FreshToken {
    fn until(secret: String, now: Timestamp, ends_at: Timestamp) -> Self {
        let hash = hash::hash_secret(&secret);
        Self { secret, hash, expires_at: ends_at.min(now + IDLE_LIMIT), ends_at }
    }

    pub(in crate::flows) fn stored<'a>(&'a self, scope: &'a str) -> NewRefresh<'a> {
        NewRefresh {
            token_hash: &self.hash,
            scope,
            expires_at: self.expires_at,
            ends_at: self.ends_at,
        }
    }
}

/// The first of a family.
pub(in crate::flows) fn first(now: Timestamp) -> FreshToken {
    FreshToken::until(random::secret(), now, now + MAX_FAMILY_LIFETIME)
}

pub async fn refresh_tokens(
    ctx: &Context,
    client: &AuthenticatedClient,
    token: &str,
    asked: Option<&Scopes>,
) -> Result<IssuedTokens, Failure<GrantRefusal>> {
    let client = client.client();
    if !client.may_use(GrantType::RefreshToken) {
        return Err(Failure::Refused(GrantRefusal::NotAllowed));
    }
    let conn = ctx.store.conn().await?;
    let token_hash = hash::hash_secret(token);
    let found = store::tokens::refresh_tokens::find(&conn, &token_hash).await?;
    let Some(record) = found.filter(|record| record.grant.client == client.id) else {
        return Err(INVALID);
    };
    let successor = successor(ctx, client, token);
    if record.used_at.is_some() && !may_come_again(&record, successor.as_deref()) {
        return end_family(&conn, &record).await;
    }
    if !may_go_on(&conn, client, &record).await? {
        return Err(INVALID);
    }
    if !serves(client, &record.grant.user) {
        return Err(INVALID);
    }
    // A scope that the application no longer lists, or whose permission the person no longer holds, is not given once
    // more.
    let permissions = &record.grant.user.permissions;
    let lost = |own: ApiScope| own.permission().is_some_and(|needed| !permissions.holds(needed));
    let may = |scope: &str| {
        STANDARD.contains(&scope)
            || scope == OFFLINE_ACCESS
            || (client.may_ask_for(scope) && !ApiScope::parse(scope).is_some_and(lost))
    };
    let most = ApiScope::within(&record.scope.filter(may), record.grant.audience.as_deref());
    let scope = asked.unwrap_or(&most);
    if !scope.is_subset_of(&most) {
        return Err(Failure::Refused(GrantRefusal::Scope));
    }
    let grant = &record.grant;
    let own = remembered(grant.user.clone(), grant.authenticated_at).map_err(|_| INVALID)?;
    let audience = issue_tokens::audience(ctx.issuer(), client, grant.audience.as_deref())
        .map_err(|_| Failure::Refused(GrantRefusal::Audience))?;
    let mint = TokenRequest {
        client,
        principal: &Principal::from(own),
        session: Some(&grant.session),
        scope,
        nonce: None,
        audience,
        now: grant.now,
    };
    let again = if successor.is_some() { Again::Same } else { Again::Never };
    let next = successor.unwrap_or_else(random::secret);
    rotate(ctx, &conn, (&token_hash, &record, again), (&mint, next)).await
}

/// The successor of `token` for a confidential application; a thief of a token lacks the secret.
fn successor(ctx: &Context, client: &Client, token: &str) -> Option<String> {
    let proven = client.auth_method != AuthMethod::None;
    proven.then(|| ctx.shared.refreshes.sign("successor", &[token]))
}

/// The response to a reused token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    Never,
    /// The successor that was issued before.
    Same,
}

fn may_come_again(record: &RefreshRecord, successor: Option<&str>) -> bool {
    let lately = record.used_at.is_some_and(|at| record.grant.now < at + LOST_WITHIN);
    successor.is_some() && lately
}

async fn end_family<T>(conn: &Conn, record: &RefreshRecord) -> Result<T, Failure<GrantRefusal>> {
    grants::revoke(conn, &record.grant.id).await?;
    Err(INVALID)
}

/// Whether the family is still valid. A sign-out ends it, also with `offline_access` (stricter than OpenID Connect
/// Core §11), because users expect that.
async fn may_go_on(
    conn: &Conn,
    client: &Client,
    record: &RefreshRecord,
) -> Result<bool, StoreError> {
    let grant = &record.grant;
    let over = grant.ended || grant.now >= record.expires_at || grant.now >= record.ends_at;
    if over || grant.impersonation.is_some() {
        return Ok(false);
    }
    if client.first_party {
        return Ok(true);
    }
    let consent = store::applications::consents::find(conn, &grant.user.id, &client.id).await?;
    Ok(consent.is_some_and(|(scope, _)| record.scope.is_subset_of(&scope)))
}

async fn rotate(
    ctx: &Context,
    conn: &Conn,
    (token_hash, record, again): (&[u8], &RefreshRecord, Again),
    (mint, next): (&TokenRequest<'_>, String),
) -> Result<IssuedTokens, Failure<GrantRefusal>> {
    let prepared = issue_tokens::prepare(mint);
    let next = FreshToken::until(next, mint.now, record.ends_at);
    // What was granted stays with the family; `scope` narrows this one access token (RFC 6749 §6).
    let (scope, granted) = (mint.scope.to_string(), record.scope.to_string());
    let tokens = NewTokens {
        access_hash: &prepared.access_hash,
        scope: &scope,
        audience: mint.audience,
        now: mint.now,
        expires_at: prepared.expires_at,
        refresh: Some(next.stored(&granted)),
    };
    let mut done = record.used_at.is_none()
        && store::tokens::refresh_tokens::rotate(conn, token_hash, &tokens).await?;
    if !done && again == Again::Same {
        // Used before, or by a concurrent request.
        let both = (token_hash, next.hash.as_slice());
        done = store::tokens::refresh_tokens::reissue_successor(conn, both, &tokens).await?;
    }
    if done {
        return Ok(issue_tokens::sign_tokens(ctx, mint, prepared, Some(next.secret))?);
    }
    end_family(conn, record).await
}
