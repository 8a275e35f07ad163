//! Users of the Box-compatible API: `people` with additional columns of `users`.
use super::users::UserRow;
use super::write::UserRecord;
use crate::domain::box_profile::{BoxProfile, BoxUser};
use crate::domain::permission::COADMIN;
use crate::domain::user::UserKind;
use crate::domain::{ClientId, OrganizationId, Timestamp, UserId};
use crate::store::schema::{clock_now, people, user_roles, users};
use crate::store::{Conn, StoreError};
use diesel::dsl::not;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

const TABLE: &str = "users";
/// The names of the constraints that a new user may break.
pub const LOGIN_IS_UNIQUE: &str = "users_email_canonical_key";
pub const EXTERNAL_ID_IS_UNIQUE: &str = "users_external";

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(in crate::store) struct BoxColumns {
    external_app_user_id: Option<String>,
    box_: serde_json::Value,
    created_at: Timestamp,
    updated_at: Timestamp,
}

pub(in crate::store) fn whole(
    (person, beside): (UserRow, BoxColumns),
) -> Result<BoxUser, StoreError> {
    let user = person.try_into()?;
    let profile: BoxProfile = serde_json::from_value(beside.box_)
        .map_err(|e| StoreError::Corrupt { table: TABLE, what: format!("box: {e}") })?;
    Ok(BoxUser {
        user,
        profile,
        external_id: beside.external_app_user_id,
        created_at: beside.created_at,
        modified_at: beside.updated_at,
    })
}

pub async fn find(mut conn: &Conn, user: &UserId) -> Result<Option<BoxUser>, StoreError> {
    let row: Option<(UserRow, BoxColumns)> = people::table
        .inner_join(users::table.on(users::id.eq(people::id)))
        .filter(people::id.eq(user.as_str()))
        .select((UserRow::as_select(), BoxColumns::as_select()))
        .first(&mut conn)
        .await
        .optional()?;
    row.map(whole).transpose()
}

/// Whether a user of any kind has this id.
pub async fn is_id_taken(mut conn: &Conn, id: &str) -> Result<bool, StoreError> {
    let known = users::table.find(id).select(users::id);
    let known: Option<String> = known.first(&mut conn).await.optional()?;
    Ok(known.is_some())
}

/// As `find`, and locks the row until the transaction ends.
pub async fn find_and_lock(mut conn: &Conn, user: &UserId) -> Result<Option<BoxUser>, StoreError> {
    let row = users::table.find(user.as_str()).select(users::id).for_update();
    let locked: Option<String> = row.first(&mut conn).await.optional()?;
    if locked.is_none() { Ok(None) } else { find(conn, user).await }
}

/// The users that a caller may see.
#[derive(Debug, Clone)]
pub enum BoxUserReach {
    /// The app users that this application made there.
    Own(ClientId, OrganizationId),
    /// All users of the organization except service accounts of applications.
    Organization(OrganizationId),
}

/// A filter; rows are in the order of their ids.
#[derive(Debug, Clone)]
pub struct BoxUserFilter {
    pub reach: BoxUserReach,
    /// Prefix of name or login, case-insensitive.
    pub term: Option<String>,
    pub external_id: Option<String>,
    /// Only those after this one, for paging by marker.
    pub after: Option<UserId>,
    pub offset: i64,
    pub limit: i64,
}

type Joined = diesel::dsl::InnerJoinQuerySource<
    people::table,
    users::table,
    diesel::dsl::Eq<users::id, people::id>,
>;
type BoxUserCondition = Box<dyn BoxableExpression<Joined, Pg, SqlType = diesel::sql_types::Bool>>;

fn within(reach: &BoxUserReach) -> BoxUserCondition {
    match reach {
        BoxUserReach::Own(client, organization) => Box::new(
            users::kind
                .eq(UserKind::AppUser.as_str())
                .and(users::created_by_client_id.eq(client.as_str().to_owned()).assume_not_null())
                .and(users::organization_id.eq(organization.as_str().to_owned()).assume_not_null()),
        ),
        BoxUserReach::Organization(organization) => Box::new(
            not(users::kind.eq(UserKind::ServiceAccount.as_str()))
                .and(users::organization_id.eq(organization.as_str().to_owned()).assume_not_null()),
        ),
    }
}

/// A `LIKE` pattern for a prefix; `%` and `_` are literal.
fn beginning(term: &str) -> String {
    let mut pattern = String::with_capacity(term.len() + 1);
    for c in term.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn matching(filter: &BoxUserFilter) -> BoxUserCondition {
    let mut condition = within(&filter.reach);
    if let Some(term) = &filter.term {
        let pattern = beginning(term);
        let begins = users::name.ilike(pattern.clone()).or(users::email.ilike(pattern));
        condition = Box::new(condition.and(begins.assume_not_null()));
    }
    if let Some(id) = &filter.external_id {
        let named = users::external_app_user_id.eq(id.clone()).assume_not_null();
        condition = Box::new(condition.and(named));
    }
    condition
}

pub async fn list(mut conn: &Conn, filter: &BoxUserFilter) -> Result<Vec<BoxUser>, StoreError> {
    let after = filter.after.as_ref().map_or("", |id| id.as_str());
    let rows: Vec<(UserRow, BoxColumns)> = people::table
        .inner_join(users::table.on(users::id.eq(people::id)))
        .filter(matching(filter))
        .filter(users::id.gt(after))
        .select((UserRow::as_select(), BoxColumns::as_select()))
        .order(users::id)
        .offset(filter.offset)
        .limit(filter.limit)
        .load(&mut conn)
        .await?;
    rows.into_iter().map(whole).collect()
}

/// The total number of matches.
pub async fn count(mut conn: &Conn, filter: &BoxUserFilter) -> Result<i64, StoreError> {
    Ok(people::table
        .inner_join(users::table.on(users::id.eq(people::id)))
        .filter(matching(filter))
        .count()
        .get_result(&mut conn)
        .await?)
}

/// Inserts a user; fails with [`LOGIN_IS_UNIQUE`] or [`EXTERNAL_ID_IS_UNIQUE`] when the value is taken.
pub async fn insert(mut conn: &Conn, record: &UserRecord) -> Result<(), StoreError> {
    diesel::insert_into(users::table).values(record).execute(&mut conn).await?;
    Ok(())
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
pub struct BoxUserChanges<'a> {
    pub name: Option<&'a str>,
    pub email: Option<&'a str>,
    pub email_canonical: Option<&'a str>,
    pub email_verified: Option<bool>,
    pub status: &'a str,
    pub box_: serde_json::Value,
}

/// Updates a user; fails with [`LOGIN_IS_UNIQUE`] when the address is taken.
pub async fn update(
    mut conn: &Conn,
    user: &UserId,
    changes: &BoxUserChanges<'_>,
) -> Result<(), StoreError> {
    diesel::update(users::table.find(user.as_str()))
        .set((changes, users::updated_at.eq(clock_now())))
        .execute(&mut conn)
        .await?;
    Ok(())
}

pub async fn make_coadmin(mut conn: &Conn, user: &str) -> Result<(), StoreError> {
    diesel::insert_into(user_roles::table)
        .values((user_roles::user_id.eq(user), user_roles::role.eq(COADMIN)))
        .on_conflict_do_nothing()
        .execute(&mut conn)
        .await?;
    Ok(())
}

pub async fn unmake_coadmin(mut conn: &Conn, user: &str) -> Result<(), StoreError> {
    diesel::delete(user_roles::table.find((user, COADMIN))).execute(&mut conn).await?;
    Ok(())
}
