//! Finds the users for whom an application may get a token: `people`, with the time, in one read.
use super::users::UserRow;
use crate::domain::user::{User, UserKind};
use crate::domain::{ClientId, Timestamp, UserId};
use crate::store::schema::{clock_now, people, settings};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

type SubjectColumns = (Timestamp, Option<UserRow>);

fn converted((now, person): SubjectColumns) -> Result<(Option<User>, Timestamp), StoreError> {
    Ok((person.map(User::try_from).transpose()?, now))
}

pub async fn user(mut conn: &Conn, user: &UserId) -> Result<(Option<User>, Timestamp), StoreError> {
    let row: SubjectColumns = settings::table
        .left_join(people::table.on(people::id.eq(user.as_str())))
        .select((clock_now(), Option::<UserRow>::as_select()))
        .first(&mut conn)
        .await?;
    converted(row)
}

/// The service account of `client` in the organization of that id.
pub async fn service_account(
    mut conn: &Conn,
    client: &ClientId,
    organization: &str,
) -> Result<(Option<User>, Timestamp), StoreError> {
    let own = people::created_by_client_id.eq(client.as_str());
    let there = people::organization_id.eq(organization);
    let kind = people::kind.eq(UserKind::ServiceAccount.as_str());
    let row: SubjectColumns = settings::table
        .left_join(people::table.on(own.and(there).assume_not_null().and(kind)))
        .select((clock_now(), Option::<UserRow>::as_select()))
        .first(&mut conn)
        .await?;
    converted(row)
}
