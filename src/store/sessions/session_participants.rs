//! `session_participants`: the applications of a session that signed in by SAML or WS-Federation.
use crate::audit::Event;
use crate::domain::protocol::ProtocolName;
use crate::domain::{ClientId, ImpersonationId, SessionId, Timestamp, UserId};
use crate::login::{LoginRequest, NameId};
use crate::store::connection::statement::{Statement, Value};
use crate::store::schema::{clock_now, session_participants as participants, sessions};
use crate::store::{Conn, StoreError, trail::append, word};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

const TABLE: &str = "session_participants";

/// A new participant.
pub struct NewParticipant<'a> {
    pub id: String,
    pub user: &'a UserId,
    pub session: &'a SessionId,
    pub impersonation: Option<&'a ImpersonationId>,
    pub request: &'a LoginRequest,
    pub name: Option<NameId>,
    pub now: Timestamp,
}

/// A row.
#[derive(Debug, Clone)]
pub struct Participant {
    pub id: String,
    pub protocol: ProtocolName,
    pub client: ClientId,
    pub user: UserId,
    pub session: SessionId,
    pub impersonation: Option<ImpersonationId>,
    pub return_url: String,
    pub name: Option<NameId>,
    /// The application has confirmed the logout.
    pub left: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = participants)]
struct ParticipantRow {
    id: String,
    protocol: String,
    client_id: String,
    user_id: String,
    session_id: String,
    impersonation_id: Option<String>,
    return_url: String,
    name_id: Option<String>,
    name_id_format: Option<String>,
    left_at: Option<Timestamp>,
}

impl TryFrom<ParticipantRow> for Participant {
    type Error = StoreError;

    fn try_from(row: ParticipantRow) -> Result<Self, StoreError> {
        let name = row.name_id.zip(row.name_id_format);
        Ok(Self {
            id: row.id,
            protocol: word(TABLE, &row.protocol, ProtocolName::parse)?,
            client: crate::store::id(TABLE, row.client_id)?,
            user: crate::store::id(TABLE, row.user_id)?,
            session: crate::store::id(TABLE, row.session_id)?,
            impersonation: row
                .impersonation_id
                .map(|id| crate::store::id(TABLE, id))
                .transpose()?,
            return_url: row.return_url,
            name: name.map(|(value, format)| NameId { value, format }),
            left: row.left_at.is_some(),
        })
    }
}

/// Inserts the participant (idempotent) and, for impersonations, its audit event. Returns false if the session has
/// ended; then the response must not be sent.
pub async fn insert(
    mut conn: &Conn,
    new: &NewParticipant<'_>,
    event: Option<&Event>,
) -> Result<bool, StoreError> {
    struct Insert;
    struct InsertImpersonated;
    const PLAIN: &str = "WITH live AS (SELECT id, user_id FROM sessions WHERE id = ? AND user_id = ? \
         AND impersonation_id IS NULL AND ended_at IS NULL), \
         told AS (INSERT INTO session_participants (id, protocol, client_id, return_url, name_id, \
         name_id_format, created_at, user_id, session_id) \
         SELECT ?, ?, ?, ?, ?, ?, ?, user_id, id FROM live \
         WHERE NOT EXISTS (SELECT FROM session_participants p WHERE p.id = ? AND p.left_at IS NULL \
         AND p.name_id IS NOT DISTINCT FROM ?) \
         ON CONFLICT (id) DO UPDATE SET name_id = excluded.name_id, \
         name_id_format = excluded.name_id_format, left_at = NULL) SELECT id FROM live";
    const IMPERSONATED: &str = "WITH told AS (INSERT INTO session_participants (id, protocol, client_id, \
         return_url, name_id, name_id_format, created_at, user_id, session_id, impersonation_id) \
         SELECT ?, ?, ?, ?, ?, ?, ?, user_id, id, impersonation_id FROM sessions WHERE id = ? \
         AND user_id = ? AND impersonation_id = ? AND ended_at IS NULL RETURNING id), \
         trail AS (INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM told) SELECT id FROM told";
    let name = new.name.as_ref().map(|name| name.value.as_str());
    let told = [
        Value::Text(&new.id),
        Value::Text(new.request.protocol.as_str()),
        Value::Text(new.request.client.as_str()),
        Value::Text(&new.request.return_url),
        Value::MaybeText(name),
        Value::MaybeText(new.name.as_ref().map(|name| name.format.as_str())),
        Value::Time(new.now),
    ];
    let of = [Value::Text(new.session.as_str()), Value::Text(new.user.as_str())];
    let written: Option<String> = match (new.impersonation, event) {
        (None, _) => {
            let known = [Value::Text(&new.id), Value::MaybeText(name)];
            let values: Vec<_> = of.into_iter().chain(told).chain(known).collect();
            Statement::<Insert, Text>::new(PLAIN, &values).get_result(&mut conn).await.optional()?
        }
        (Some(_), None) => {
            return Err(StoreError::Corrupt { table: TABLE, what: "no event".into() });
        }
        (Some(impersonation), Some(event)) => {
            let detail = event.detail();
            let mut values: Vec<_> = told.into_iter().chain(of).collect();
            values.push(Value::Text(impersonation.as_str()));
            values.extend(append::values(event, &detail));
            let statement = Statement::<InsertImpersonated, Text>::new(IMPERSONATED, &values);
            statement.get_result(&mut conn).await.optional()?
        }
    };
    Ok(written.is_some())
}

