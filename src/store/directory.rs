//! Writing people: `users` with their `user_roles` and `credentials`.
use super::not_before::{self, NotBefore};
use super::schema::{authorization_codes, clock_now, credentials, sessions, user_roles, users};
use super::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;

/// A row, in the words of its columns; who writes one has checked them.
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

/// Somebody with everything that hangs on them.
#[derive(Clone)]
pub struct StoredUser {
    pub record: UserRecord,
    /// Sorted.
    pub roles: Vec<String>,
    pub password_hash: Option<String>,
}

/// Everybody but the service accounts that follow from what applications are authorized for.
pub async fn list(mut conn: &Conn) -> Result<Vec<StoredUser>, StoreError> {
    let derived = users::kind.eq("service_account").and(users::created_by_client_id.is_not_null());
    let rows: Vec<(UserRecord, Option<String>)> = users::table
        .filter(diesel::dsl::not(derived))
        .left_join(credentials::table.on(credentials::user_id.eq(users::id)))
        .select((UserRecord::as_select(), credentials::password_hash.nullable()))
        .order(users::id)
        .load(&mut conn)
        .await?;
    let pairs: Vec<(String, String)> = user_roles::table
        .select((user_roles::user_id, user_roles::role))
        .order((user_roles::user_id, user_roles::role))
        .load(&mut conn)
        .await?;
    let mut roles: HashMap<String, Vec<String>> = HashMap::new();
    for (user, role) in pairs {
        roles.entry(user).or_default().push(role);
    }
    let whole = |(record, password_hash): (UserRecord, _)| {
        let roles = roles.remove(&record.id).unwrap_or_default();
        StoredUser { record, roles, password_hash }
    };
    Ok(rows.into_iter().map(whole).collect())
}

/// Writes somebody and their roles, whether there is one of that id or not.
pub async fn put(mut conn: &Conn, record: &UserRecord, roles: &[String]) -> Result<(), StoreError> {
    diesel::insert_into(users::table)
        .values(record)
        .on_conflict(users::id)
        .do_update()
        .set((record, users::updated_at.eq(clock_now())))
        .execute(&mut conn)
        .await?;
    let others = user_roles::table
        .filter(user_roles::user_id.eq(&record.id))
        .filter(user_roles::role.ne_all(roles));
    diesel::delete(others).execute(&mut conn).await?;
    if roles.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = roles
        .iter()
        .map(|role| (user_roles::user_id.eq(&record.id), user_roles::role.eq(role)))
        .collect();
    diesel::insert_into(user_roles::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Unlike [`super::users::set_password_hash`], also for somebody who had no password.
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

/// Ends every session of somebody and everything that applications were given in one.
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
    // Tokens that come of no sign-in, too.
    not_before::put(conn, NotBefore::User(user)).await
}

/// Takes the e-mail addresses away from `ids`, so that they can be given out anew in any order.
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
