//! What people see about their own account: where they are signed in, and who acted as them.
use super::Context;
use crate::authentication::Session;
use crate::authentication::session::IDLE_LIMIT;
use crate::domain::{Timestamp, UserId};
use crate::store::impersonations::{Filter, Record};
use crate::store::{self, Conn, StoreError};
use std::collections::BTreeMap;

/// How many times that somebody acted as the owner are listed.
const MOST_ACCESSES: usize = 20;

pub struct Overview {
    /// Live sessions of their own, this one included.
    pub sessions: usize,
    /// Newest first.
    pub accesses: Vec<Access>,
}

/// One time that somebody acted as the owner of the account.
pub struct Access {
    pub actor: String,
    pub application: String,
    pub started_at: Timestamp,
    /// `None` while it runs.
    pub ended_at: Option<Timestamp>,
}

pub async fn overview(ctx: &Context, session: &Session) -> Result<Overview, StoreError> {
    let conn = ctx.store.conn().await?;
    let user = &session.user.id;
    let now = store::settings::now(&conn).await?;
    let filter = Filter { subject: Some(user.clone()), limit: 100, ..Filter::default() };
    let (sessions, records) = futures_util::try_join!(
        store::sessions::count_live(&conn, user, (now, now - IDLE_LIMIT)),
        store::impersonations::list(&conn, &filter),
    )?;
    let mut people = BTreeMap::new();
    let mut accesses = Vec::new();
    // A link that nobody opened was no access.
    let opened = records.iter().filter_map(|record| Some((record, record.redeemed_at?)));
    for (record, started_at) in opened.take(MOST_ACCESSES) {
        let application = ctx.clients.find(&conn, &record.client).await?;
        let application = application.map_or_else(|| record.client.to_string(), |c| c.name.clone());
        let actor = name_of(&conn, &mut people, &record.actor).await?;
        accesses.push(Access { actor, application, started_at, ended_at: end_of(record, now) });
    }
    Ok(Overview { sessions: usize::try_from(sessions).unwrap_or(1).max(1), accesses })
}

/// One whose time is up is over, even if nobody has written that down yet.
fn end_of(record: &Record, now: Timestamp) -> Option<Timestamp> {
    record.ended_at.or(record.ends_at.filter(|ends_at| now >= *ends_at))
}

async fn name_of(
    conn: &Conn,
    known: &mut BTreeMap<String, String>,
    id: &UserId,
) -> Result<String, StoreError> {
    if let Some(name) = known.get(id.as_str()) {
        return Ok(name.clone());
    }
    let user = store::users::find(conn, id).await?;
    let name = user.map_or_else(|| id.to_string(), |user| user.display_name().to_owned());
    known.insert(id.to_string(), name.clone());
    Ok(name)
}
