//! Reads and writes users in batches, for directory files and exports.
//!
//! A statement takes one array for each column, so it is the same statement for any number of users; a batch has at
//! most [`BATCH_SIZE`].
use super::write::{StoredUser, UserRecord};
use crate::domain::role::ADMIN;
use crate::store::connection::statement::{Statement, Value};
use crate::store::schema::{credentials, user_roles, users};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use std::collections::HashMap;

/// Users that one statement reads or writes.
pub const BATCH_SIZE: usize = 1000;

/// A user as a batch writes one.
pub struct BatchUserRow<'a> {
    pub record: &'a UserRecord,
    pub roles: &'a [String],
    /// A new hash; `None` keeps the stored one.
    pub password_hash: Option<&'a str>,
}

/// The key of a list of users.
#[derive(Debug, Clone, Copy)]
pub enum NamedBy {
    Id,
    /// In the form in which addresses are compared.
    Email,
}

type Row = (UserRecord, Option<String>);

/// The users among `names` that exist, without service accounts, because these follow from the authorizations of
/// applications.
pub async fn list_named(
    conn: &Conn,
    by: NamedBy,
    names: &[String],
) -> Result<Vec<StoredUser>, StoreError> {
    let mut found = Vec::new();
    for some in names.chunks(BATCH_SIZE) {
        found.extend(list_some(conn, by, some).await?);
    }
    Ok(found)
}

async fn list_some(
    mut conn: &Conn,
    by: NamedBy,
    names: &[String],
) -> Result<Vec<StoredUser>, StoreError> {
    let query = users::table
        .left_join(credentials::table.on(credentials::user_id.eq(users::id)))
        .filter(diesel::dsl::not(is_derived()))
        .select((UserRecord::as_select(), credentials::password_hash.nullable()));
    let rows: Vec<Row> = match by {
        NamedBy::Id => query.filter(users::id.eq_any(names)).load(&mut conn).await?,
        NamedBy::Email => {
            query.filter(users::email_canonical.eq_any(names)).load(&mut conn).await?
        }
    };
    with_roles(conn, rows).await
}

/// All users with the role `admin`, whatever their status.
pub async fn list_administrators(mut conn: &Conn) -> Result<Vec<StoredUser>, StoreError> {
    let holders = user_roles::table.filter(user_roles::role.eq(ADMIN)).select(user_roles::user_id);
    let rows: Vec<Row> = users::table
        .left_join(credentials::table.on(credentials::user_id.eq(users::id)))
        .filter(users::id.eq_any(holders))
        .filter(diesel::dsl::not(is_derived()))
        .select((UserRecord::as_select(), credentials::password_hash.nullable()))
        .load(&mut conn)
        .await?;
    let mut found = Vec::new();
    for some in rows.chunks(BATCH_SIZE) {
        found.extend(with_roles(conn, some.to_vec()).await?);
    }
    Ok(found)
}

/// The next users after `after`, by id.
pub async fn list_page(mut conn: &Conn, after: &str) -> Result<Vec<StoredUser>, StoreError> {
    let rows: Vec<Row> = users::table
        .left_join(credentials::table.on(credentials::user_id.eq(users::id)))
        .filter(diesel::dsl::not(is_derived()))
        .filter(users::id.gt(after))
        .select((UserRecord::as_select(), credentials::password_hash.nullable()))
        .order(users::id)
        .limit(page_size())
        .load(&mut conn)
        .await?;
    with_roles(conn, rows).await
}

/// The ids after `after`, in order.
pub async fn list_ids_page(mut conn: &Conn, after: &str) -> Result<Vec<String>, StoreError> {
    Ok(users::table
        .filter(diesel::dsl::not(is_derived()))
        .filter(users::id.gt(after))
        .select(users::id)
        .order(users::id)
        .limit(page_size())
        .load(&mut conn)
        .await?)
}

fn page_size() -> i64 {
    i64::try_from(BATCH_SIZE).unwrap_or(i64::MAX)
}

#[diesel::dsl::auto_type]
fn is_derived() -> _ {
    users::kind.eq("service_account").and(users::created_by_client_id.is_not_null())
}

async fn with_roles(mut conn: &Conn, rows: Vec<Row>) -> Result<Vec<StoredUser>, StoreError> {
    let ids: Vec<&str> = rows.iter().map(|(record, _)| record.id.as_str()).collect();
    let pairs: Vec<(String, String)> = user_roles::table
        .filter(user_roles::user_id.eq_any(ids))
        .select((user_roles::user_id, user_roles::role))
        .order((user_roles::user_id, user_roles::role))
        .load(&mut conn)
        .await?;
    let mut roles: HashMap<String, Vec<String>> = HashMap::new();
    for (user, role) in pairs {
        roles.entry(user).or_default().push(role);
    }
    let whole = |(record, password_hash): Row| {
        let roles = roles.remove(&record.id).unwrap_or_default();
        StoredUser { record, roles, password_hash }
    };
    Ok(rows.into_iter().map(whole).collect())
}

