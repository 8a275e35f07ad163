//! `authorization_codes`: what one sign-in gave an application; the grant behind every token.
use super::schema::authorization_codes;
use super::statement::Value;
use super::{Conn, StoreError};
use crate::domain::{ImpersonationId, SessionId, Timestamp, UserId};
use crate::login::LoginRequest;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// Seconds that a code may wait ([RFC 6749 §4.1.2] allows ten minutes; we are stricter).
///
/// [RFC 6749 §4.1.2]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
const LIFETIME: chrono::Duration = chrono::Duration::seconds(60);

/// A code to be handed out for `request`.
pub struct NewCode<'a> {
    pub id: String,
    pub code_hash: Vec<u8>,
    pub user: &'a UserId,
    pub session: &'a SessionId,
    pub impersonation: Option<&'a ImpersonationId>,
    pub request: &'a LoginRequest,
    pub scope: String,
    pub authenticated_at: Timestamp,
    /// An impersonated code never outlives its session.
    pub ends_at: Option<Timestamp>,
    pub now: Timestamp,
}

impl NewCode<'_> {
    fn expires_at(&self) -> Timestamp {
        let expires_at = self.now + LIFETIME;
        self.ends_at.map_or(expires_at, |end| expires_at.min(end))
    }
}

/// The values of the columns of a redemption's statement, in its order, without the session.
pub(super) fn values_or_none<'a>(code: Option<&'a NewCode<'a>>, now: Timestamp) -> [Value<'a>; 13] {
    let request = code.map(|code| code.request);
    let text = |pick: fn(&LoginRequest) -> Option<&str>| Value::MaybeText(request.and_then(pick));
    [
        Value::MaybeText(code.map(|code| code.id.as_str())),
        Value::Bytes(code.map_or(&[], |code| &code.code_hash)),
        text(|request| Some(request.client.as_str())),
        Value::MaybeText(code.map(|code| code.user.as_str())),
        Value::MaybeText(code.and_then(|code| code.impersonation).map(ImpersonationId::as_str)),
        text(|request| Some(request.return_url.as_str())),
        Value::MaybeText(code.map(|code| code.scope.as_str())),
        text(|request| request.nonce.as_deref()),
        text(|request| request.code_challenge.as_deref()),
        text(|request| request.audience.as_deref()),
        Value::Time(code.map_or(now, |code| code.authenticated_at)),
        Value::Time(code.map_or(now, |code| code.now)),
        Value::Time(code.map_or(now, NewCode::expires_at)),
    ]
}

pub async fn insert(mut conn: &Conn, code: &NewCode<'_>) -> Result<(), StoreError> {
    let request = code.request;
    diesel::insert_into(authorization_codes::table)
        .values((
            authorization_codes::id.eq(&code.id),
            authorization_codes::code_hash.eq(&code.code_hash),
            authorization_codes::client_id.eq(request.client.as_str()),
            authorization_codes::user_id.eq(code.user.as_str()),
            authorization_codes::session_id.eq(code.session.as_str()),
            authorization_codes::impersonation_id
                .eq(code.impersonation.map(ImpersonationId::as_str)),
            authorization_codes::redirect_uri.eq(&request.return_url),
            authorization_codes::scope.eq(&code.scope),
            authorization_codes::nonce.eq(&request.nonce),
            authorization_codes::code_challenge.eq(&request.code_challenge),
            authorization_codes::audience.eq(&request.audience),
            authorization_codes::authenticated_at.eq(code.authenticated_at),
            authorization_codes::created_at.eq(code.now),
            authorization_codes::expires_at.eq(code.expires_at()),
        ))
        .execute(&mut conn)
        .await?;
    Ok(())
}
