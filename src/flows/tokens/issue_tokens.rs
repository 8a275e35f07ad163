//! Issues tokens: the secret is generated and its hash stored first, then the token is signed.
//!
//! Every token of a user is issued here, with a [`Principal`], so that the marks and the hard end of an
//! impersonation are never forgotten.
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

/// The response of the token endpoint ([RFC 6749 §5.1]).
///
/// [RFC 6749 §5.1]: https://www.rfc-editor.org/rfc/rfc6749#section-5.1
pub struct IssuedTokens {
    pub access_token: String,
    /// Seconds.
    pub expires_in: i64,
    pub scope: Scopes,
    pub id_token: Option<String>,
    pub refresh_token: Option<String>,
    /// The type of an exchanged token ([RFC 8693 §2.2.1]).
    ///
    /// [RFC 8693 §2.2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1
    pub issued_token_type: Option<&'static str>,
}

/// The principal and the grant for which tokens are issued.
pub struct TokenRequest<'a> {
    pub client: &'a Client,
    pub principal: &'a Principal,
    /// `None`: there was no sign-in in a browser.
    pub session: Option<&'a SessionId>,
    pub scope: &'a Scopes,
    pub nonce: Option<&'a str>,
    /// `None`: an opaque token for this server's own API.
    pub audience: Option<&'a str>,
    pub now: Timestamp,
}

/// A token whose hash is stored before it is issued.
pub struct PreparedToken {
    /// The opaque token, or the `jti` of the JWT.
    secret: String,
    pub access_hash: Vec<u8>,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the application may not ask for tokens for this audience")]
pub struct UnknownAudience;

/// The audience of a token ([RFC 8707 §2]); `None` is this server's API, by any of its names.
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

/// The registered audience that matches `asked`; a token contains the registered spelling.
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

/// Limits an expiry to the hard end of the impersonation.
fn bounded(impersonation: Option<&Impersonation>, at: Timestamp) -> Timestamp {
    impersonation.map_or(at, |by| at.min(by.terms().ends_at))
}

pub fn prepare(request: &TokenRequest<'_>) -> PreparedToken {
    let secret = random::secret();
    let lifetime = Duration::seconds(request.client.access_token_lifetime);
    let expires_at = bounded(request.principal.impersonation(), request.now + lifetime);
    let access_hash = match request.audience {
        None => hash::hash_secret(&secret),
        Some(_) => jti_hash(&secret),
    };
    PreparedToken { secret, access_hash, expires_at }
}

/// Prepares an opaque token without a browser sign-in, for this server's API.
pub fn prepare_opaque(principal: &Principal, now: Timestamp, until: Timestamp) -> PreparedToken {
    let secret = random::secret();
    let access_hash = hash::hash_secret(&secret);
    PreparedToken {
        secret,
        access_hash,
        expires_at: bounded(principal.impersonation(), until.max(now)),
    }
}

impl PreparedToken {
    /// The opaque token, after its hash was stored.
    pub fn into_bearer(self) -> String {
        self.secret
    }
}

/// Signs the tokens, after their hashes were stored.
pub fn sign_tokens(
    ctx: &Context,
    request: &TokenRequest<'_>,
    prepared: PreparedToken,
    refresh_token: Option<String>,
) -> Result<IssuedTokens, StoreError> {
    let expires_in = (prepared.expires_at - request.now).num_seconds();
    let access_token = access_token(ctx, request, prepared)?;
    let wanted = request.scope.contains(OPENID);
    let id_token = wanted.then(|| id_token(ctx, request, &access_token)).transpose()?;
    let (scope, issued_token_type) = (request.scope.clone(), None);
    Ok(IssuedTokens { access_token, expires_in, scope, id_token, refresh_token, issued_token_type })
}

/// Signs the access token alone, after its hash was stored.
pub(in crate::flows) fn access_token(
    ctx: &Context,
    request: &TokenRequest<'_>,
    prepared: PreparedToken,
) -> Result<String, StoreError> {
    match request.audience {
        None => Ok(prepared.secret),
        Some(audience) => {
            access_jwt(ctx, request, audience, (&prepared.secret, prepared.expires_at))
        }
    }
}

/// A JWT access token of a user ([RFC 9068 §2.2]).
///
/// [RFC 9068 §2.2]: https://www.rfc-editor.org/rfc/rfc9068#section-2.2
fn access_jwt(
    ctx: &Context,
    request: &TokenRequest<'_>,
    audience: &str,
    (jti, expires_at): (&str, Timestamp),
) -> Result<String, StoreError> {
    let mut claims = Map::new();
    claims.insert("iss".into(), ctx.issuer().into());
    claims.insert("sub".into(), request.principal.subject().id.as_str().into());
    claims.insert("aud".into(), audience.into());
    claims.insert("client_id".into(), request.client.id.as_str().into());
    claims.insert("iat".into(), request.now.timestamp().into());
    claims.insert("exp".into(), expires_at.timestamp().into());
    claims.insert("jti".into(), jti.into());
    claims.insert("scope".into(), request.scope.to_string().into());
    if let Some(session) = request.session {
        claims.insert("sid".into(), session.as_str().into());
    }
    claims::sign_in(&mut claims, request.principal.authenticated_at());
    marks::write(&mut claims, request.principal.impersonation(), ctx.issuer());
    sign(&*signer(ctx, SigningAlgorithm::Es256)?, "at+jwt", &claims)
}

fn id_token(
    ctx: &Context,
    request: &TokenRequest<'_>,
    access_token: &str,
) -> Result<String, StoreError> {
    let key = signer(ctx, request.client.id_token_algorithm)?;
    let at_hash = hash::left_half_hash(key.algorithm(), access_token);
    let mut token_specific_claims = Map::new();
    if let Some(session) = request.session {
        token_specific_claims.insert("sid".into(), session.as_str().into());
    }
    token_specific_claims.insert("at_hash".into(), at_hash.into());
    if let Some(nonce) = request.nonce {
        token_specific_claims.insert("nonce".into(), nonce.into());
    }
    let about = IdTokenSubject {
        client: request.client,
        user: request.principal.subject(),
        scope: request.scope,
        authenticated_at: request.principal.authenticated_at(),
        impersonation: request.principal.impersonation(),
        now: request.now,
    };
    sign(&key, "JWT", &id_token_claims(ctx.issuer(), &about, token_specific_claims))
}

/// Subject and recipient of an ID token.
pub(in crate::flows) struct IdTokenSubject<'a> {
    pub client: &'a Client,
    pub user: &'a User,
    pub scope: &'a Scopes,
    pub authenticated_at: Timestamp,
    pub impersonation: Option<&'a Impersonation>,
    pub now: Timestamp,
}

