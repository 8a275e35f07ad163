//! `organizations`.
use super::schema::{clock_now, organizations};
use super::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// A row, in the words of its columns; who writes one has checked them.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = organizations)]
pub struct OrganizationRecord {
    pub id: String,
    pub name: String,
    pub status: String,
    pub impersonation_enabled: bool,
}

pub async fn list(mut conn: &Conn) -> Result<Vec<OrganizationRecord>, StoreError> {
    Ok(organizations::table
        .select(OrganizationRecord::as_select())
        .order(organizations::id)
        .load(&mut conn)
        .await?)
}

/// Writes it, whether there is one of that id or not.
pub async fn put(mut conn: &Conn, record: &OrganizationRecord) -> Result<(), StoreError> {
    diesel::insert_into(organizations::table)
        .values(record)
        .on_conflict(organizations::id)
        .do_update()
        .set((record, organizations::updated_at.eq(clock_now())))
        .execute(&mut conn)
        .await?;
    Ok(())
}

pub async fn delete(mut conn: &Conn, id: &str) -> Result<(), StoreError> {
    diesel::delete(organizations::table.find(id)).execute(&mut conn).await?;
    Ok(())
}
