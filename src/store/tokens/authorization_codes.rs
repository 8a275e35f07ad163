//! `authorization_codes`: the codes, and the grants behind all tokens.
use crate::audit::Event;
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::domain::{ClientId, ImpersonationId, SessionId, Timestamp, UserId};
use crate::login::LoginRequest;
use crate::store::connection::statement::{Statement, Value};
use crate::store::schema::{Written, authorization_codes, clock_now, moment, sessions, written};
use crate::store::trail::append;
use crate::store::{Conn, Moment, StoreError, directory::user_cache};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

const TABLE: &str = "authorization_codes";

/// Seconds that a code may wait ([RFC 6749 §4.1.2] allows ten minutes; we are stricter).
///
/// [RFC 6749 §4.1.2]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
const LIFETIME: chrono::Duration = chrono::Duration::seconds(60);

/// A new code for `request`.
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
pub(in crate::store) fn values_or_none<'a>(
    code: Option<&'a NewCode<'a>>,
    now: Timestamp,
) -> [Value<'a>; 13] {
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

/// A grant with the current state of its user and session.
pub struct CodeGrant {
    pub id: String,
    pub client: ClientId,
    pub user: User,
    pub session: SessionId,
    pub impersonation: Option<ImpersonationId>,
    pub redirect_uri: String,
    pub scope: Scopes,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
    pub audience: Option<String>,
    pub authenticated_at: Timestamp,
    pub expires_at: Timestamp,
    pub redeemed: bool,
    /// Revoked, or the session was ended.
    pub ended: bool,
    pub now: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = authorization_codes)]
pub(in crate::store) struct CodeRow {
    id: String,
    client_id: String,
    user_id: String,
    session_id: String,
    impersonation_id: Option<String>,
    redirect_uri: String,
    scope: String,
    nonce: Option<String>,
    code_challenge: Option<String>,
    audience: Option<String>,
    authenticated_at: Timestamp,
    created_at: Timestamp,
    expires_at: Timestamp,
    redeemed_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

/// The row, the end of its session, whether the client's `not_before` invalidates it, and the current time.
pub(in crate::store) type CodeColumns = (CodeRow, Option<Timestamp>, bool, Moment);

/// Condition: the grant is older than the client's `not_before`.
pub(in crate::store) struct ClientEndedIt;

impl Written for ClientEndedIt {
    type SqlType = diesel::sql_types::Bool;
    const SQL: &'static str = "EXISTS (SELECT FROM vetoes v WHERE v.id = authorization_codes.client_id \
     AND v.kind = 'client_not_before' AND authorization_codes.created_at <= v.since)";
}

pub(in crate::store) async fn convert(
    conn: &Conn,
    (row, session_ended_at, client_ended_it, at): CodeColumns,
) -> Result<Option<CodeGrant>, StoreError> {
    let Some(person) = user_cache::at(conn, &row.user_id, &at).await? else { return Ok(None) };
    let ended_it = client_ended_it || person.ended_since(row.created_at).is_some();
    Ok(Some(CodeGrant {
        id: row.id,
        client: crate::store::id(TABLE, row.client_id)?,
        user: person.user.clone(),
        session: crate::store::id(TABLE, row.session_id)?,
        impersonation: row
            .impersonation_id
            .map(|text| crate::store::id(TABLE, text))
            .transpose()?,
        redirect_uri: row.redirect_uri,
        scope: crate::store::scopes(TABLE, &row.scope)?,
        nonce: row.nonce,
        code_challenge: row.code_challenge,
        audience: row.audience,
        authenticated_at: row.authenticated_at,
        expires_at: row.expires_at,
        redeemed: row.redeemed_at.is_some(),
        ended: row.revoked_at.is_some() || session_ended_at.is_some() || ended_it,
        now: at.now,
    }))
}

/// Finds the grant of a code, without checks.
pub async fn find(mut conn: &Conn, code_hash: &[u8]) -> Result<Option<CodeGrant>, StoreError> {
    let row: Option<CodeColumns> = authorization_codes::table
        .inner_join(sessions::table.on(sessions::id.eq(authorization_codes::session_id)))
        .filter(authorization_codes::code_hash.eq(code_hash))
        .select((CodeRow::as_select(), sessions::ended_at, written::<ClientEndedIt>(), moment()))
        .first(&mut conn)
        .await
        .optional()?;
    let Some(columns) = row else { return Ok(None) };
    convert(conn, columns).await
}

/// The tokens that replace a code or refresh token.
pub struct NewTokens<'a> {
    pub access_hash: &'a [u8],
    pub scope: &'a str,
    pub audience: Option<&'a str>,
    pub now: Timestamp,
    pub expires_at: Timestamp,
    pub refresh: Option<NewRefresh<'a>>,
}

pub struct NewRefresh<'a> {
    pub token_hash: &'a [u8],
    pub scope: &'a str,
    pub expires_at: Timestamp,
    pub ends_at: Timestamp,
}

