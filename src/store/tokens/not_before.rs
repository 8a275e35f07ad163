//! Times before which issued credentials are invalid: rows of `vetoes` that stay when their object is reactivated.
//!
//! They cost no query, because the statement that finds a token reads `vetoes` anyway, and those of users are
//! cached with the user. Impersonations end one by one, with their events.
use crate::store::connection::statement::{Statement, Value};
use crate::store::{Conn, StoreError};
use diesel_async::RunQueryDsl;

/// The owner of the credentials that become invalid.
#[derive(Debug, Clone, Copy)]
pub enum NotBefore<'a> {
    /// All that this application was given.
    Client(&'a str),
    /// All of the people of this organization and of its applications.
    Organization(&'a str),
    /// All of this user.
    User(&'a str),
    /// All of everybody. Tokens that an application holds for itself are no user's: see [`put_for_all_clients`].
    Everybody,
}

impl<'a> NotBefore<'a> {
    pub(in crate::store) fn row(self) -> (&'a str, &'static str) {
        match self {
            Self::Client(id) => (id, "client_not_before"),
            Self::Organization(id) => (id, "organization_not_before"),
            Self::User(id) => (id, "user_not_before"),
            Self::Everybody => ("*", "everybody_not_before"),
        }
    }
}

/// Invalidates from the commit on; two calls in one moment count as one.
pub async fn put(mut conn: &Conn, whose: NotBefore<'_>) -> Result<(), StoreError> {
    struct Put;
    const TEXT: &str = "SELECT put_not_before(?, ARRAY[?])";
    let (id, kind) = whose.row();
    let values = [Value::Text(kind), Value::Text(id)];
    Statement::<Put, ()>::new(TEXT, &values).execute(&mut conn).await?;
    match whose {
        NotBefore::Organization(id) => put_for_clients_of(conn, id).await,
        NotBefore::Client(_) | NotBefore::User(_) | NotBefore::Everybody => Ok(()),
    }
}

async fn put_for_clients_of(mut conn: &Conn, organization: &str) -> Result<(), StoreError> {
    struct ClientsOf;
    const TEXT: &str = "SELECT put_not_before('client_not_before', \
         ARRAY(SELECT id FROM clients WHERE organization_id = ?))";
    let values = [Value::Text(organization)];
    Statement::<ClientsOf, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Invalidates the tokens of all applications, their own too; there are hundreds of applications, not millions.
pub async fn put_for_all_clients(mut conn: &Conn) -> Result<(), StoreError> {
    struct AllClients;
    const TEXT: &str = "SELECT put_not_before('client_not_before', ARRAY(SELECT id FROM clients))";
    Statement::<AllClients, ()>::new(TEXT, &[]).execute(&mut conn).await?;
    Ok(())
}

/// Invalidates tokens for the application's own users in an organization that has withdrawn or renewed its
/// authorization.
pub async fn put_for_users_made_by(
    mut conn: &Conn,
    (client, organization): (&str, &str),
) -> Result<(), StoreError> {
    struct MadeBy;
    const TEXT: &str = "SELECT put_not_before('user_not_before', ARRAY(SELECT id FROM users \
         WHERE created_by_client_id = ? AND organization_id = ?))";
    let values = [Value::Text(client), Value::Text(organization)];
    Statement::<MadeBy, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}