/// Whether there is no user.
pub async fn is_empty(mut conn: &Conn) -> Result<bool, StoreError> {
    let somebody = users::table.filter(diesel::dsl::not(is_derived()));
    let found: bool = diesel::select(diesel::dsl::exists(somebody)).get_result(&mut conn).await?;
    Ok(!found)
}

/// Inserts or updates users with their roles and new passwords. Ids must be distinct.
pub async fn put_all(conn: &Conn, rows: &[BatchUserRow<'_>]) -> Result<(), StoreError> {
    for some in rows.chunks(BATCH_SIZE) {
        put_records(conn, some).await?;
        put_roles(conn, some).await?;
        put_password_hashes(conn, some).await?;
    }
    Ok(())
}

async fn put_records(mut conn: &Conn, rows: &[BatchUserRow<'_>]) -> Result<(), StoreError> {
    struct PutUsers;
    const TEXT: &str = "INSERT INTO users (id, organization_id, kind, status, email, email_canonical, \
         email_verified, name, given_name, family_name, nickname, picture, phone_number, user_metadata, \
         app_metadata, created_by_client_id, external_app_user_id, box) \
         SELECT id, organization_id, kind, status, email, email_canonical, email_verified::boolean, name, \
         given_name, family_name, nickname, picture, phone_number, user_metadata, app_metadata, \
         created_by_client_id, external_app_user_id, box \
         FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS wanted (id, organization_id, kind, \
         status, email, email_canonical, email_verified, name, given_name, family_name, nickname, picture, \
         phone_number, user_metadata, app_metadata, created_by_client_id, external_app_user_id, box) \
         ON CONFLICT (id) DO UPDATE SET organization_id = excluded.organization_id, kind = excluded.kind, \
         status = excluded.status, email = excluded.email, email_canonical = excluded.email_canonical, \
         email_verified = excluded.email_verified, name = excluded.name, given_name = excluded.given_name, \
         family_name = excluded.family_name, nickname = excluded.nickname, picture = excluded.picture, \
         phone_number = excluded.phone_number, user_metadata = excluded.user_metadata, \
         app_metadata = excluded.app_metadata, created_by_client_id = excluded.created_by_client_id, \
         external_app_user_id = excluded.external_app_user_id, box = excluded.box, updated_at = clock_now()";
    fn texts<'a>(
        rows: &'a [BatchUserRow<'a>],
        pick: impl Fn(&'a UserRecord) -> Option<&'a str>,
    ) -> Value<'a> {
        Value::Texts(rows.iter().map(|row| pick(row.record)).collect())
    }
    fn jsons(
        rows: &[BatchUserRow<'_>],
        pick: impl Fn(&UserRecord) -> serde_json::Value,
    ) -> Value<'static> {
        Value::Jsons(rows.iter().map(|row| pick(row.record)).collect())
    }
    let values = [
        texts(rows, |user| Some(&user.id)),
        texts(rows, |user| user.organization_id.as_deref()),
        texts(rows, |user| Some(&user.kind)),
        texts(rows, |user| Some(&user.status)),
        texts(rows, |user| user.email.as_deref()),
        texts(rows, |user| user.email_canonical.as_deref()),
        texts(rows, |user| Some(if user.email_verified { "true" } else { "false" })),
        texts(rows, |user| user.name.as_deref()),
        texts(rows, |user| user.given_name.as_deref()),
        texts(rows, |user| user.family_name.as_deref()),
        texts(rows, |user| user.nickname.as_deref()),
        texts(rows, |user| user.picture.as_deref()),
        texts(rows, |user| user.phone_number.as_deref()),
        jsons(rows, |user| user.user_metadata.clone()),
        jsons(rows, |user| user.app_metadata.clone()),
        texts(rows, |user| user.created_by_client_id.as_deref()),
        texts(rows, |user| user.external_app_user_id.as_deref()),
        jsons(rows, |user| user.box_.clone()),
    ];
    Statement::<PutUsers, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

async fn put_roles(mut conn: &Conn, rows: &[BatchUserRow<'_>]) -> Result<(), StoreError> {
    struct TakeRoles;
    struct GiveRoles;
    const TAKE: &str = "DELETE FROM user_roles r WHERE r.user_id = ANY(?) \
         AND NOT EXISTS (SELECT FROM unnest(?, ?) AS kept (user_id, role) \
         WHERE kept.user_id = r.user_id AND kept.role = r.role)";
    const GIVE: &str = "INSERT INTO user_roles (user_id, role) SELECT user_id, role \
         FROM unnest(?, ?) AS wanted (user_id, role) ON CONFLICT DO NOTHING";
    let everybody = rows.iter().map(|row| Some(row.record.id.as_str())).collect();
    let pairs = || {
        let all = rows.iter().flat_map(|row| row.roles.iter().map(|role| (row.record, role)));
        let (ids, roles) = all.map(|(user, role)| (Some(&*user.id), Some(&**role))).unzip();
        [Value::Texts(ids), Value::Texts(roles)]
    };
    let [ids, roles] = pairs();
    let values = [Value::Texts(everybody), ids, roles];
    Statement::<TakeRoles, ()>::new(TAKE, &values).execute(&mut conn).await?;
    if rows.iter().any(|row| !row.roles.is_empty()) {
        Statement::<GiveRoles, ()>::new(GIVE, &pairs()).execute(&mut conn).await?;
    }
    Ok(())
}

async fn put_password_hashes(mut conn: &Conn, rows: &[BatchUserRow<'_>]) -> Result<(), StoreError> {
    struct PutPasswords;
    const TEXT: &str = "INSERT INTO credentials (user_id, password_hash) SELECT user_id, password_hash \
         FROM unnest(?, ?) AS wanted (user_id, password_hash) ON CONFLICT (user_id) DO UPDATE \
         SET password_hash = excluded.password_hash, changed_at = clock_now()";
    let new = rows.iter().filter_map(|row| Some((&*row.record.id, row.password_hash?)));
    let (ids, hashes): (Vec<_>, Vec<_>) = new.map(|(id, hash)| (Some(id), Some(hash))).unzip();
    if ids.is_empty() {
        return Ok(());
    }
    let values = [Value::Texts(ids), Value::Texts(hashes)];
    Statement::<PutPasswords, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// The users among `ids` that take part in a running impersonation, or have a waiting link or handover code.
pub async fn list_impersonating(
    mut conn: &Conn,
    ids: &[String],
) -> Result<Vec<String>, StoreError> {
    #[derive(diesel::QueryableByName)]
    struct Party {
        #[diesel(sql_type = Text)]
        id: String,
    }
    let text = "SELECT actor_id AS id FROM impersonations WHERE actor_id = ANY($1) \
                AND status IN ('active', 'link_issued') \
                UNION SELECT subject_id FROM impersonations WHERE subject_id = ANY($1) \
                AND status IN ('active', 'link_issued') \
                UNION SELECT actor_id FROM handover_codes WHERE actor_id = ANY($1) \
                UNION SELECT subject_id FROM handover_codes WHERE subject_id = ANY($1)";
    let mut found = Vec::new();
    for some in ids.chunks(BATCH_SIZE) {
        let query = diesel::sql_query(text).bind::<diesel::sql_types::Array<Text>, _>(some);
        let rows: Vec<Party> = query.load(&mut conn).await?;
        found.extend(rows.into_iter().map(|party| party.id));
    }
    Ok(found)
}

/// [`super::write::sign_out_everywhere`] for all of `ids`.
pub async fn sign_out_all(mut conn: &Conn, ids: &[String]) -> Result<(), StoreError> {
    const TEXTS: [&str; 3] = [
        "UPDATE sessions SET ended_at = clock_now() WHERE user_id = ANY($1) AND ended_at IS NULL",
        "UPDATE authorization_codes c SET revoked_at = clock_now() FROM sessions s \
         WHERE s.user_id = ANY($1) AND c.session_id = s.id AND c.revoked_at IS NULL",
        "SELECT put_not_before('user_not_before', $1)",
    ];
    for some in ids.chunks(BATCH_SIZE) {
        for text in TEXTS {
            let query = diesel::sql_query(text).bind::<diesel::sql_types::Array<Text>, _>(some);
            query.execute(&mut conn).await?;
        }
    }
    Ok(())
}

/// Deletes all of `ids`; their credentials stay invalid, also for a later user with such an id.
pub async fn delete_all(mut conn: &Conn, ids: &[String]) -> Result<(), StoreError> {
    for some in ids.chunks(BATCH_SIZE) {
        let query = diesel::sql_query("SELECT put_not_before('user_not_before', $1)");
        query.bind::<diesel::sql_types::Array<Text>, _>(some).execute(&mut conn).await?;
        diesel::delete(users::table.filter(users::id.eq_any(some))).execute(&mut conn).await?;
    }
    Ok(())
}

/// Estimated number of users, from the statistics of Postgres, for a progress bar.
pub async fn estimate_count(mut conn: &Conn) -> Result<i64, StoreError> {
    #[derive(diesel::QueryableByName)]
    struct Estimate {
        #[diesel(sql_type = BigInt)]
        people: i64,
    }
    let text = "SELECT greatest(reltuples, 0)::bigint AS people FROM pg_class WHERE oid = 'users'::regclass";
    let estimate: Estimate = diesel::sql_query(text).get_result(&mut conn).await?;
    Ok(estimate.people)
}
