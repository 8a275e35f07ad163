//! Issues a signed token for the API behind a forward-auth proxy, valid for one minute.
//!
//! The API need not trust the network between itself and the proxy. It is no access token: its `typ` is its own,
//! and this server does not accept it.
use super::act_as_user::CalledAs;
use super::issue_tokens::{UnknownAudience, audience, registered_audience, sign, signer};
use super::verify_access_token::LiveToken;
use crate::crypto::random;
use crate::domain::api_scope::ApiScope;
use crate::domain::client::SigningAlgorithm;
use crate::domain::scope::Scopes;
use crate::flows::Context;
use crate::impersonation::marks;
use crate::store::StoreError;
use chrono::Duration;
use serde_json::Map;

/// The proxy's requirements on a bearer.
#[derive(Debug, Clone, Copy)]
pub struct ForwardPurpose<'a> {
    /// Only tokens for this API.
    pub audience: Option<&'a str>,
    /// The API that [`forwarded_token`] is for: a token for it is meant for it.
    pub internal: Option<&'a str>,
    /// Only tokens that carry all of these, of applications that list them.
    pub scope: Option<&'a Scopes>,
}

/// Why a bearer is not accepted for the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotMeant {
    /// It is for another API.
    Audience,
    /// It lacks this scope, or its application may not bring it here.
    Scope(String),
}

impl ForwardPurpose<'_> {
    /// A bearer is taken only by the API that it was made for ([RFC 9700 §2.3]). What says so is its audience, or
    /// scopes that the proxy names; without either the scope `forward-auth` of our own. A sign-in says nothing of
    /// the kind, and applications of third parties have no business behind the proxy at all.
    ///
    /// [RFC 9700 §2.3]: https://www.rfc-editor.org/rfc/rfc9700#section-2.3
    pub fn check<U>(&self, issuer: &str, token: &LiveToken<U>) -> Result<(), NotMeant> {
        let audience = token.audience.as_deref();
        let named = match self.audience {
            Some(_) => audience == self.audience,
            None => self.internal.is_some() && audience == self.internal,
        };
        // The application must still be registered for it.
        let named =
            named && audience.is_some_and(|a| registered_audience(&token.client, a).is_some());
        if !named && (self.audience.is_some() || !token.is_for(issuer)) {
            return Err(NotMeant::Audience);
        }
        let own = ApiScope::ForwardAuth.as_str();
        let wanted = match self.scope {
            Some(scope) => scope.to_string(),
            None => own.to_owned(),
        };
        let carries = |scope: &str| token.scope.contains(scope) && token.client.may_ask_for(scope);
        let enough = match self.scope {
            Some(scope) => scope.iter().all(carries),
            None => named || carries(own),
        };
        if enough && token.client.first_party { Ok(()) } else { Err(NotMeant::Scope(wanted)) }
    }
}

pub const TYPE: &str = "forwarded+jwt";
const LIFETIME: Duration = Duration::minutes(1);

/// Checks that the application of the call may use this audience.
pub fn check_audience(
    ctx: &Context,
    called: &CalledAs,
    asked: &str,
) -> Result<(), UnknownAudience> {
    match audience(ctx.issuer(), &called.token.client, Some(asked))? {
        Some(_) => Ok(()),
        // This server's API is not behind a proxy.
        None => Err(UnknownAudience),
    }
}

/// Issues the token; it never outlives the bearer or the impersonation.
pub fn forwarded_token(
    ctx: &Context,
    called: &CalledAs,
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
