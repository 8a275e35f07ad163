//! `sessions`: signed-in browsers, and the sessions of impersonations.
use crate::authentication::Session;
use crate::domain::caller::Caller;
use crate::domain::{ClientId, ImpersonationId, SessionId, Timestamp, UserId};
use crate::store::connection::statement::{Statement, Value};
use crate::store::schema::{Written, clock_now, moment, sessions, written};
use crate::store::{Conn, Moment, StoreError, directory::user_cache};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::RunQueryDsl;

const TABLE: &str = "sessions";

/// A new session of a user who has just signed in.
pub struct NewSession<'a> {
    pub id: &'a SessionId,
    pub token_hash: &'a [u8],
    pub user: &'a UserId,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    pub caller: &'a Caller,
}

pub async fn insert(mut conn: &Conn, new: &NewSession<'_>) -> Result<(), StoreError> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(new.id.as_str()),
            sessions::token_hash.eq(new.token_hash),
            sessions::user_id.eq(new.user.as_str()),
            sessions::authenticated_at.eq(new.at),
            sessions::last_seen_at.eq(new.at),
            sessions::expires_at.eq(new.expires_at),
            sessions::ip.eq(new.caller.ip.as_deref()),
            sessions::user_agent.eq(&new.caller.user_agent),
        ))
        .execute(&mut conn)
        .await?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct BrowserSessionRow {
    id: String,
    user_id: String,
    created_at: Timestamp,
    authenticated_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    ended_at: Option<Timestamp>,
    impersonation_id: Option<String>,
    bound_client_id: Option<String>,
}

type SessionColumns = (BrowserSessionRow, Option<String>, Moment);

/// The session of the actor that redeemed the link of an impersonated session.
struct ActorSession;

impl Written for ActorSession {
    type SqlType = Nullable<Text>;
    const SQL: &'static str = "(SELECT i.actor_session_id FROM impersonations i \
         WHERE i.id = sessions.impersonation_id)";
}

/// The session of a cookie.
pub enum FoundSession {
    Own(Box<Session>),
    Impersonated {
        session: SessionId,
        impersonation: ImpersonationId,
        client: ClientId,
        /// The actor's own session from which it was started; `None`: the actor was only named.
        actor_session: Option<SessionId>,
    },
}

/// Finds the session of a cookie, and the current time, without checks: see [`Session::resume`].
pub async fn find(
    mut conn: &Conn,
    token_hash: &[u8],
) -> Result<Option<(FoundSession, Timestamp)>, StoreError> {
    let row: Option<SessionColumns> = sessions::table
        .filter(sessions::token_hash.eq(token_hash))
        .select((BrowserSessionRow::as_select(), written::<ActorSession>(), moment()))
        .first(&mut conn)
        .await
        .optional()?;
    let Some(columns) = row else { return Ok(None) };
    convert(conn, columns).await
}

/// The session that had this cookie until a moment ago, and the current time, without checks.
pub async fn find_superseded(
    mut conn: &Conn,
    token_hash: &[u8],
) -> Result<Option<(FoundSession, Timestamp)>, StoreError> {
    let row: Option<SessionColumns> = sessions::table
        .filter(sessions::superseded_hash.eq(token_hash))
        .filter(sessions::superseded_until.gt(clock_now().nullable()))
        .select((BrowserSessionRow::as_select(), written::<ActorSession>(), moment()))
        .first(&mut conn)
        .await
        .optional()?;
    let Some(columns) = row else { return Ok(None) };
    convert(conn, columns).await
}

/// The session that a code or a token came from.
pub async fn find_by_id(
    mut conn: &Conn,
    session: &SessionId,
) -> Result<Option<(FoundSession, Timestamp)>, StoreError> {
    let row: Option<SessionColumns> = sessions::table
        .filter(sessions::id.eq(session.as_str()))
        .select((BrowserSessionRow::as_select(), written::<ActorSession>(), moment()))
        .first(&mut conn)
        .await
        .optional()?;
    let Some(columns) = row else { return Ok(None) };
    convert(conn, columns).await
}

