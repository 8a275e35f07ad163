//! `access_tokens`: opaque ones by their hash, JWTs by the hash of their `jti`.
use super::schema::{access_tokens, authorization_codes, clients, clock_now, people, sessions};
use super::statement::{Statement, Value};
use super::users::Person;
use super::{Conn, StoreError};
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::domain::{ClientId, ImpersonationId, SessionId, Timestamp};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

const TABLE: &str = "access_tokens";

/// A token with the state of everything it hangs on, as it stands now.
pub struct Record {
    pub client: ClientId,
    /// None: the application speaks for itself.
    pub user: Option<User>,
    pub session: Option<SessionId>,
    pub impersonation: Option<ImpersonationId>,
    pub scope: Scopes,
    pub audience: Option<String>,
    pub issued_at: Timestamp,
    pub authenticated_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    /// The token, its grant or its session is over, or somebody it needs is gone.
    pub ended: bool,
    /// What the database says, whatever is remembered.
    pub client_is_active: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = access_tokens)]
struct Row {
    client_id: String,
    user_id: Option<String>,
    grant_id: Option<String>,
    session_id: Option<String>,
    impersonation_id: Option<String>,
    scope: String,
    audience: Option<String>,
    issued_at: Timestamp,
    authenticated_at: Option<Timestamp>,
    expires_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

type Columns = (
    Row,
    Option<Person>,
    Option<(String, Option<Timestamp>)>,
    Option<(String, Option<Timestamp>)>,
    Option<String>,
    Timestamp,
);

/// The token and the clock, in one indexed read. Judges nothing but what has ended.
pub async fn find(
    mut conn: &Conn,
    token_hash: &[u8],
) -> Result<Option<(Record, Timestamp)>, StoreError> {
    let row: Option<Columns> = access_tokens::table
        .left_join(people::table.on(people::id.nullable().eq(access_tokens::user_id)))
        .left_join(
            authorization_codes::table
                .on(authorization_codes::id.nullable().eq(access_tokens::grant_id)),
        )
        .left_join(sessions::table.on(sessions::id.nullable().eq(access_tokens::session_id)))
        .left_join(clients::table.on(clients::id.eq(access_tokens::client_id)))
        .filter(access_tokens::token_hash.eq(token_hash))
        .select((
            Row::as_select(),
            Option::<Person>::as_select(),
            (authorization_codes::id, authorization_codes::revoked_at).nullable(),
            (sessions::id, sessions::ended_at).nullable(),
            clients::status.nullable(),
            clock_now(),
        ))
        .first(&mut conn)
        .await
        .optional()?;
    row.map(convert).transpose()
}

fn convert(columns: Columns) -> Result<(Record, Timestamp), StoreError> {
    let (row, person, grant, session, client, now) = columns;
    let over = |needed: bool, found: Option<(String, Option<Timestamp>)>| match found {
        Some((_, ended_at)) => ended_at.is_some(),
        None => needed,
    };
    let ended = row.revoked_at.is_some()
        || row.user_id.is_some() != person.is_some()
        || over(row.grant_id.is_some(), grant)
        || over(row.session_id.is_some(), session);
    let record = Record {
        client: super::id(TABLE, row.client_id)?,
        user: person.map(User::try_from).transpose()?,
        session: row.session_id.map(|text| super::id(TABLE, text)).transpose()?,
        impersonation: row.impersonation_id.map(|text| super::id(TABLE, text)).transpose()?,
        scope: super::scopes(TABLE, &row.scope)?,
        audience: row.audience,
        issued_at: row.issued_at,
        authenticated_at: row.authenticated_at,
        expires_at: row.expires_at,
        ended,
        client_is_active: client.as_deref() == Some("active"),
    };
    Ok((record, now))
}

/// Writes an opaque token of an application that speaks for itself, and nothing else.
pub async fn insert_for_client(
    mut conn: &Conn,
    token_hash: &[u8],
    client: &ClientId,
    scope: &str,
    lifetime: i64,
) -> Result<(), StoreError> {
    struct Insert;
    const TEXT: &str = "INSERT INTO access_tokens (token_hash, client_id, scope, issued_at, expires_at) \
         SELECT ?, ?, ?, now() + ahead, now() + ahead + ? * interval '1 second' FROM clock";
    let values = [
        Value::Bytes(token_hash),
        Value::Text(client.as_str()),
        Value::Text(scope),
        Value::BigInt(lifetime),
    ];
    Statement::<Insert, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Revokes a token of `client`, and what was narrowed from it; somebody else's stays as it is.
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

/// The impersonation that lives by a token of `client`, unless the token was narrowed from another one.
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
    found.flatten().map(|text| super::id(TABLE, text)).transpose()
}

/// Remembers that a JWT of which nothing was stored is revoked.
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

/// Removes what has expired, at most a thousand rows at a time.
pub async fn delete_expired(mut conn: &Conn) -> Result<usize, StoreError> {
    struct Delete;
    // A minute more: a JWT may be a few seconds over its time and still be asked about.
    const TEXT: &str = "DELETE FROM access_tokens WHERE token_hash IN (SELECT token_hash \
         FROM access_tokens WHERE expires_at < clock_now() - interval '1 minute' LIMIT 1000)";
    Ok(Statement::<Delete, ()>::new(TEXT, &[]).execute(&mut conn).await?)
}