impl NewTokens<'_> {
    /// The values of the access token's columns.
    pub(in crate::store) fn access_values(&self) -> [Value<'_>; 5] {
        [
            Value::Bytes(self.access_hash),
            Value::Text(self.scope),
            Value::MaybeText(self.audience),
            Value::Time(self.now),
            Value::Time(self.expires_at),
        ]
    }

    /// Those, the values of the refresh token's columns, and whether there is one.
    pub(in crate::store) fn values(&self) -> [Value<'_>; 11] {
        let refresh = self.refresh.as_ref();
        let [access, scope, audience, now, expires_at] = self.access_values();
        [
            access,
            scope,
            audience,
            now,
            expires_at,
            Value::Bytes(refresh.map_or(&[], |refresh| refresh.token_hash)),
            Value::Text(refresh.map_or("", |refresh| refresh.scope)),
            Value::Time(self.now),
            Value::Time(refresh.map_or(self.now, |refresh| refresh.expires_at)),
            Value::Time(refresh.map_or(self.now, |refresh| refresh.ends_at)),
            Value::Int(i32::from(refresh.is_some())),
        ]
    }
}

/// Redeems a code for `tokens`; false when it is not valid any more. It is one statement, so that one of any number
/// of concurrent requests succeeds.
pub async fn redeem(
    mut conn: &Conn,
    code_hash: &[u8],
    tokens: &NewTokens<'_>,
) -> Result<bool, StoreError> {
    struct Redeem;
    const TEXT: &str = "WITH code AS (UPDATE authorization_codes SET redeemed_at = clock_now() \
         WHERE code_hash = ? AND redeemed_at IS NULL AND revoked_at IS NULL \
         AND expires_at > clock_now() AND impersonation_id IS NULL \
         RETURNING id, client_id, user_id, session_id, authenticated_at), \
         access AS (INSERT INTO access_tokens (token_hash, client_id, user_id, grant_id, session_id, \
         authenticated_at, scope, audience, issued_at, expires_at) \
         SELECT ?, client_id, user_id, id, session_id, authenticated_at, ?, ?, ?, ? FROM code), \
         refresh AS (INSERT INTO refresh_tokens (token_hash, grant_id, client_id, user_id, session_id, \
         scope, issued_at, expires_at, ends_at) \
         SELECT ?, id, client_id, user_id, session_id, ?, ?, ?, ? FROM code WHERE ? = 1) \
         SELECT id FROM code";
    let mut values = Vec::with_capacity(12);
    values.push(Value::Bytes(code_hash));
    values.extend(tokens.values());
    let id: Option<String> =
        Statement::<Redeem, Text>::new(TEXT, &values).get_result(&mut conn).await.optional()?;
    Ok(id.is_some())
}

/// As [`redeem`], for a code of an impersonation: only while it runs, never with a refresh token, and with its
/// audit event.
pub async fn redeem_impersonated(
    mut conn: &Conn,
    code_hash: &[u8],
    tokens: &NewTokens<'_>,
    event: &Event,
) -> Result<bool, StoreError> {
    struct RedeemImpersonated;
    const TEXT: &str = "WITH running AS (SELECT i.id, i.ends_at FROM impersonations i \
         JOIN authorization_codes c ON c.impersonation_id = i.id \
         WHERE c.code_hash = ? AND i.redeemed_at IS NOT NULL AND i.ended_at IS NULL FOR SHARE OF i), \
         code AS (UPDATE authorization_codes c SET redeemed_at = clock_now() FROM running \
         WHERE c.code_hash = ? AND c.redeemed_at IS NULL AND c.revoked_at IS NULL \
         AND c.expires_at > clock_now() AND c.impersonation_id = running.id \
         RETURNING c.id, c.client_id, c.user_id, c.session_id, c.impersonation_id, c.authenticated_at, \
         running.ends_at), \
         access AS (INSERT INTO access_tokens (token_hash, client_id, user_id, grant_id, session_id, \
         impersonation_id, authenticated_at, scope, audience, issued_at, expires_at) \
         SELECT ?, client_id, user_id, id, session_id, impersonation_id, authenticated_at, ?, ?, ?, \
         least(?, ends_at) FROM code), \
         trail AS (INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM code) SELECT id FROM code";
    let detail = event.detail();
    let mut values = Vec::with_capacity(21);
    values.extend([Value::Bytes(code_hash), Value::Bytes(code_hash)]);
    values.extend(tokens.values().into_iter().take(5));
    values.extend(append::values(event, &detail));
    let id: Option<String> = Statement::<RedeemImpersonated, Text>::new(TEXT, &values)
        .get_result(&mut conn)
        .await
        .optional()?;
    Ok(id.is_some())
}

/// Revokes a grant, and with it all its tokens.
pub async fn revoke(mut conn: &Conn, grant: &str) -> Result<(), StoreError> {
    let live =
        authorization_codes::table.find(grant).filter(authorization_codes::revoked_at.is_null());
    diesel::update(live)
        .set(authorization_codes::revoked_at.eq(clock_now().nullable()))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Revokes all grants of `client` from `session`.
pub async fn revoke_of_session(
    mut conn: &Conn,
    session: &SessionId,
    client: &ClientId,
) -> Result<(), StoreError> {
    let live = authorization_codes::table
        .filter(authorization_codes::session_id.eq(session.as_str()))
        .filter(authorization_codes::client_id.eq(client.as_str()))
        .filter(authorization_codes::revoked_at.is_null());
    diesel::update(live)
        .set(authorization_codes::revoked_at.eq(clock_now().nullable()))
        .execute(&mut conn)
        .await?;
    Ok(())
}