/// The participants of `session` that have not confirmed the logout.
pub async fn list_of_session(
    mut conn: &Conn,
    session: &SessionId,
) -> Result<Vec<Participant>, StoreError> {
    let rows: Vec<ParticipantRow> = participants::table
        .filter(participants::session_id.eq(session.as_str()))
        .filter(participants::left_at.is_null())
        .order(participants::id)
        .select(ParticipantRow::as_select())
        .load(&mut conn)
        .await?;
    rows.into_iter().map(Participant::try_from).collect()
}

/// The participants of live sessions that a logout request of `client` names: by its name for the user, and by
/// `SessionIndex` if there is any.
pub async fn find_named(
    mut conn: &Conn,
    client: &ClientId,
    name: &str,
    indexes: &[String],
) -> Result<Vec<Participant>, StoreError> {
    let mut query = participants::table
        .inner_join(sessions::table.on(sessions::id.eq(participants::session_id)))
        .filter(participants::client_id.eq(client.as_str()))
        .filter(participants::name_id.eq(name))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(clock_now()))
        .select(ParticipantRow::as_select())
        .into_boxed();
    if !indexes.is_empty() {
        query = query.filter(participants::id.eq_any(indexes));
    }
    let rows: Vec<ParticipantRow> =
        query.order(participants::id.desc()).limit(100).load(&mut conn).await?;
    rows.into_iter().map(Participant::try_from).collect()
}

/// Whether `client` has ever received such a login, in a live or ended session. Rows are deleted a month after the
/// end.
pub async fn has_named(
    mut conn: &Conn,
    client: &ClientId,
    name: &str,
    indexes: &[String],
) -> Result<bool, StoreError> {
    let mut query = participants::table
        .filter(participants::client_id.eq(client.as_str()))
        .filter(participants::name_id.eq(name))
        .select(participants::id)
        .into_boxed();
    if !indexes.is_empty() {
        query = query.filter(participants::id.eq_any(indexes));
    }
    let known: Option<String> = query.first(&mut conn).await.optional()?;
    Ok(known.is_some())
}

pub async fn find(mut conn: &Conn, id: &str) -> Result<Option<Participant>, StoreError> {
    let row: Option<ParticipantRow> = participants::table
        .find(id)
        .select(ParticipantRow::as_select())
        .first(&mut conn)
        .await
        .optional()?;
    row.map(Participant::try_from).transpose()
}

/// Marks these participants of `client` as logged out.
pub async fn leave(mut conn: &Conn, client: &ClientId, ids: &[String]) -> Result<(), StoreError> {
    let theirs = participants::table
        .filter(participants::id.eq_any(ids))
        .filter(participants::client_id.eq(client.as_str()))
        .filter(participants::left_at.is_null());
    diesel::update(theirs)
        .set(participants::left_at.eq(clock_now().nullable()))
        .execute(&mut conn)
        .await?;
    Ok(())
}
