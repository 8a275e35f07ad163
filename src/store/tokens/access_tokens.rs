//! `access_tokens`: opaque tokens by their hash, JWTs by the hash of their `jti`.
use crate::domain::scope::Scopes;
use crate::domain::user::TokenSubject;
use crate::domain::{ClientId, ImpersonationId, SessionId, Timestamp};
use crate::store::connection::statement::{Statement, Value};
use crate::store::impersonations::acting::{Acted, ActedRow, ActingKey};
use crate::store::schema::{Written, access_tokens, clock_now, impersonations, moment, written};
use crate::store::{Conn, Moment, StoreError, directory::user_cache};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Timestamptz};
use diesel_async::RunQueryDsl;

const TABLE: &str = "access_tokens";

/// A token with the current state of its client, session, grant and user.
pub struct AccessRecord {
    pub client: ClientId,
    /// `None`: a token of client credentials.
    pub user: Option<TokenSubject>,
    pub session: Option<SessionId>,
    pub impersonation: Option<ImpersonationId>,
    pub scope: Scopes,
    pub audience: Option<String>,
    pub issued_at: Timestamp,
    pub authenticated_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    /// The token, its grant or its session has ended, or its user was deleted.
    pub ended: bool,
    /// Its user, the organization of that user or its application is not active.
    pub inactive: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = access_tokens)]
