//! A token for the API behind a proxy that asked us about a call: who it is, signed, for one minute.
//!
//! An API that reads it need not trust the network between itself and the proxy. It is no access token: its
//! `typ` is its own, and nothing here takes it.
use super::Context;
use super::act_as_user::Called;
use super::issue_tokens::{UnknownAudience, audience, sign, signer};
use crate::crypto::random;
use crate::domain::client::SigningAlgorithm;
use crate::impersonation::marks;
use crate::store::StoreError;
use chrono::Duration;
use serde_json::Map;

pub const TYPE: &str = "forwarded+jwt";
const LIFETIME: Duration = Duration::minutes(1);

/// Whether the application of the call may be known to the API of this name.
pub fn check_audience(ctx: &Context, called: &Called, asked: &str) -> Result<(), UnknownAudience> {
    match audience(ctx.issuer(), &called.token.client, Some(asked))? {
        Some(_) => Ok(()),
        // Our own API is behind no proxy.
        None => Err(UnknownAudience),
    }
}

/// Never longer than the bearer lives, or the impersonation.
pub fn forwarded_token(
    ctx: &Context,
    called: &Called,
    audience: &str,
) -> Result<String, StoreError> {
    let token = &called.token;
    let subject = called.user().map_or(token.client.id.as_str(), |user| user.id.as_str());
    let expires_at = token.expires_at.min(token.at.now + LIFETIME);
    let hard_end = called.impersonation.as_ref().map(|by| by.terms().ends_at);
    let expires_at = hard_end.map_or(expires_at, |end| expires_at.min(end));
    let mut claims = Map::new();
    claims.insert("iss".into(), ctx.issuer().into());
    claims.insert("sub".into(), subject.into());
    claims.insert("aud".into(), audience.into());
    claims.insert("client_id".into(), token.client.id.as_str().into());
    claims.insert("scope".into(), token.scope.to_string().into());
    claims.insert("iat".into(), token.at.now.timestamp().into());
    claims.insert("exp".into(), expires_at.timestamp().into());
    claims.insert("jti".into(), random::secret().into());
    marks::write(&mut claims, called.impersonation.as_ref(), ctx.issuer());
    sign(&*signer(ctx, SigningAlgorithm::Es256)?, TYPE, &claims)
}
