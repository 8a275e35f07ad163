//! What an application may know about the user of a token ([OpenID Connect Core §5.3]).
//!
//! [OpenID Connect Core §5.3]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
use super::claims;
use super::verify_access_token::{LiveToken, verify};
use super::{Context, Failure};
use crate::domain::SessionId;
use crate::domain::caller::Caller;
use crate::domain::scope::{OPENID, Scopes};
use crate::domain::user::User;
use crate::impersonation::{Impersonation, marks};
use serde_json::{Map, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoRefusal {
    #[error("the token is not valid")]
    InvalidToken,
    #[error("the token was not given for signing in")]
    NotOpenid,
}

/// The claims, and the token they were asked for with.
pub async fn userinfo(
    ctx: &Context,
    token: &str,
    caller: &Caller,
) -> Result<(Map<String, Value>, LiveToken), Failure<UserinfoRefusal>> {
    let conn = ctx.store.conn().await?;
    let Some(live) = verify(ctx, &conn, token, caller).await? else {
        return Err(Failure::Refused(UserinfoRefusal::InvalidToken));
    };
    let (Some(user), true) = (&live.user, live.scope.contains(OPENID)) else {
        return Err(Failure::Refused(UserinfoRefusal::NotOpenid));
    };
    let impersonated = live.session.as_ref().zip(live.impersonation.as_ref());
    let claims = userinfo_claims(ctx.issuer(), (user, &live.scope), impersonated);
    Ok((claims, live))
}

/// What is said about `user` at a scope; about an impersonated one also in which session, and the marks.
pub(super) fn userinfo_claims(
    issuer: &str,
    (user, scope): (&User, &Scopes),
    impersonated: Option<(&SessionId, &Impersonation)>,
) -> Map<String, Value> {
    let mut claims = claims::about(user, scope);
    if let Some((session, _)) = impersonated {
        claims.insert("sid".into(), session.as_str().into());
    }
    marks::write(&mut claims, impersonated.map(|(_, by)| by), issuer);
    claims
}
