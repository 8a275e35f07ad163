//! What the heart looks at: who, as whom, where, and whether at all, in one read; and a link.
use super::{Link, Record, RequesterStands, Row, TABLE};
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::domain::{ClientId, UserId};
use crate::store::clients::Application;
use crate::store::schema::{applications, impersonations, moment, people, settings, written};
use crate::store::users::Person;
use crate::store::{Conn, Moment, StoreError};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

diesel::alias!(people as actors: Actors, people as subjects: Subjects);

/// The people and the application as they stand now; `None` for who is not there.
#[derive(Clone)]
pub struct Facts {
    pub actor: Option<User>,
    pub subject: Option<User>,
    pub client: Option<Client>,
    pub feature_enabled: bool,
    pub at: Moment,
}

/// A link, found by its ticket.
pub struct Ticket {
    pub record: Record,
    pub link: Link,
    /// Whether the application or the person that asked for it is still there and active.
    pub requester_stands: bool,
    pub at: Moment,
}

type Columns = (bool, Moment, Option<Application>, Option<Person>, Option<Person>);

fn person() -> <Person as Selectable<Pg>>::SelectExpression {
    <Person as Selectable<Pg>>::construct_selection()
}

pub async fn facts(
    mut conn: &Conn,
    actor: &UserId,
    subject: &UserId,
    client: &ClientId,
) -> Result<Facts, StoreError> {
    let columns: Columns = settings::table
        .left_join(applications::table.on(applications::id.eq(client.to_string())))
        .left_join(actors.on(actors.field(people::id).eq(actor.to_string())))
        .left_join(subjects.on(subjects.field(people::id).eq(subject.to_string())))
        .select((
            settings::impersonation_enabled,
            moment(),
            Option::<Application>::as_select(),
            actors.fields(person()).nullable(),
            subjects.fields(person()).nullable(),
        ))
        .first(&mut conn)
        .await?;
    let (feature_enabled, at, client, actor, subject) = columns;
    Ok(Facts {
        actor: actor.map(User::try_from).transpose()?,
        subject: subject.map(User::try_from).transpose()?,
        client: client.map(Client::try_from).transpose()?,
        feature_enabled,
        at,
    })
}

pub async fn find_by_ticket(
    mut conn: &Conn,
    ticket_hash: &[u8],
) -> Result<Option<Ticket>, StoreError> {
    let found: Option<(Row, bool, Moment)> = impersonations::table
        .filter(impersonations::ticket_hash.eq(ticket_hash))
        .select((Row::as_select(), written::<RequesterStands>(), moment()))
        .first(&mut conn)
        .await
        .optional()?;
    let Some((row, requester_stands, at)) = found else { return Ok(None) };
    let record = Record::try_from(row)?;
    let missing = || StoreError::Corrupt { table: TABLE, what: "a ticket without a link".into() };
    let link = record.link.clone().ok_or_else(missing)?;
    Ok(Some(Ticket { record, link, requester_stands, at }))
}
