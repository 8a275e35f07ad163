//! What an application may know about the user of a token ([OpenID Connect Core §5.3]).
//!
//! [OpenID Connect Core §5.3]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
use super::claims;
use super::verify_access_token::{LiveToken, verify};
use super::{Context, Failure};
use crate::domain::caller::Caller;
use crate::domain::scope::OPENID;
use crate::domain::user::Holder;
use crate::impersonation::marks;
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
) -> Result<(Map<String, Value>, LiveToken<Holder>), Failure<UserinfoRefusal>> {
    let conn = ctx.store.conn().await?;
    let Some(live) = verify(ctx, &conn, token, caller).await? else {
        return Err(Failure::Refused(UserinfoRefusal::InvalidToken));
    };
    let (Some(user), true) = (&live.user, live.scope.contains(OPENID)) else {
        return Err(Failure::Refused(UserinfoRefusal::NotOpenid));
    };
    let mut claims = claims::about(&user.id, &user.profile, &live.scope);
    if let (Some(session), Some(_)) = (&live.session, &live.impersonation) {
        claims.insert("sid".into(), session.as_str().into());
    }
    marks::write(&mut claims, live.impersonation.as_ref(), ctx.issuer());
    Ok((claims, live))
}