async fn convert(
    conn: &Conn,
    (row, actor_session, at): SessionColumns,
) -> Result<Option<(FoundSession, Timestamp)>, StoreError> {
    let id = crate::store::id(TABLE, row.id)?;
    let found = match (row.impersonation_id, row.bound_client_id) {
        (None, None) => {
            let Some(person) = user_cache::at(conn, &row.user_id, &at).await? else {
                return Ok(None);
            };
            // A new sign-in in an old session does not lift a `not_before` that ended it.
            let made_at = row.created_at.min(row.authenticated_at);
            FoundSession::Own(Box::new(Session {
                id,
                user: person.user.clone(),
                authenticated_at: row.authenticated_at,
                last_seen_at: row.last_seen_at,
                expires_at: row.expires_at,
                ended_at: row.ended_at.or(person.ended_since(made_at)),
            }))
        }
        (Some(by), Some(bound)) => FoundSession::Impersonated {
            session: id,
            impersonation: crate::store::id(TABLE, by)?,
            client: crate::store::id(TABLE, bound)?,
            actor_session: actor_session.map(|text| crate::store::id(TABLE, text)).transpose()?,
        },
        (None, Some(_)) | (Some(_), None) => {
            return Err(StoreError::Corrupt {
                table: TABLE,
                what: "impersonation_id and bound_client_id must both be set or both be null"
                    .into(),
            });
        }
    };
    Ok(Some((found, at.now)))
}

/// The live session of a link's impersonation.
pub async fn find_impersonated(
    mut conn: &Conn,
    impersonation: &ImpersonationId,
) -> Result<Option<SessionId>, StoreError> {
    let id: Option<String> = sessions::table
        .filter(sessions::impersonation_id.eq(impersonation.as_str()))
        .filter(sessions::ended_at.is_null())
        .select(sessions::id)
        .first(&mut conn)
        .await
        .optional()?;
    id.map(|id| crate::store::id(TABLE, id)).transpose()
}

pub async fn touch(mut conn: &Conn, session: &SessionId, now: Timestamp) -> Result<(), StoreError> {
    diesel::update(sessions::table.find(session.as_str()))
        .set(sessions::last_seen_at.eq(now))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Ends a session; false when it had ended before.
pub async fn end(mut conn: &Conn, session: &SessionId) -> Result<bool, StoreError> {
    let live = sessions::table.find(session.as_str()).filter(sessions::ended_at.is_null());
    let ended = diesel::update(live)
        .set(sessions::ended_at.eq(clock_now().nullable()))
        .execute(&mut conn)
        .await?;
    Ok(ended == 1)
}

/// Deletes sessions that had ended at `before`, at most a thousand at a time. Sessions of impersonations go with
/// theirs.
pub async fn delete_expired(mut conn: &Conn, before: Timestamp) -> Result<usize, StoreError> {
    struct Delete;
    const TEXT: &str = "DELETE FROM sessions WHERE id = ANY(ARRAY(SELECT id FROM sessions \
         WHERE expires_at < ? AND impersonation_id IS NULL ORDER BY expires_at LIMIT 1000))";
    Ok(Statement::<Delete, ()>::new(TEXT, &[Value::Time(before)]).execute(&mut conn).await?)
}

/// Condition: no [`crate::store::tokens::not_before`] has ended the session.
struct SessionIsAfterSignOut;

impl Written for SessionIsAfterSignOut {
    type SqlType = Bool;
    const SQL: &'static str = "(least(sessions.created_at, sessions.authenticated_at) \
     > coalesce(user_not_before(sessions.user_id), '-infinity'))";
}

/// Counts the live own sessions of `user`.
pub async fn count_live(
    mut conn: &Conn,
    user: &UserId,
    (now, seen_since): (Timestamp, Timestamp),
) -> Result<i64, StoreError> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(user.as_str()))
        .filter(sessions::impersonation_id.is_null())
        .filter(sessions::ended_at.is_null())
        .filter(written::<SessionIsAfterSignOut>())
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::last_seen_at.gt(seen_since))
        .count()
        .get_result(&mut conn)
        .await?)
}

