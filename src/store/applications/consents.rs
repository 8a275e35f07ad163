//! `consents`: scopes that users have allowed third-party applications.
use crate::domain::scope::Scopes;
use crate::domain::{ClientId, Timestamp, UserId};
use crate::store::schema::{clock_now, consents};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

const TABLE: &str = "consents";

/// The scopes that `user` has allowed `client`, and when.
pub async fn find(
    mut conn: &Conn,
    user: &UserId,
    client: &ClientId,
) -> Result<Option<(Scopes, Timestamp)>, StoreError> {
    let row: Option<(String, Timestamp)> = consents::table
        .find((user.as_str(), client.as_str()))
        .select((consents::scope, consents::granted_at))
        .first(&mut conn)
        .await
        .optional()?;
    row.map(|(scope, at)| Ok((crate::store::scopes(TABLE, &scope)?, at))).transpose()
}

pub async fn upsert(
    mut conn: &Conn,
    user: &UserId,
    client: &ClientId,
    scope: &Scopes,
) -> Result<(), StoreError> {
    let scope = scope.to_string();
    diesel::insert_into(consents::table)
        .values((
            consents::user_id.eq(user.as_str()),
            consents::client_id.eq(client.as_str()),
            consents::scope.eq(&scope),
            consents::granted_at.eq(clock_now()),
        ))
        .on_conflict((consents::user_id, consents::client_id))
        .do_update()
        .set((consents::scope.eq(&scope), consents::granted_at.eq(clock_now())))
        .execute(&mut conn)
        .await?;
    Ok(())
}
