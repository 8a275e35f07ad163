//! Writes users; in batches: [`super::batches`].
use crate::store::schema::{authorization_codes, clock_now, credentials, sessions, users};
use crate::store::tokens::not_before::{self, NotBefore};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// A row; the caller has validated the values.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct UserRecord {
    pub id: String,
    pub organization_id: Option<String>,
    pub kind: String,
    pub status: String,
    pub email: Option<String>,
    pub email_canonical: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub nickname: Option<String>,
    pub picture: Option<String>,
    pub phone_number: Option<String>,
    pub user_metadata: serde_json::Value,
    pub app_metadata: serde_json::Value,
    pub created_by_client_id: Option<String>,
    pub external_app_user_id: Option<String>,
    pub box_: serde_json::Value,
}

/// A user with roles and password.
#[derive(Clone)]
pub struct StoredUser {
    pub record: UserRecord,
    /// Sorted.
    pub roles: Vec<String>,
    pub password_hash: Option<String>,
}

/// Sets the password hash; unlike [`super::users::set_password_hash`], also of a user without a password.
pub async fn put_password_hash(mut conn: &Conn, user: &str, hash: &str) -> Result<(), StoreError> {
    diesel::insert_into(credentials::table)
        .values((credentials::user_id.eq(user), credentials::password_hash.eq(hash)))
        .on_conflict(credentials::user_id)
        .do_update()
        .set((credentials::password_hash.eq(hash), credentials::changed_at.eq(clock_now())))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Ends every session of a user and all tokens issued in them.
pub async fn sign_out_everywhere(mut conn: &Conn, user: &str) -> Result<(), StoreError> {
    let live =
        sessions::table.filter(sessions::user_id.eq(user)).filter(sessions::ended_at.is_null());
    diesel::update(live)
        .set(sessions::ended_at.eq(clock_now().nullable()))
        .execute(&mut conn)
        .await?;
    let theirs = sessions::table.filter(sessions::user_id.eq(user)).select(sessions::id);
    let grants = authorization_codes::table
        .filter(authorization_codes::session_id.eq_any(theirs))
        .filter(authorization_codes::revoked_at.is_null());
    diesel::update(grants)
        .set(authorization_codes::revoked_at.eq(clock_now().nullable()))
        .execute(&mut conn)
        .await?;
    // Includes tokens without a sign-in.
    not_before::put(conn, NotBefore::User(user)).await
}

/// Clears the e-mail addresses of `ids`, so that they can be reassigned in any order.
pub async fn release_emails(mut conn: &Conn, ids: &[String]) -> Result<(), StoreError> {
    diesel::update(users::table.filter(users::id.eq_any(ids)))
        .set((users::email.eq(None::<String>), users::email_canonical.eq(None::<String>)))
        .execute(&mut conn)
        .await?;
    Ok(())
}

pub async fn delete(mut conn: &Conn, id: &str) -> Result<(), StoreError> {
    diesel::delete(users::table.find(id)).execute(&mut conn).await?;
    Ok(())
}
