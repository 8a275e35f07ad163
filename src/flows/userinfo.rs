//! What an application may know about the user of a token ([OpenID Connect Core §5.3]).
//!
//! [OpenID Connect Core §5.3]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
use super::act_as_user::Called;
use super::{Context, claims};
use crate::domain::scope::OPENID;
use crate::impersonation::marks;
use serde_json::{Map, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token was not given for signing in")]
pub struct NotOpenid;

/// The claims about the user that the call is made as.
pub fn userinfo(ctx: &Context, called: &Called) -> Result<Map<String, Value>, NotOpenid> {
    let token = &called.token;
    let (Some(user), true) = (called.user(), token.scope.contains(OPENID)) else {
        return Err(NotOpenid);
    };
    let mut claims = claims::about(user.id, user.profile, &token.scope);
    if let (Some(session), Some(_)) = (&token.session, &token.impersonation) {
        claims.insert("sid".into(), session.as_str().into());
    }
    marks::write(&mut claims, called.impersonation.as_ref(), ctx.issuer());
    Ok(claims)
}
