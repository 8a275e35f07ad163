//! The provider tells us, server to server, that a session is over
//! ([OpenID Connect Back-Channel Logout 1.0](https://openid.net/specs/openid-connect-backchannel-1_0.html)).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use actix_web::HttpResponse;
use actix_web::web::{Data, Form};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::settings::Settings;
use crate::web::{Shop, now};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How far the provider's clock and ours may differ, and how old a token may be.
const LEEWAY: i64 = 60;
const OLDEST: i64 = 300;

#[derive(Deserialize)]
pub struct LogoutForm {
    logout_token: String,
}

#[derive(Debug, Deserialize)]
struct LogoutToken {
    iat: i64,
    jti: String,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    sid: Option<String>,
    events: Map<String, Value>,
    /// Present at all, even as `null`: then this is an ID token in disguise (§2.6).
    #[serde(default, deserialize_with = "present")]
    nonce: bool,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("not a logout token")]
    Form,
    #[error("signed by an unknown key")]
    UnknownKey,
    #[error("signature, issuer, audience or expiry is wrong")]
    Unproven,
    #[error("too old, or from the future")]
    Stale,
    #[error("seen before")]
    Replayed,
    #[error("the provider does not answer")]
    Unreachable,
}

pub async fn logout(shop: Data<Shop>, form: Form<LogoutForm>) -> HttpResponse {
    match verified(&shop, &form.logout_token).await {
        Ok(token) => {
            let ended = shop.sessions.end_named(token.sid.as_deref(), token.sub.as_deref());
            tracing::info!(ended, "back-channel logout");
            HttpResponse::Ok().finish()
        }
        Err(refusal) => {
            tracing::warn!(%refusal, "back-channel logout refused");
            HttpResponse::BadRequest().json(serde_json::json!({"error": "invalid_request"}))
        }
    }
}

async fn verified(shop: &Shop, token: &str) -> Result<LogoutToken, Refusal> {
    let provider = shop.directory.provider(&shop.settings).await;
    let provider = provider.map_err(|_| Refusal::Unreachable)?;
    let now = now().timestamp();
    let claims = match check(token, &provider.keys, &shop.settings, now) {
        Err(Refusal::UnknownKey) => {
            let provider = shop.directory.look_again(&shop.settings).await;
            let provider = provider.map_err(|_| Refusal::Unreachable)?;
            check(token, &provider.keys, &shop.settings, now)?
        }
        verdict => verdict?,
    };
    if shop.logout_tokens.first_time(&claims.jti, now) {
        Ok(claims)
    } else {
        Err(Refusal::Replayed)
    }
}

/// §2.6, in its order. Stricter: the type `logout+jwt` is demanded, not only recommended.
fn check(
    token: &str,
    keys: &JwkSet,
    settings: &Settings,
    now: i64,
) -> Result<LogoutToken, Refusal> {
    let header = decode_header(token).map_err(|_| Refusal::Form)?;
    let is_logout = header.typ.as_deref().is_some_and(|typ| {
        typ.eq_ignore_ascii_case("logout+jwt") || typ.eq_ignore_ascii_case("application/logout+jwt")
    });
    let allowed = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
    if !is_logout || !allowed.contains(&header.alg) {
        return Err(Refusal::Form);
    }
    let key = key_of(&header, keys)?;
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY.unsigned_abs();
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&[&settings.client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let claims: LogoutToken =
        decode(token, &key, &validation).map_err(|_| Refusal::Unproven)?.claims;
    let names_somebody = claims.sid.is_some() || claims.sub.is_some();
    let is_event = claims.events.get(EVENT).is_some_and(Value::is_object);
    if claims.nonce || !names_somebody || !is_event || claims.jti.is_empty() {
        return Err(Refusal::Form);
    }
    if claims.iat > now + LEEWAY || claims.iat < now - OLDEST {
        return Err(Refusal::Stale);
    }
    Ok(claims)
}

fn key_of(header: &Header, keys: &JwkSet) -> Result<DecodingKey, Refusal> {
    let kid = header.kid.as_deref().ok_or(Refusal::Form)?;
    let key = keys.find(kid).ok_or(Refusal::UnknownKey)?;
    DecodingKey::from_jwk(key).map_err(|_| Refusal::UnknownKey)
}

/// The ids of the logout tokens of the last minutes.
#[derive(Default)]
pub struct Seen(Mutex<HashMap<String, i64>>);

impl Seen {
    fn first_time(&self, jti: &str, now: i64) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, at| now - *at <= OLDEST + LEEWAY);
        seen.insert(jti.to_owned(), now).is_none()
    }
}

#[cfg(test)]
#[path = "backchannel_tests.rs"]
mod tests;
