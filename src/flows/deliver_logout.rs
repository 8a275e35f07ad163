//! Applications hear that a session is over ([OpenID Connect Back-Channel Logout]).
//!
//! Nobody waits for them: what is to be told is a row, written with the end itself, and comes round again
//! when an application does not answer.
//!
//! [OpenID Connect Back-Channel Logout]: https://openid.net/specs/openid-connect-backchannel-1_0.html
mod outbound;

use super::Context;
use super::issue_tokens::{sign, signer};
use crate::crypto::random;
use crate::domain::client::Client;
use crate::impersonation::marks;
use crate::store::logout_deliveries::{self as deliveries, Due};
use crate::store::{self, Conn, StoreError};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

/// Sent at the same time; more wait for the next round.
const AT_ONCE: i64 = 20;
/// Seconds that a logout token is good for.
const LIFETIME: i64 = 120;
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Sends what is due; how many applications have heard.
pub async fn deliver_due(ctx: &Context) -> Result<usize, StoreError> {
    let conn = ctx.store.conn().await?;
    let due = deliveries::claim(&conn, AT_ONCE).await?;
    let mut letters = Vec::with_capacity(due.len());
    for one in due {
        letters.push((one.id, prepare(ctx, &conn, &one).await?));
    }
    // Not held while other people's servers take their time.
    drop(conn);
    let sent = join_all(letters.iter().map(|(id, letter)| async move {
        let outcome = match letter {
            Some((url, token)) => outbound::post(ctx, url, token).await,
            None => Err("the application is gone".to_owned()),
        };
        (*id, outcome)
    }));
    let mut heard = 0;
    for (id, outcome) in sent.await {
        let conn = ctx.store.conn().await?;
        match outcome {
            Ok(()) => {
                deliveries::delivered(&conn, id).await?;
                heard += 1;
            }
            Err(problem) => deliveries::failed(&conn, id, &problem).await?,
        }
    }
    Ok(heard)
}

/// Where to, and the token; `None` when there is nobody to tell any more.
async fn prepare(
    ctx: &Context,
    conn: &Conn,
    due: &Due,
) -> Result<Option<(String, String)>, StoreError> {
    let Some(client) = ctx.clients.find(conn, &due.client).await? else { return Ok(None) };
    let url = client.backchannel_logout_uri.clone().filter(|_| client.is_active());
    let Some(url) = url else { return Ok(None) };
    let mut claims = claims(ctx.issuer(), &client, due);
    if let Some(id) = &due.impersonation
        && let Some(record) = store::impersonations::find(conn, id).await?
        && let Some(ends_at) = record.ends_at
        && let Some(actor) = store::users::find(conn, &record.actor).await?
    {
        marks::write_ended(&mut claims, &actor, (&record.id, record.mode, ends_at), ctx.issuer());
    }
    let key = signer(ctx, client.id_token_algorithm)?;
    Ok(Some((url, sign(&key, "logout+jwt", &claims)?)))
}

/// §2.4. Never a `nonce`, so that it is never taken for an ID token.
fn claims(issuer: &str, client: &Client, due: &Due) -> Map<String, Value> {
    let now = due.now.timestamp();
    let mut claims = Map::new();
    claims.insert("iss".into(), issuer.into());
    claims.insert("aud".into(), client.id.as_str().into());
    claims.insert("iat".into(), now.into());
    claims.insert("exp".into(), (now + LIFETIME).into());
    claims.insert("jti".into(), random::secret().into());
    claims.insert("sub".into(), due.user.as_str().into());
    claims.insert("sid".into(), due.session.as_str().into());
    claims.insert("events".into(), json!({ EVENT: {} }));
    claims
}
