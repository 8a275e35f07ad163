//! Tokens: drawn before they are written to the database, signed after.
//!
//! Every path to a token of a user comes through here, with a [`Principal`]: so the marks of an
//! impersonation and its hard end are never forgotten.
use super::claims;
use super::jwt::{CLIENT_CREDENTIALS, jti_hash, new_jti};
use crate::crypto::keys::SigningKey;
use crate::crypto::{hash, jws, random};
use crate::domain::client::{Client, SigningAlgorithm};
use crate::domain::scope::{OPENID, Scopes};
use crate::domain::user::User;
use crate::domain::{SessionId, Timestamp};
use crate::flows::Context;
use crate::impersonation::{Impersonation, marks};
use crate::login::Principal;
use crate::store::StoreError;
use chrono::Duration;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::Arc;

const ID_TOKEN_LIFETIME: Duration = Duration::hours(1);

/// What goes out at the token endpoint ([RFC 6749 §5.1]).
///
/// [RFC 6749 §5.1]: https://www.rfc-editor.org/rfc/rfc6749#section-5.1
pub struct IssuedTokens {
    pub access_token: String,
    /// Seconds.
    pub expires_in: i64,
    pub scope: Scopes,
    pub id_token: Option<String>,
    pub refresh_token: Option<String>,
    /// What an exchange gave ([RFC 8693 §2.2.1]).
    ///
    /// [RFC 8693 §2.2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1
    pub issued_token_type: Option<&'static str>,
}

/// Whom the tokens are about, and what was granted.
pub struct Mint<'a> {
    pub client: &'a Client,
    pub principal: &'a Principal,
    /// None: it comes of no sign-in at a browser.
    pub session: Option<&'a SessionId>,
    pub scope: &'a Scopes,
    pub nonce: Option<&'a str>,
    /// None: for this server's own API, by an opaque token.
    pub audience: Option<&'a str>,
    pub now: Timestamp,
}

/// Secrets that are drawn but not given out: their hashes are stored first.
pub struct Drawn {
    /// The opaque token, or the `jti` of the JWT.
    secret: String,
    pub access_hash: Vec<u8>,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the application may not ask for tokens for this audience")]
pub struct UnknownAudience;

/// For whom a token is ([RFC 8707 §2]); `None` is our own API, under each of the names that clients give it.
///
/// [RFC 8707 §2]: https://www.rfc-editor.org/rfc/rfc8707#section-2
pub fn audience<'a>(
    issuer: &str,
    client: &'a Client,
    asked: Option<&str>,
) -> Result<Option<&'a str>, UnknownAudience> {
    let Some(asked) = asked else { return Ok(None) };
    if let Some("" | "/" | "/userinfo" | "/api/v2" | "/api/v2/") = asked.strip_prefix(issuer) {
        return Ok(None);
    }
    registered_audience(client, asked).map(Some).ok_or(UnknownAudience)
}

/// The audience of `client` that is `asked` for, as it is registered: a token says no other spelling of it.
///
/// An empty path and `/` are one address ([RFC 3986 §6.2.3]); apart from that it is compared byte for byte.
///
/// [RFC 3986 §6.2.3]: https://www.rfc-editor.org/rfc/rfc3986#section-6.2.3
pub fn registered_audience<'a>(client: &'a Client, asked: &str) -> Option<&'a str> {
    let known = || client.audiences.iter().map(String::as_str);
    let exactly = known().find(|known| *known == asked);
    exactly.or_else(|| known().find(|known| with_path(known) == with_path(asked)))
}

/// An http or https address with `/` for an empty path; anything else as it is.
fn with_path(address: &str) -> Cow<'_, str> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let Some(rest) = rest else { return Cow::Borrowed(address) };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = address.split_at(address.len() - rest.len() + end);
    if authority.ends_with("//") || rest.starts_with('/') {
        return Cow::Borrowed(address);
    }
    Cow::Owned(format!("{authority}/{rest}"))
}

