//! A token is good for what it was made for: scopes of our own APIs, forward-auth, introspection.
mod documented;
mod forward_auth;
mod granting;
mod introspection;
mod matrix;
mod refusals;
mod taken_away;
mod unknown_names;

use crate::support::TestServer;
use crate::support::node::until;
use std::time::{Duration, Instant};
use understudy::crypto::{hash, random};

/// Every scope of our own APIs.
const ALL: &str = "impersonations:create impersonations:read impersonations:end forward-auth";

const SEEN_AFTER: Duration = Duration::from_millis(1_100);

/// A row of `access_tokens`, whether the flows would make it or not: the edge does not rely on them. `user` is empty
/// for an application that speaks for itself.
async fn token(server: &TestServer, client: &str, user: &str, scope: &str) -> String {
    let secret = random::secret();
    let hash: String = hash::hash_secret(&secret).iter().map(|b| format!("{b:02x}")).collect();
    let (user, at) = match user {
        "" => ("NULL".to_owned(), "NULL"),
        user => (format!("'{user}'"), "clock_now()"),
    };
    let sql = format!(
        "INSERT INTO access_tokens (token_hash, client_id, user_id, scope, authenticated_at, expires_at) \
         VALUES (decode('{hash}', 'hex'), '{client}', {user}, '{scope}', {at}, clock_now() + interval '1 hour')"
    );
    server.db.sql(&sql).await;
    secret
}

/// What an application lists from now on, whatever the reader of entries would say.
async fn lists(server: &TestServer, client: &str, scopes: &str) {
    change(
        server,
        &format!(
            "UPDATE clients SET api_scopes = string_to_array('{scopes}', ' ') WHERE id = '{client}'"
        ),
    )
    .await;
}

/// Changes applications that workers may remember, which takes a second to be seen (`ClientCache`).
async fn change(server: &TestServer, sql: &str) {
    server.db.sql(sql).await;
    let since = Instant::now();
    until("nobody remembers the old row", 5, async || since.elapsed() > SEEN_AFTER).await;
}
