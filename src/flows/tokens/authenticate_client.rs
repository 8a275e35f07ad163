//! Authenticates applications at the token endpoint and similar endpoints ([RFC 6749 §2.3]).
//!
//! Only the registered method counts. Unknown applications, wrong credentials and disabled applications get the
//! same answer.
//!
//! [RFC 6749 §2.3]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3
use super::client_attempts::ClientAttempts;
use crate::authentication::throttle::RetryAfter;
use crate::crypto::{hash, jwk, jws};
use crate::domain::caller::Caller;
use crate::domain::client::{AuthMethod, Client};
use crate::domain::times::{EXPIRY_LEEWAY, Times};
use crate::domain::{ClientId, Timestamp};
use crate::flows::{Context, Failure};
use crate::store::{self, StoreError};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The credentials of a request.
pub enum Presented {
    /// Each way to read the header; see [`BasicReading`].
    Basic(Vec<BasicReading>),
    Post {
        id: String,
        secret: String,
    },
    /// `private_key_jwt` ([RFC 7523 §2.2]).
    ///
    /// [RFC 7523 §2.2]: https://www.rfc-editor.org/rfc/rfc7523#section-2.2
    Assertion {
        id: Option<String>,
        assertion: String,
    },
    /// A client id without a credential.
    Name(String),
}

/// One way to read a `Basic` header: [RFC 6749 §2.3.1] has id and secret form-encoded before they are joined, and many
/// clients leave one step or both out, so that a `+` or a `%` of their secret stands for itself.
///
/// [RFC 6749 §2.3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
#[derive(PartialEq, Eq)]
pub struct BasicReading {
    pub id: String,
    pub secret: String,
}

/// Proof that the caller is this application, as far as its method allows. Constructed only here.
#[derive(Debug, Clone)]
pub struct AuthenticatedClient(Arc<Client>);