/// Nothing of an impersonation outlives its hard end.
fn bounded(impersonation: Option<&Impersonation>, at: Timestamp) -> Timestamp {
    impersonation.map_or(at, |by| at.min(by.terms().ends_at))
}

pub fn draw(mint: &Mint<'_>) -> Drawn {
    let secret = random::secret();
    let lifetime = Duration::seconds(mint.client.access_token_lifetime);
    let expires_at = bounded(mint.principal.impersonation(), mint.now + lifetime);
    let access_hash = match mint.audience {
        None => hash::hash_secret(&secret),
        Some(_) => jti_hash(&secret),
    };
    Drawn { secret, access_hash, expires_at }
}

/// An opaque token that comes of no sign-in at a browser, for our own API.
pub fn draw_bearer(principal: &Principal, now: Timestamp, until: Timestamp) -> Drawn {
    let secret = random::secret();
    let access_hash = hash::hash_secret(&secret);
    Drawn { secret, access_hash, expires_at: bounded(principal.impersonation(), until.max(now)) }
}

impl Drawn {
    /// Gives out an opaque token; its hash is stored by now.
    pub fn into_bearer(self) -> String {
        self.secret
    }
}

/// Signs what was drawn and stored.
pub fn finish(
    ctx: &Context,
    mint: &Mint<'_>,
    drawn: Drawn,
    refresh_token: Option<String>,
) -> Result<IssuedTokens, StoreError> {
    let expires_in = (drawn.expires_at - mint.now).num_seconds();
    let access_token = access_token(ctx, mint, drawn)?;
    let wanted = mint.scope.contains(OPENID);
    let id_token = wanted.then(|| id_token(ctx, mint, &access_token)).transpose()?;
    let (scope, issued_token_type) = (mint.scope.clone(), None);
    Ok(IssuedTokens { access_token, expires_in, scope, id_token, refresh_token, issued_token_type })
}

/// The access token alone, of what was drawn and stored.
pub(in crate::flows) fn access_token(
    ctx: &Context,
    mint: &Mint<'_>,
    drawn: Drawn,
) -> Result<String, StoreError> {
    match mint.audience {
        None => Ok(drawn.secret),
        Some(audience) => access_jwt(ctx, mint, audience, (&drawn.secret, drawn.expires_at)),
    }
}

/// A JWT access token of a user ([RFC 9068 §2.2]).
///
/// [RFC 9068 §2.2]: https://www.rfc-editor.org/rfc/rfc9068#section-2.2
fn access_jwt(
    ctx: &Context,
    mint: &Mint<'_>,
    audience: &str,
    (jti, expires_at): (&str, Timestamp),
) -> Result<String, StoreError> {
    let mut claims = Map::new();
    claims.insert("iss".into(), ctx.issuer().into());
    claims.insert("sub".into(), mint.principal.subject().id.as_str().into());
    claims.insert("aud".into(), audience.into());
    claims.insert("client_id".into(), mint.client.id.as_str().into());
    claims.insert("iat".into(), mint.now.timestamp().into());
    claims.insert("exp".into(), expires_at.timestamp().into());
    claims.insert("jti".into(), jti.into());
    claims.insert("scope".into(), mint.scope.to_string().into());
    if let Some(session) = mint.session {
        claims.insert("sid".into(), session.as_str().into());
    }
    claims::sign_in(&mut claims, mint.principal.authenticated_at());
    marks::write(&mut claims, mint.principal.impersonation(), ctx.issuer());
    sign(&*signer(ctx, SigningAlgorithm::Es256)?, "at+jwt", &claims)
}