struct AccessTokenRow {
    client_id: String,
    user_id: Option<String>,
    session_id: Option<String>,
    impersonation_id: Option<String>,
    scope: String,
    audience: Option<String>,
    issued_at: Timestamp,
    authenticated_at: Option<Timestamp>,
    expires_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

type TokenColumns = (AccessTokenRow, Vec<String>, Moment);

/// As above, with the row of an earlier impersonated call.
type ActingColumns = (AccessTokenRow, Vec<String>, Moment, Option<ActedRow>);

/// Kinds of revocations (client, session, grant) that apply to this token, which triggers maintain in table
/// `vetoes`; and whether the token is older than the client's `not_before`.
struct Vetoes;

impl Written for Vetoes {
    type SqlType = diesel::sql_types::Array<diesel::sql_types::Text>;
    const SQL: &'static str = "ARRAY(SELECT kind FROM vetoes v WHERE v.id IN (access_tokens.client_id, \
     access_tokens.session_id, access_tokens.grant_id) AND CASE v.kind \
     WHEN 'client' THEN v.id = access_tokens.client_id \
     WHEN 'session' THEN v.id = access_tokens.session_id \
     WHEN 'grant' THEN v.id = access_tokens.grant_id \
     WHEN 'client_not_before' THEN v.id = access_tokens.client_id AND access_tokens.issued_at <= v.since END)";
}

/// Finds the token and the current time, in one indexed read. Sets only `ended` and `inactive`; callers decide.
pub async fn find(
    mut conn: &Conn,
    token_hash: &[u8],
) -> Result<Option<(AccessRecord, Moment)>, StoreError> {
    let row: Option<TokenColumns> = access_tokens::table
        .filter(access_tokens::token_hash.eq(token_hash))
        .select((AccessTokenRow::as_select(), written::<Vetoes>(), moment()))
        .get_result(&mut conn)
        .await
        .optional()?;
    match row {
        Some(columns) => convert(conn, columns).await.map(Some),
        None => Ok(None),
    }
}

/// As [`find`], with the row of an earlier impersonated call.
pub async fn find_acting(
    mut conn: &Conn,
    key: ActingKey<'_>,
) -> Result<Option<(AccessRecord, Moment, Option<Acted>)>, StoreError> {
    let earlier = impersonations::bearer_hash
        .eq(key.bearer_hash)
        .and(impersonations::subject_id.eq(key.subject.as_str()))
        .and(impersonations::channel.eq(key.channel.as_str()));
    let row: Option<ActingColumns> = access_tokens::table
        .left_join(impersonations::table.on(earlier))
        .filter(access_tokens::token_hash.eq(key.bearer_hash))
        .select((
            AccessTokenRow::as_select(),
            written::<Vetoes>(),
            moment(),
            Option::<ActedRow>::as_select(),
        ))
        .get_result(&mut conn)
        .await
        .optional()?;
    let Some((token, revocations, at, acted)) = row else { return Ok(None) };
    let (record, at) = convert(conn, (token, revocations, at)).await?;
    Ok(Some((record, at, acted.map(Acted::try_from).transpose()?)))
}

async fn convert(
    conn: &Conn,
    (row, revocations, at): TokenColumns,
) -> Result<(AccessRecord, Moment), StoreError> {
    let user = match &row.user_id {
        Some(id) => user_cache::at(conn, id, &at).await?,
        None => None,
    };
    let ended = row.revoked_at.is_some()
        || row.user_id.is_some() != user.is_some()
        || user.as_ref().is_some_and(|person| person.ended_since(row.issued_at).is_some())
        || revocations
            .iter()
            .any(|kind| ["session", "grant", "client_not_before"].contains(&kind.as_str()));
    // Any other revocation means inactive.
    let inactive =
        !revocations.is_empty() || user.as_ref().is_some_and(|person| !person.user.is_active());
    let record = AccessRecord {
        client: crate::store::id(TABLE, row.client_id)?,
        user: user.map(|person| TokenSubject::from(&person.user)),
        session: row.session_id.map(|text| crate::store::id(TABLE, text)).transpose()?,
        impersonation: row
            .impersonation_id
            .map(|text| crate::store::id(TABLE, text))
            .transpose()?,
        scope: crate::store::scopes(TABLE, &row.scope)?,
        audience: row.audience,
        issued_at: row.issued_at,
        authenticated_at: row.authenticated_at,
        expires_at: row.expires_at,
        ended,
        inactive,
    };
    Ok((record, at))
}

/// Whether a token of `client` without a row, issued at `issued_at`, is valid; and the current time.
pub async fn standing_of_client(
    mut conn: &Conn,
    client: &ClientId,
    issued_at: Timestamp,
) -> Result<(bool, Timestamp), StoreError> {
    struct OfClient;
    const TEXT: &str = "SELECT NOT EXISTS (SELECT FROM vetoes v WHERE v.id = ? AND (v.kind = 'client' \
         OR v.kind = 'client_not_before' AND ? <= v.since)), clock_now()";
    let values = [Value::Text(client.as_str()), Value::Time(issued_at)];
    Ok(Statement::<OfClient, (Bool, Timestamptz)>::new(TEXT, &values).get_result(&mut conn).await?)
}

/// Inserts an opaque token of client credentials.
pub async fn insert_for_client(
    mut conn: &Conn,
    token_hash: &[u8],
    client: &ClientId,
    scope: &str,
    lifetime: i64,
) -> Result<(), StoreError> {
    struct Insert;
    const TEXT: &str = "INSERT INTO access_tokens (token_hash, client_id, scope, issued_at, expires_at) \
         VALUES (?, ?, ?, clock_now(), clock_now() + ? * interval '1 second')";
    let values = [
        Value::Bytes(token_hash),
        Value::Text(client.as_str()),
        Value::Text(scope),
        Value::BigInt(lifetime),
    ];
    Statement::<Insert, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Revokes a token of `client` and the tokens narrowed from it; tokens of other clients stay.
pub async fn revoke(
    mut conn: &Conn,
    token_hash: &[u8],
    client: &ClientId,
) -> Result<bool, StoreError> {
    let itself = access_tokens::token_hash.eq(token_hash);
    let narrowed = access_tokens::narrowed_from.eq(token_hash).assume_not_null();
    let live = access_tokens::table
        .filter(itself.or(narrowed))
        .filter(access_tokens::client_id.eq(client.as_str()))
        .filter(access_tokens::revoked_at.is_null());
    let revoked = diesel::update(live)
        .set(access_tokens::revoked_at.eq(clock_now().nullable()))
        .execute(&mut conn)
        .await?;
    Ok(revoked > 0)
}

/// The impersonation that depends on a token of `client`, unless the token was narrowed from another one.
pub async fn impersonation_of(
    mut conn: &Conn,
    token_hash: &[u8],
    client: &ClientId,
) -> Result<Option<ImpersonationId>, StoreError> {
    let found: Option<Option<String>> = access_tokens::table
        .find(token_hash)
        .filter(access_tokens::client_id.eq(client.as_str()))
        .filter(access_tokens::narrowed_from.is_null())
        .select(access_tokens::impersonation_id)
        .first(&mut conn)
        .await
        .optional()?;
    found.flatten().map(|text| crate::store::id(TABLE, text)).transpose()
}

/// Records the revocation of a JWT that has no row.
pub async fn insert_revoked(
    mut conn: &Conn,
    token_hash: &[u8],
    client: &ClientId,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(access_tokens::table)
        .values((
            access_tokens::token_hash.eq(token_hash),
            access_tokens::client_id.eq(client.as_str()),
            access_tokens::scope.eq(""),
            access_tokens::issued_at.eq(clock_now()),
            access_tokens::expires_at.eq(expires_at),
            access_tokens::revoked_at.eq(clock_now().nullable()),
        ))
        .on_conflict(access_tokens::token_hash)
        .do_update()
        .set(access_tokens::revoked_at.eq(clock_now().nullable()))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Deletes expired tokens, at most a thousand at a time.
pub async fn delete_expired(mut conn: &Conn) -> Result<usize, StoreError> {
    struct Delete;
    // One more minute, because a JWT may be checked a few seconds after its expiry.
    const TEXT: &str = "DELETE FROM access_tokens WHERE token_hash = ANY(ARRAY(SELECT token_hash \
         FROM access_tokens WHERE expires_at < clock_now() - interval '1 minute' ORDER BY expires_at LIMIT 1000))";
    Ok(Statement::<Delete, ()>::new(TEXT, &[]).execute(&mut conn).await?)
}
