//! A token is given back ([RFC 7009]).
//!
//! [RFC 7009]: https://www.rfc-editor.org/rfc/rfc7009
use super::authenticate_client::AuthenticatedClient;
use super::jwt::jti_hash;
use super::verify_access_token;
use crate::crypto::hash;
use crate::domain::ClientId;
use crate::domain::caller::Caller;
use crate::domain::protocol::{Channel, EndReason};
use crate::flows::Context;
use crate::flows::impersonation::end_impersonation::{self, EndedBy};
use crate::store::{self, Conn, StoreError};

/// Whatever kind of token it is. An unknown one is revoked already, and of another application's nothing
/// is said and nothing done (§2.2).
pub async fn revoke(
    ctx: &Context,
    client: &AuthenticatedClient,
    token: &str,
    caller: &Caller,
) -> Result<(), StoreError> {
    let client = &client.client().id;
    let conn = ctx.store.conn().await?;
    let token_hash = hash::hash_secret(token);
    if let Some(grant) = store::tokens::refresh_tokens::grant_of(&conn, &token_hash, client).await?
    {
        // The whole sign-in ends with its refresh token (§2.1).
        return store::tokens::authorization_codes::revoke(&conn, &grant).await;
    }
    if !token.contains('.') {
        if store::tokens::access_tokens::revoke(&conn, &token_hash, client).await? {
            end_with(&conn, &token_hash, client, caller).await?;
        }
        return Ok(());
    }
    let Some(signed) = verify_access_token::signed(ctx, token, client)? else { return Ok(()) };
    let token_hash = jti_hash(&signed.jti);
    let stored = store::tokens::access_tokens::revoke(&conn, &token_hash, client).await?;
    if !stored && signed.by_client_credentials {
        store::tokens::access_tokens::insert_revoked(&conn, &token_hash, client, signed.expires_at)
            .await?;
    }
    Ok(())
}

/// An impersonation that was begun for a token, and for nothing else, is over with it.
async fn end_with(
    conn: &Conn,
    token_hash: &[u8],
    client: &ClientId,
    caller: &Caller,
) -> Result<(), StoreError> {
    let Some(id) = store::tokens::access_tokens::impersonation_of(conn, token_hash, client).await?
    else {
        return Ok(());
    };
    let Some(record) = store::impersonations::find(conn, &id).await? else { return Ok(()) };
    if record.channel == Channel::JwtGrant {
        let by = EndedBy { actor: Some(client.as_str()), reason: EndReason::StoppedByActor };
        end_impersonation::end(conn, &record, by, caller).await?;
    }
    Ok(())
}