fn id_token(ctx: &Context, mint: &Mint<'_>, access_token: &str) -> Result<String, StoreError> {
    let key = signer(ctx, mint.client.id_token_algorithm)?;
    let at_hash = hash::left_half_hash(key.algorithm(), access_token);
    let mut of_this_one = Map::new();
    if let Some(session) = mint.session {
        of_this_one.insert("sid".into(), session.as_str().into());
    }
    of_this_one.insert("at_hash".into(), at_hash.into());
    if let Some(nonce) = mint.nonce {
        of_this_one.insert("nonce".into(), nonce.into());
    }
    let told = IdTokenSubject {
        client: mint.client,
        user: mint.principal.subject(),
        scope: mint.scope,
        authenticated_at: mint.principal.authenticated_at(),
        impersonation: mint.principal.impersonation(),
        now: mint.now,
    };
    sign(&key, "JWT", &id_token_claims(ctx.issuer(), &told, of_this_one))
}

/// About whom an ID token speaks, and to whom.
pub(in crate::flows) struct IdTokenSubject<'a> {
    pub client: &'a Client,
    pub user: &'a User,
    pub scope: &'a Scopes,
    pub authenticated_at: Timestamp,
    pub impersonation: Option<&'a Impersonation>,
    pub now: Timestamp,
}

/// OpenID Connect Core §2. Profile and e-mail are in it too, when their scopes were granted, because
/// many applications look nowhere else. `of_this_one` is what differs from token to token.
pub(in crate::flows) fn id_token_claims(
    issuer: &str,
    told: &IdTokenSubject<'_>,
    of_this_one: Map<String, Value>,
) -> Map<String, Value> {
    let expires_at = bounded(told.impersonation, told.now + ID_TOKEN_LIFETIME);
    let mut claims = claims::about(&told.user.id, &told.user.profile, told.scope);
    claims.insert("iss".into(), issuer.into());
    claims.insert("aud".into(), told.client.id.as_str().into());
    claims.insert("iat".into(), told.now.timestamp().into());
    claims.insert("exp".into(), expires_at.timestamp().into());
    claims.extend(of_this_one);
    claims::sign_in(&mut claims, told.authenticated_at);
    marks::write(&mut claims, told.impersonation, issuer);
    claims
}

/// A JWT for an application that speaks for itself. Nothing is stored: the signature is enough until it
/// is revoked.
pub(in crate::flows) fn access_jwt_for_client(
    ctx: &Context,
    client: &Client,
    (audience, scope): (&str, &Scopes),
    now: Timestamp,
) -> Result<String, StoreError> {
    let issued_at = now.timestamp();
    let claims = json!({
        "iss": ctx.issuer(),
        "sub": client.id.as_str(),
        "aud": audience,
        "client_id": client.id.as_str(),
        "iat": issued_at,
        "exp": issued_at + client.access_token_lifetime,
        "jti": new_jti(now),
        "scope": scope.to_string(),
        "gty": CLIENT_CREDENTIALS,
    });
    sign(&*signer(ctx, SigningAlgorithm::Es256)?, "at+jwt", &claims)
}

pub(in crate::flows) fn signer(
    ctx: &Context,
    algorithm: SigningAlgorithm,
) -> Result<Arc<SigningKey>, StoreError> {
    Ok(Arc::clone(ctx.shared.keys.ring()?.signer(algorithm)))
}

pub(in crate::flows) fn sign(
    key: &SigningKey,
    typ: &str,
    claims: &impl serde::Serialize,
) -> Result<String, StoreError> {
    jws::sign(key, typ, claims).map_err(|e| no_key(&e.to_string()))
}

fn no_key(what: &str) -> StoreError {
    StoreError::Corrupt { table: "signing_keys", what: format!("cannot sign: {what}") }
}

/// The claims of an ID token of ours. One that has expired still says who was meant.
pub(in crate::flows) fn read_id_token(
    ctx: &Context,
    token: &str,
) -> Result<Option<Map<String, Value>>, StoreError> {
    let ring = ctx.shared.keys.ring()?;
    let claims = jws::verify(token, &["JWT"], ring.verifiers()).ok();
    Ok(claims.filter(|claims| claims.get("iss").and_then(Value::as_str) == Some(ctx.issuer())))
}
