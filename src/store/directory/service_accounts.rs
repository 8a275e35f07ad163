//! Service accounts: the `users` of applications, one in each organization that has authorized them.
use crate::domain::permission::APP_SERVICE;
use crate::store::{Conn, StoreError};
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

/// An authorized application without an account.
#[derive(diesel::QueryableByName)]
pub struct MissingAccount {
    #[diesel(sql_type = Text)]
    pub client: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub organization: String,
}

pub async fn list_missing(mut conn: &Conn) -> Result<Vec<MissingAccount>, StoreError> {
    let text = "SELECT c.id AS client, c.name, organization FROM clients c, \
         jsonb_array_elements_text(coalesce(c.box -> 'authorized_in', '[]')) AS organization \
         WHERE NOT EXISTS (SELECT FROM users u WHERE u.kind = 'service_account' \
         AND u.created_by_client_id = c.id AND u.organization_id = organization) ORDER BY 1, 3";
    Ok(diesel::sql_query(text).load(&mut conn).await?)
}

pub struct NewAccount<'a> {
    pub id: &'a str,
    pub missing: &'a MissingAccount,
    pub login: &'a str,
    pub canonical_login: &'a str,
}

/// Inserts the account with the built-in role for managing users.
pub async fn insert(mut conn: &Conn, account: &NewAccount<'_>) -> Result<(), StoreError> {
    let text = "WITH account AS (INSERT INTO users (id, organization_id, kind, email, \
         email_canonical, name, created_by_client_id) \
         VALUES ($1, $2, 'service_account', $3, $4, $5, $6) RETURNING id) \
         INSERT INTO user_roles (user_id, role) SELECT id, $7 FROM account";
    diesel::sql_query(text)
        .bind::<Text, _>(account.id)
        .bind::<Text, _>(&account.missing.organization)
        .bind::<Text, _>(account.login)
        .bind::<Text, _>(account.canonical_login)
        .bind::<Text, _>(&account.missing.name)
        .bind::<Text, _>(&account.missing.client)
        .bind::<Text, _>(APP_SERVICE)
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// An account whose status was corrected to match the authorization.
#[derive(diesel::QueryableByName)]
pub struct Settled {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Text)]
    pub status: String,
    #[diesel(sql_type = Text)]
    pub client: String,
    #[diesel(sql_type = Text)]
    pub organization: String,
}

pub async fn settle(mut conn: &Conn) -> Result<Vec<Settled>, StoreError> {
    let text = "UPDATE users u SET status = wanted.status, updated_at = clock_now() \
         FROM (SELECT a.id, CASE WHEN coalesce(jsonb_exists(c.box -> 'authorized_in', \
         a.organization_id), false) THEN 'active' ELSE 'inactive' END AS status \
         FROM users a JOIN clients c ON c.id = a.created_by_client_id \
         WHERE a.kind = 'service_account') wanted \
         WHERE u.id = wanted.id AND u.status <> wanted.status RETURNING u.id, u.status, \
         u.created_by_client_id AS client, coalesce(u.organization_id, '') AS organization";
    Ok(diesel::sql_query(text).load(&mut conn).await?)
}

/// Deletes the service accounts of an organization that is being deleted.
pub async fn delete_in(mut conn: &Conn, organization: &str) -> Result<(), StoreError> {
    let text = "DELETE FROM users WHERE kind = 'service_account' AND organization_id = $1 \
         AND created_by_client_id IS NOT NULL";
    diesel::sql_query(text).bind::<Text, _>(organization).execute(&mut conn).await?;
    Ok(())
}
