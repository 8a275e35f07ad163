//! The claims of the userinfo endpoint ([OpenID Connect Core §5.3]).
//!
//! [OpenID Connect Core §5.3]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
use super::act_as_user::CalledAs;
use super::claims;
use crate::domain::scope::{OPENID, Scopes};
use crate::domain::user::Profile;
use crate::domain::{SessionId, UserId};
use crate::flows::Context;
use crate::impersonation::{Impersonation, marks};
use serde_json::{Map, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token was not given for signing in")]
pub struct NotOpenid;

/// The claims about the user that the call is made as.
pub fn userinfo(ctx: &Context, called: &CalledAs) -> Result<Map<String, Value>, NotOpenid> {
    let token = &called.token;
    let (Some(user), true) = (called.user(), token.scope.contains(OPENID)) else {
        return Err(NotOpenid);
    };
    let session = token.session.as_ref().filter(|_| token.impersonation.is_some());
    let about = (user.id, user.profile, &token.scope);
    Ok(userinfo_claims(ctx.issuer(), about, (session, called.impersonation.as_ref())))
}

/// The claims by scope; for an impersonated user also session and marks.
pub(in crate::flows) fn userinfo_claims(
    issuer: &str,
    (user, profile, scope): (&UserId, &Profile, &Scopes),
    (session, impersonation): (Option<&SessionId>, Option<&Impersonation>),
) -> Map<String, Value> {
    let mut claims = claims::about(user, profile, scope);
    if let Some(session) = session {
        claims.insert("sid".into(), session.as_str().into());
    }
    marks::write(&mut claims, impersonation, issuer);
    claims
}