/// A live session, as its owner sees it.
#[derive(Debug, Clone)]
pub struct Browser {
    pub id: SessionId,
    pub authenticated_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// The live own sessions of `user`, last seen first.
pub async fn list_live(
    mut conn: &Conn,
    user: &UserId,
    (now, seen_since): (Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<Browser>, StoreError> {
    type LiveColumns = (String, Timestamp, Timestamp, Option<String>, Option<String>);
    let rows: Vec<LiveColumns> = sessions::table
        .filter(sessions::user_id.eq(user.as_str()))
        .filter(sessions::impersonation_id.is_null())
        .filter(sessions::ended_at.is_null())
        .filter(written::<SessionIsAfterSignOut>())
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::last_seen_at.gt(seen_since))
        .order((sessions::last_seen_at.desc(), sessions::id.desc()))
        .limit(limit)
        .select((
            sessions::id,
            sessions::authenticated_at,
            sessions::last_seen_at,
            sessions::ip,
            sessions::user_agent,
        ))
        .load(&mut conn)
        .await?;
    let convert = |(id, authenticated_at, last_seen_at, ip, user_agent): LiveColumns| {
        Ok(Browser {
            id: crate::store::id(TABLE, id)?,
            authenticated_at,
            last_seen_at,
            ip,
            user_agent,
        })
    };
    rows.into_iter().map(convert).collect()
}

/// Ends every own session of `user` except `kept`, expired ones too, because refresh tokens may still depend on
/// them. Returns their ids.
pub async fn end_others(
    mut conn: &Conn,
    user: &UserId,
    kept: &SessionId,
) -> Result<Vec<SessionId>, StoreError> {
    let others = sessions::table
        .filter(sessions::user_id.eq(user.as_str()))
        .filter(sessions::id.ne(kept.as_str()))
        .filter(sessions::impersonation_id.is_null())
        .filter(sessions::ended_at.is_null());
    let ids: Vec<String> = diesel::update(others)
        .set(sessions::ended_at.eq(clock_now().nullable()))
        .returning(sessions::id)
        .get_results(&mut conn)
        .await?;
    ids.into_iter().map(|id| crate::store::id(TABLE, id)).collect()
}

/// Ends every own session of `user`. Returns their ids.
pub async fn end_all_of(mut conn: &Conn, user: &UserId) -> Result<Vec<SessionId>, StoreError> {
    let own = sessions::table
        .filter(sessions::user_id.eq(user.as_str()))
        .filter(sessions::impersonation_id.is_null())
        .filter(sessions::ended_at.is_null());
    let ids: Vec<String> = diesel::update(own)
        .set(sessions::ended_at.eq(clock_now().nullable()))
        .returning(sessions::id)
        .get_results(&mut conn)
        .await?;
    ids.into_iter().map(|id| crate::store::id(TABLE, id)).collect()
}

/// Replaces the cookie of an impersonated `session`.
pub async fn renew(
    mut conn: &Conn,
    session: &SessionId,
    token_hash: &[u8],
) -> Result<(), StoreError> {
    diesel::update(sessions::table.find(session.as_str()))
        .set(sessions::token_hash.eq(token_hash))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// The next cookie of a session after a sign-in.
pub struct NextCookie<'a> {
    /// Hash of the cookie that the browser sent: the present one, or the one before it.
    pub presented: &'a [u8],
    pub next: &'a [u8],
    /// How long the presented one is still recognized.
    pub superseded_until: Timestamp,
}

/// Replaces the cookie of `session`, unless it has changed since.
pub async fn replace_cookie(
    mut conn: &Conn,
    session: &SessionId,
    cookie: &NextCookie<'_>,
) -> Result<(), StoreError> {
    let before = sessions::superseded_hash
        .eq(cookie.presented)
        .and(sessions::superseded_until.gt(clock_now().nullable()))
        .assume_not_null();
    let known = sessions::table
        .find(session.as_str())
        .filter(sessions::token_hash.eq(cookie.presented).or(before));
    diesel::update(known)
        .set((
            sessions::token_hash.eq(cookie.next),
            sessions::superseded_hash.eq(cookie.presented),
            sessions::superseded_until.eq(cookie.superseded_until),
        ))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Records that the user confirmed their password at `now`.
pub async fn prove(mut conn: &Conn, session: &SessionId, now: Timestamp) -> Result<(), StoreError> {
    diesel::update(sessions::table.find(session.as_str()))
        .set((sessions::authenticated_at.eq(now), sessions::last_seen_at.eq(now)))
        .execute(&mut conn)
        .await?;
    Ok(())
}