/// The claims of an ID token (OpenID Connect Core §2). It includes profile and e-mail if their scopes were granted,
/// because many applications read only the ID token. `token_specific_claims` differ between tokens.
pub(in crate::flows) fn id_token_claims(
    issuer: &str,
    about: &IdTokenSubject<'_>,
    token_specific_claims: Map<String, Value>,
) -> Map<String, Value> {
    let expires_at = bounded(about.impersonation, about.now + ID_TOKEN_LIFETIME);
    let mut claims = claims::about(&about.user.id, &about.user.profile, about.scope);
    claims.insert("iss".into(), issuer.into());
    claims.insert("aud".into(), about.client.id.as_str().into());
    claims.insert("iat".into(), about.now.timestamp().into());
    claims.insert("exp".into(), expires_at.timestamp().into());
    claims.extend(token_specific_claims);
    claims::sign_in(&mut claims, about.authenticated_at);
    marks::write(&mut claims, about.impersonation, issuer);
    claims
}

/// A client credentials JWT. It has no row; the signature is enough until it is revoked.
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

/// The claims of an ID token of this server, expired or not, because an expired one still names the user.
pub(in crate::flows) fn read_id_token(
    ctx: &Context,
    token: &str,
) -> Result<Option<Map<String, Value>>, StoreError> {
    let ring = ctx.shared.keys.ring()?;
    let claims = jws::verify(token, &["JWT"], ring.verifiers()).ok();
    Ok(claims.filter(|claims| claims.get("iss").and_then(Value::as_str) == Some(ctx.issuer())))
}
