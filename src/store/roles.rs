//! `roles`: names for sets of permissions.
use super::schema::roles;
use super::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// A row, in the words of its columns; who writes one has checked them.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = roles)]
pub struct RoleRecord {
    pub name: String,
    pub permissions: Vec<String>,
    pub rank: i32,
}

/// Those that the operator made; the built-in ones are not among them.
pub async fn list_custom(mut conn: &Conn) -> Result<Vec<RoleRecord>, StoreError> {
    Ok(roles::table
        .filter(roles::built_in.eq(false))
        .select(RoleRecord::as_select())
        .order(roles::name)
        .load(&mut conn)
        .await?)
}

pub async fn list_built_in(mut conn: &Conn) -> Result<Vec<String>, StoreError> {
    Ok(roles::table.filter(roles::built_in).select(roles::name).load(&mut conn).await?)
}

/// Writes it, whether there is one of that name or not.
pub async fn put(mut conn: &Conn, record: &RoleRecord) -> Result<(), StoreError> {
    diesel::insert_into(roles::table)
        .values(record)
        .on_conflict(roles::name)
        .do_update()
        .set(record)
        .execute(&mut conn)
        .await?;
    Ok(())
}

pub async fn delete(mut conn: &Conn, name: &str) -> Result<(), StoreError> {
    diesel::delete(roles::table.find(name)).execute(&mut conn).await?;
    Ok(())
}
