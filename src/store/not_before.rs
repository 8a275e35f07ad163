//! What was handed out before a moment and is dead: rows of `vetoes` that do not vanish when what they are about is
//! switched on again.
//!
//! They cost nothing where nothing of the kind was done: the statement that finds a token reads `vetoes` anyway, and
//! those of people are remembered with the person. Impersonations end by themselves, one by one, with their events.
use super::statement::{Statement, Value};
use super::{Conn, StoreError};
use diesel_async::RunQueryDsl;

/// Whose sessions, codes and tokens are dead that were made until now.
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
    fn row(self) -> (&'a str, &'static str) {
        match self {
            Self::Client(id) => (id, "client_not_before"),
            Self::Organization(id) => (id, "organization_not_before"),
            Self::User(id) => (id, "user_not_before"),
            Self::Everybody => ("*", "everybody_not_before"),
        }
    }
}

/// From this commit on. Two in one moment are one.
pub async fn put(mut conn: &Conn, whose: NotBefore<'_>) -> Result<(), StoreError> {
    struct Put;
    const TEXT: &str = "INSERT INTO vetoes (id, kind) VALUES (?, ?) \
         ON CONFLICT (id, kind) DO UPDATE SET since = greatest(vetoes.since, excluded.since)";
    let (id, kind) = whose.row();
    let values = [Value::Text(id), Value::Text(kind)];
    Statement::<Put, ()>::new(TEXT, &values).execute(&mut conn).await?;
    match whose {
        NotBefore::Client(_) => Ok(()),
        NotBefore::Organization(id) => {
            put_for_clients_of(conn, id).await?;
            renew_directory(conn).await
        }
        NotBefore::User(_) | NotBefore::Everybody => renew_directory(conn).await,
    }
}

async fn put_for_clients_of(mut conn: &Conn, organization: &str) -> Result<(), StoreError> {
    struct ClientsOf;
    const TEXT: &str = "INSERT INTO vetoes (id, kind) SELECT id, 'client_not_before' FROM clients \
         WHERE organization_id = ? \
         ON CONFLICT (id, kind) DO UPDATE SET since = greatest(vetoes.since, excluded.since)";
    let values = [Value::Text(organization)];
    Statement::<ClientsOf, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// What every application was given, for itself too: there are hundreds of them, not millions.
pub async fn put_for_all_clients(mut conn: &Conn) -> Result<(), StoreError> {
    struct AllClients;
    const TEXT: &str = "INSERT INTO vetoes (id, kind) SELECT id, 'client_not_before' FROM clients \
         ON CONFLICT (id, kind) DO UPDATE SET since = greatest(vetoes.since, excluded.since)";
    Statement::<AllClients, ()>::new(TEXT, &[]).execute(&mut conn).await?;
    Ok(())
}

/// What an application was given for users of its own in one organization, which lets it in no longer, or again.
pub async fn put_for_users_made_by(
    mut conn: &Conn,
    (client, organization): (&str, &str),
) -> Result<(), StoreError> {
    struct MadeBy;
    const TEXT: &str = "INSERT INTO vetoes (id, kind) SELECT id, 'user_not_before' FROM users \
         WHERE created_by_client_id = ? AND organization_id = ? \
         ON CONFLICT (id, kind) DO UPDATE SET since = greatest(vetoes.since, excluded.since)";
    let values = [Value::Text(client), Value::Text(organization)];
    Statement::<MadeBy, ()>::new(TEXT, &values).execute(&mut conn).await?;
    renew_directory(conn).await
}

/// People are remembered with these moments, so a new one makes a new version of the directory.
async fn renew_directory(mut conn: &Conn) -> Result<(), StoreError> {
    struct Renew;
    const TEXT: &str = "UPDATE directory_version \
         SET version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint), \
         xact = pg_current_xact_id() WHERE xact <> pg_current_xact_id()";
    Statement::<Renew, ()>::new(TEXT, &[]).execute(&mut conn).await?;
    Ok(())
}
