//! `roles`: named sets of permissions.
use crate::domain::role::ADMIN;
use crate::store::schema::{roles, user_roles, users};
use crate::store::{Conn, StoreError};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Int4, Nullable, Text};
use diesel_async::RunQueryDsl;

/// A row; the caller has validated the values.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = roles)]
pub struct RoleRecord {
    pub name: String,
    pub permissions: Vec<String>,
    pub rank: i32,
}

/// The custom roles, without the built-in ones.
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

/// Inserts or updates the role.
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

/// A role as a list shows it.
#[derive(Debug, Clone)]
pub struct ListedRole {
    pub role: RoleRecord,
    pub built_in: bool,
    pub holders: i64,
}

/// All roles, highest rank first, with their number of holders.
pub async fn list(mut conn: &Conn) -> Result<Vec<ListedRole>, StoreError> {
    let held = user_roles::table.group_by(user_roles::role);
    let held = held.select((user_roles::role, diesel::dsl::count_star()));
    let counts: Vec<(String, i64)> = held.load(&mut conn).await?;
    let rows: Vec<(RoleRecord, bool)> = roles::table
        .select((RoleRecord::as_select(), roles::built_in))
        .order((roles::rank.desc(), roles::name))
        .load(&mut conn)
        .await?;
    let holders = |name: &str| counts.iter().find(|(role, _)| role == name).map_or(0, |it| it.1);
    let listed = |(role, built_in): (RoleRecord, bool)| ListedRole {
        holders: holders(&role.name),
        role,
        built_in,
    };
    Ok(rows.into_iter().map(listed).collect())
}

/// The role, and whether it is built in.
pub async fn find(mut conn: &Conn, name: &str) -> Result<Option<(RoleRecord, bool)>, StoreError> {
    let found = roles::table.find(name).select((RoleRecord::as_select(), roles::built_in));
    Ok(found.first(&mut conn).await.optional()?)
}

/// As [`find`], and locks the role against changes and assignments until the transaction ends.
pub async fn find_and_lock(
    mut conn: &Conn,
    name: &str,
) -> Result<Option<(RoleRecord, bool)>, StoreError> {
    let row = roles::table.find(name).select(roles::name).for_update();
    let locked: Option<String> = row.first(&mut conn).await.optional()?;
    if locked.is_none() { Ok(None) } else { find(conn, name).await }
}

/// The roles of a user, highest rank first.
pub async fn list_of(mut conn: &Conn, user: &str) -> Result<Vec<RoleRecord>, StoreError> {
    Ok(roles::table
        .inner_join(user_roles::table.on(user_roles::role.eq(roles::name)))
        .filter(user_roles::user_id.eq(user))
        .select(RoleRecord::as_select())
        .order((roles::rank.desc(), roles::name))
        .load(&mut conn)
        .await?)
}

/// Inserts a role; fails when the name exists.
pub async fn insert(mut conn: &Conn, record: &RoleRecord) -> Result<(), StoreError> {
    diesel::insert_into(roles::table).values(record).execute(&mut conn).await?;
    Ok(())
}

/// Assigns the role; false when the user has it already.
pub async fn give(mut conn: &Conn, user: &str, role: &str) -> Result<bool, StoreError> {
    let given = diesel::insert_into(user_roles::table)
        .values((user_roles::user_id.eq(user), user_roles::role.eq(role)))
        .on_conflict_do_nothing()
        .execute(&mut conn)
        .await?;
    Ok(given == 1)
}

/// Removes the role; false when the user does not have it.
pub async fn take(mut conn: &Conn, user: &str, role: &str) -> Result<bool, StoreError> {
    let taken = diesel::delete(user_roles::table.find((user, role))).execute(&mut conn).await?;
    Ok(taken == 1)
}

/// The number of users with this role.
pub async fn count_holders(mut conn: &Conn, role: &str) -> Result<i64, StoreError> {
    let held = user_roles::table.filter(user_roles::role.eq(role));
    Ok(held.count().get_result(&mut conn).await?)
}

/// A user with a role.
#[derive(Debug, Clone, QueryableByName)]
pub struct RoleHolder {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub organization: Option<String>,
    #[diesel(sql_type = Bool)]
    pub active: bool,
}

/// The users with this role, by name; only those of `organization` unless it is `None`.
pub async fn holders(
    mut conn: &Conn,
    (role, organization): (&str, Option<&str>),
    limit: i64,
) -> Result<Vec<RoleHolder>, StoreError> {
    let text = "SELECT u.id, u.name, u.email, o.name AS organization, u.status = 'active' AS active \
         FROM user_roles r JOIN users u ON u.id = r.user_id \
         LEFT JOIN organizations o ON o.id = u.organization_id \
         WHERE r.role = $1 AND ($2::text IS NULL OR u.organization_id = $2) \
         ORDER BY u.sort_key, u.id LIMIT $3";
    Ok(diesel::sql_query(text)
        .bind::<Text, _>(role)
        .bind::<Nullable<Text>, _>(organization)
        .bind::<BigInt, _>(limit)
        .load(&mut conn)
        .await?)
}

/// The number of administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Administrators {
    /// Staff of the operator.
    #[diesel(sql_type = Int4)]
    pub of_operator: i32,
    #[diesel(sql_type = Int4)]
    pub all: i32,
}

/// Counts active users with the role `admin`, and locks count and assignments of that role until the transaction
/// ends.
pub async fn lock_and_count_administrators(mut conn: &Conn) -> Result<Administrators, StoreError> {
    find_and_lock(conn, ADMIN).await?;
    let text = "SELECT count(*) FILTER (WHERE u.organization_id IS NULL)::int AS of_operator, \
         count(*)::int AS \"all\" FROM user_roles r JOIN users u ON u.id = r.user_id \
         LEFT JOIN organizations o ON o.id = u.organization_id \
         WHERE r.role = $1 AND u.status = 'active' AND u.kind = 'person' \
         AND (o.id IS NULL OR o.status = 'active')";
    Ok(diesel::sql_query(text).bind::<Text, _>(ADMIN).get_result(&mut conn).await?)
}

/// Whether there is an administrator, without waiting for locks.
pub async fn has_administrator(mut conn: &Conn) -> Result<bool, StoreError> {
    let active = users::table
        .inner_join(user_roles::table.on(user_roles::user_id.eq(users::id)))
        .filter(user_roles::role.eq(ADMIN))
        .filter(users::kind.eq("person"))
        .filter(users::status.eq("active"));
    Ok(diesel::select(diesel::dsl::exists(active)).get_result(&mut conn).await?)
}
