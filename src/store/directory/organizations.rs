//! `organizations`: rows, list, members and counts.
use crate::domain::Timestamp;
use crate::store::schema::{clock_now, organizations};
use crate::store::{Conn, StoreError};
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Int4, Text, Timestamptz};
use diesel_async::RunQueryDsl;

/// A row; the caller has validated the values.
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

/// Those of `ids` that exist.
pub async fn list_named(
    mut conn: &Conn,
    ids: &[String],
) -> Result<Vec<OrganizationRecord>, StoreError> {
    Ok(organizations::table
        .filter(organizations::id.eq_any(ids))
        .select(OrganizationRecord::as_select())
        .load(&mut conn)
        .await?)
}

/// Inserts or updates the organization.
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

/// A filter; sorted by name, then by id.
#[derive(Debug, Clone, Default)]
pub struct OrganizationSearch {
    /// Literal part of name or id, case-insensitive.
    pub text: String,
    pub status: Option<String>,
    /// Only this one.
    pub only: Option<String>,
    /// The id of the last one of the page before.
    pub after: Option<String>,
    pub limit: i64,
}

/// A row of the list.
#[derive(Debug, Clone, QueryableByName)]
pub struct ListedOrganization {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Bool)]
    pub active: bool,
    #[diesel(sql_type = Bool)]
    pub impersonation_enabled: bool,
}

pub async fn search(
    mut conn: &Conn,
    search: &OrganizationSearch,
) -> Result<Vec<ListedOrganization>, StoreError> {
    let mut query = diesel::sql_query(
        "SELECT id, name, status = 'active' AS active, impersonation_enabled FROM organizations o WHERE true",
    )
    .into_boxed::<Pg>();
    let mut parameters = 0;
    let mut next = || {
        parameters += 1;
        format!("${parameters}")
    };
    for word in search.text.split_whitespace().take(6) {
        let (name, id) = (next(), next());
        let text = format!(
            " AND (position(lower({name}) IN lower(name)) > 0 OR position(lower({id}) IN lower(id COLLATE \"default\")) > 0)"
        );
        query = query.sql(text).bind::<Text, _>(word.to_owned()).bind::<Text, _>(word.to_owned());
    }
    if let Some(status) = &search.status {
        query = query.sql(format!(" AND status = {}", next())).bind::<Text, _>(status.clone());
    }
    if let Some(only) = &search.only {
        query = query.sql(format!(" AND id = {}", next())).bind::<Text, _>(only.clone());
    }
    if let Some(after) = &search.after {
        let text = format!(
            " AND (lower(name) COLLATE \"C\", id) > (SELECT lower(name) COLLATE \"C\", id FROM organizations WHERE id = {})",
            next()
        );
        query = query.sql(text).bind::<Text, _>(after.clone());
    }
    let text = format!(" ORDER BY lower(name) COLLATE \"C\", id LIMIT {}", next());
    Ok(query.sql(text).bind::<BigInt, _>(search.limit).load(&mut conn).await?)
}

pub async fn find(mut conn: &Conn, id: &str) -> Result<Option<OrganizationRecord>, StoreError> {
    let found = organizations::table.find(id).select(OrganizationRecord::as_select());
    Ok(found.first(&mut conn).await.optional()?)
}

/// The ids among `ids` that exist.
pub async fn existing(mut conn: &Conn, ids: &[String]) -> Result<Vec<String>, StoreError> {
    let there = organizations::table.filter(organizations::id.eq_any(ids));
    Ok(there.select(organizations::id).load(&mut conn).await?)
}

/// As [`find`], and locks the row against changes and new members until the transaction ends.
pub async fn find_and_lock(
    mut conn: &Conn,
    id: &str,
) -> Result<Option<OrganizationRecord>, StoreError> {
    let row = organizations::table.find(id).select(organizations::id).for_update();
    let locked: Option<String> = row.first(&mut conn).await.optional()?;
    if locked.is_none() { Ok(None) } else { find(conn, id).await }
}

/// Inserts an organization; fails when the id exists.
pub async fn insert(mut conn: &Conn, record: &OrganizationRecord) -> Result<(), StoreError> {
    diesel::insert_into(organizations::table).values(record).execute(&mut conn).await?;
    Ok(())
}

/// Counts of its content, each at most `limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct OrganizationContents {
    /// Without the service accounts that follow from what applications are authorized for.
    #[diesel(sql_type = Int4)]
    pub users: i32,
    #[diesel(sql_type = Int4)]
    pub applications: i32,
}

pub async fn count_inside(
    mut conn: &Conn,
    id: &str,
    limit: i64,
) -> Result<OrganizationContents, StoreError> {
    let text = "SELECT (SELECT count(*) FROM (SELECT FROM users WHERE organization_id = $1 \
         AND NOT (kind = 'service_account' AND created_by_client_id IS NOT NULL) LIMIT $2) u)::int AS users, \
         (SELECT count(*) FROM (SELECT FROM clients WHERE organization_id = $1 LIMIT $2) c)::int AS applications";
    let counted = diesel::sql_query(text).bind::<Text, _>(id).bind::<BigInt, _>(limit);
    Ok(counted.get_result(&mut conn).await?)
}

/// Counts users with a live own session, at most `limit`.
pub async fn count_signed_in(
    mut conn: &Conn,
    id: &str,
    (now, seen_since): (Timestamp, Timestamp),
    limit: i64,
) -> Result<i32, StoreError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = Int4)]
        people: i32,
    }
    let text = "SELECT count(*)::int AS people FROM (SELECT DISTINCT s.user_id FROM sessions s \
         JOIN users u ON u.id = s.user_id WHERE u.organization_id = $1 AND s.impersonation_id IS NULL \
         AND s.ended_at IS NULL AND s.expires_at > $2 AND s.last_seen_at > $3 \
         AND least(s.created_at, s.authenticated_at) > coalesce(user_not_before(u.id), '-infinity') LIMIT $4) x";
    let counted = diesel::sql_query(text)
        .bind::<Text, _>(id)
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(seen_since)
        .bind::<BigInt, _>(limit);
    let counted: Counted = counted.get_result(&mut conn).await?;
    Ok(counted.people)
}

/// An application of an organization.
#[derive(Debug, Clone, QueryableByName)]
pub struct AuthorizedApplication {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Bool)]
    pub active: bool,
}

pub async fn applications(
    mut conn: &Conn,
    id: &str,
    limit: i64,
) -> Result<Vec<AuthorizedApplication>, StoreError> {
    let text = "SELECT id, name, status = 'active' AS active FROM clients WHERE organization_id = $1 \
         ORDER BY lower(name), id LIMIT $2";
    Ok(diesel::sql_query(text).bind::<Text, _>(id).bind::<BigInt, _>(limit).load(&mut conn).await?)
}