impl AuthenticatedClient {
    pub fn client(&self) -> &Arc<Client> {
        &self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientRefusal {
    #[error("the client credentials are invalid")]
    BadCredentials,
    #[error("too many wrong credentials")]
    TooManyFailures(RetryAfter),
}

/// Maximum lifetime of an assertion, and so of its replay record.
const MAX_ASSERTION_LIFETIME: i64 = 24 * 60 * 60;
const REPLAY_KIND: &str = "client_assertion";
const BAD: Failure<ClientRefusal> = Failure::Refused(ClientRefusal::BadCredentials);

pub async fn authenticate(
    ctx: &Context,
    presented: &Presented,
    caller: &Caller,
) -> Result<AuthenticatedClient, Failure<ClientRefusal>> {
    let client = match presented {
        Presented::Basic(readings) => find_first(ctx, readings).await?,
        Presented::Post { id, .. } | Presented::Name(id) => find(ctx, id).await?,
        Presented::Assertion { assertion, .. } => find(ctx, &asserted_name(assertion)?).await?,
    };
    let Some(client) = client.filter(|client| client.is_active()) else { return Err(BAD) };
    let attempts = ClientAttempts::at_secrets(&client.id, caller);
    if let Some(wait) = attempts.retry_after(ctx).await? {
        return Err(Failure::Refused(ClientRefusal::TooManyFailures(wait)));
    }
    if proves(ctx, &client, presented).await? {
        return Ok(AuthenticatedClient(client));
    }
    let refusal = match attempts.failed(ctx).await? {
        Some(wait) => ClientRefusal::TooManyFailures(wait),
        None => ClientRefusal::BadCredentials,
    };
    Err(Failure::Refused(refusal))
}

async fn proves(ctx: &Context, client: &Client, presented: &Presented) -> Result<bool, StoreError> {
    Ok(match presented {
        Presented::Basic(readings) => {
            let spoken = [AuthMethod::ClientSecret, AuthMethod::ClientSecretBasic];
            let own = readings.iter().filter(|reading| reading.id == client.id.as_str());
            let known = own.fold(false, |known, it| known | knows_secret(client, &it.secret));
            spoken.contains(&client.auth_method) && known
        }
        Presented::Post { secret, .. } => {
            let spoken = [AuthMethod::ClientSecret, AuthMethod::ClientSecretPost];
            spoken.contains(&client.auth_method) && knows_secret(client, secret)
        }
        Presented::Assertion { id, assertion } => {
            let named = id.as_ref().is_none_or(|id| id == client.id.as_str());
            named
                && client.auth_method == AuthMethod::PrivateKeyJwt
                && signed_by(ctx, client, assertion).await?
        }
        Presented::Name(_) => client.auth_method == AuthMethod::None,
    })
}

async fn find_first(
    ctx: &Context,
    readings: &[BasicReading],
) -> Result<Option<Arc<Client>>, StoreError> {
    let mut tried: Option<&str> = None;
    for BasicReading { id, .. } in readings {
        if tried == Some(id) {
            continue;
        }
        tried = Some(id);
        if let Some(client) = find(ctx, id).await? {
            return Ok(Some(client));
        }
    }
    Ok(None)
}

/// Finds an application, from the cache if possible.
pub(in crate::flows) async fn find(
    ctx: &Context,
    id: &str,
) -> Result<Option<Arc<Client>>, StoreError> {
    let Ok(id) = ClientId::parse(id) else { return Ok(None) };
    if let Some(client) = ctx.clients.remembered(&id).await {
        return Ok(Some(client));
    }
    let conn = ctx.store.conn().await?;
    ctx.clients.find(&conn, &id).await
}

fn knows_secret(client: &Client, secret: &str) -> bool {
    let presented = hash::hash_secret(secret);
    // Every secret is compared, so that the timing does not show which one matched.
    client
        .secret_hashes
        .iter()
        .fold(false, |known, stored| known | hash::constant_time_eq(stored, &presented))
}

fn asserted_name(assertion: &str) -> Result<String, Failure<ClientRefusal>> {
    let claims = jws::unverified_claims(assertion).map_err(|_| BAD)?;
    claims.get("iss").and_then(Value::as_str).map(str::to_owned).ok_or(BAD)
}

async fn signed_by(ctx: &Context, client: &Client, assertion: &str) -> Result<bool, StoreError> {
    let Some(keys) = client.jwks.as_ref().and_then(|jwks| jwk::parse_set(jwks).ok()) else {
        return Ok(false);
    };
    let keys = keys.iter().map(|(kid, key)| (kid.as_str(), key));
    let Ok(claims) = jws::verify(assertion, &["", "JWT", "client-authentication+jwt"], keys) else {
        return Ok(false);
    };
    let conn = ctx.store.conn().await?;
    let now = store::installation::settings::now(&conn).await?;
    let Some((jti, forget_at)) = check_claims(&claims, client, ctx.issuer(), now) else {
        return Ok(false);
    };
    let key = hash::sha256(format!("{}\n{jti}", client.id).as_bytes());
    store::tokens::replay_guard::first_seen(&conn, REPLAY_KIND, &key, forget_at).await
}

/// `aud` is our issuer and nothing else: one that is good elsewhere too could be carried on from there
/// (stricter than [RFC 7523 §3], as FAPI 2.0 §5.3.2.1).
///
/// [RFC 7523 §3]: https://www.rfc-editor.org/rfc/rfc7523#section-3
fn check_claims<'c>(
    claims: &'c Map<String, Value>,
    client: &Client,
    issuer: &str,
    now: Timestamp,
) -> Option<(&'c str, Timestamp)> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let own = |name: &str| text(name) == Some(client.id.as_str());
    let times = Times::read(claims).ok()?;
    times.check(now.timestamp()).ok()?;
    let meant = own("iss") && own("sub") && text("aud") == Some(issuer);
    let soon = times.exp <= now.timestamp() + MAX_ASSERTION_LIFETIME;
    let jti = text("jti").filter(|jti| !jti.is_empty() && jti.len() <= 255)?;
    let forget_at = Timestamp::from_timestamp(times.exp + EXPIRY_LEEWAY + 1, 0)?;
    (meant && soon).then_some((jti, forget_at))
}

#[cfg(test)]
#[path = "authenticate_client_tests.rs"]
mod tests;
