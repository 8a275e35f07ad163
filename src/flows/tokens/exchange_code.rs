//! A code becomes tokens, once ([RFC 6749 §4.1.3], [RFC 7636 §4.6]).
//!
//! [RFC 6749 §4.1.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
//! [RFC 7636 §4.6]: https://www.rfc-editor.org/rfc/rfc7636#section-4.6
use super::authenticate_client::AuthenticatedClient;
use super::issue_tokens::{self, IssuedTokens, Mint};
use super::refresh_tokens;
use super::refusal::GrantRefusal;
use crate::audit::{Event, EventKind};
use crate::authentication::remembered;
use crate::crypto::hash;
use crate::domain::caller::Caller;
use crate::domain::client::GrantType;
use crate::domain::scope::OFFLINE_ACCESS;
use crate::flows::impersonation::end_impersonation::decide_again;
use crate::flows::login::authorize::serves;
use crate::flows::{Context, Failure};
use crate::impersonation::Impersonation;
use crate::login::Principal;
use crate::store::tokens::{
    authorization_codes as codes,
    authorization_codes::{CodeGrant, NewTokens},
};
use crate::store::{Conn, StoreError};

/// What the application brings with its code.
pub struct Exchange {
    pub code: String,
    pub redirect_uri: Option<String>,
    pub code_verifier: Option<String>,
}

const INVALID: Failure<GrantRefusal> = Failure::Refused(GrantRefusal::Invalid);

pub async fn exchange_code(
    ctx: &Context,
    client: &AuthenticatedClient,
    exchange: &Exchange,
    caller: &Caller,
) -> Result<IssuedTokens, Failure<GrantRefusal>> {
    let client = client.client();
    if !client.may_use(GrantType::AuthorizationCode) {
        return Err(Failure::Refused(GrantRefusal::NotAllowed));
    }
    let conn = ctx.store.conn().await?;
    let code_hash = hash::hash_secret(&exchange.code);
    let Some(grant) = codes::find(&conn, &code_hash).await? else { return Err(INVALID) };
    if grant.client != client.id {
        return Err(INVALID);
    }
    if grant.redeemed {
        return replayed(&conn, &grant).await;
    }
    if grant.ended || grant.now >= grant.expires_at {
        return Err(INVALID);
    }
    if !belongs(&grant, exchange) {
        codes::revoke(&conn, &grant.id).await?;
        return Err(INVALID);
    }
    // Of an impersonation the decision says so.
    if grant.impersonation.is_none() && !serves(client, &grant.user) {
        return Err(INVALID);
    }
    let principal = principal(ctx, &conn, &grant, caller).await?.ok_or(INVALID)?;
    let audience = issue_tokens::audience(ctx.issuer(), client, grant.audience.as_deref())
        .map_err(|_| Failure::Refused(GrantRefusal::Audience))?;
    let mint = Mint {
        client,
        principal: &principal,
        session: Some(&grant.session),
        scope: &grant.scope,
        nonce: grant.nonce.as_deref(),
        audience,
        now: grant.now,
    };
    redeem(ctx, &conn, &code_hash, &mint, caller).await?.ok_or(INVALID)
}

/// Somebody else has the code too, so nobody keeps what came of it (RFC 6749 §4.1.2).
async fn replayed<T>(conn: &Conn, grant: &CodeGrant) -> Result<T, Failure<GrantRefusal>> {
    codes::revoke(conn, &grant.id).await?;
    Err(INVALID)
}

/// The code is brought by whom it was made for: the same redirect URI, and the verifier of the challenge.
/// A verifier where no challenge was is a challenge that somebody took away ([RFC 9700 §4.8.2]).
///
/// [RFC 9700 §4.8.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.8.2
fn belongs(grant: &CodeGrant, exchange: &Exchange) -> bool {
    let same_place = exchange.redirect_uri.as_deref() == Some(grant.redirect_uri.as_str());
    let same_client = match (&grant.code_challenge, &exchange.code_verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let derived = hash::pkce_s256(verifier);
            well_formed(verifier)
                && hash::constant_time_eq(derived.as_bytes(), challenge.as_bytes())
        }
        (Some(_), None) | (None, Some(_)) => false,
    };
    same_place && same_client
}

/// RFC 7636 §4.1.
fn well_formed(verifier: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved)
}

/// Whom the grant is about, judged again now; `None` when they may not go on.
async fn principal(
    ctx: &Context,
    conn: &Conn,
    grant: &CodeGrant,
    caller: &Caller,
) -> Result<Option<Principal>, StoreError> {
    if let Some(id) = &grant.impersonation {
        return Ok(decide_again(ctx, conn, id, caller).await?.map(Principal::from));
    }
    let own = remembered(grant.user.clone(), grant.authenticated_at);
    Ok(own.ok().map(Principal::from))
}

/// `None`: somebody else was faster.
async fn redeem(
    ctx: &Context,
    conn: &Conn,
    code_hash: &[u8],
    mint: &Mint<'_>,
    caller: &Caller,
) -> Result<Option<IssuedTokens>, StoreError> {
    let drawn = issue_tokens::draw(mint);
    let scope = mint.scope.to_string();
    let by = mint.principal.impersonation();
    let offline = by.is_none()
        && mint.scope.contains(OFFLINE_ACCESS)
        && mint.client.may_use(GrantType::RefreshToken);
    let refresh = offline.then(|| refresh_tokens::first(mint.now));
    let tokens = NewTokens {
        access_hash: &drawn.access_hash,
        scope: &scope,
        audience: mint.audience,
        now: mint.now,
        expires_at: drawn.expires_at,
        refresh: refresh.as_ref().map(|refresh| refresh.stored(&scope)),
    };
    let won = match by {
        None => codes::redeem(conn, code_hash, &tokens).await?,
        Some(by) => {
            codes::redeem_impersonated(conn, code_hash, &tokens, &event(by, mint, caller)).await?
        }
    };
    if won {
        issue_tokens::finish(ctx, mint, drawn, refresh.map(|refresh| refresh.secret)).map(Some)
    } else {
        lost(conn, code_hash).await?;
        Ok(None)
    }
}

fn event(by: &Impersonation, mint: &Mint<'_>, caller: &Caller) -> Event {
    let event = Event::under(EventKind::TokenIssued, by, caller);
    event.with("scope", mint.scope.to_string()).with("audience", mint.audience)
}

/// Two at the same time are a replay as well: the tokens of the faster one go too.
async fn lost(conn: &Conn, code_hash: &[u8]) -> Result<(), StoreError> {
    match codes::find(conn, code_hash).await? {
        Some(grant) if grant.redeemed => codes::revoke(conn, &grant.id).await,
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn c17_a_verifier_has_43_to_128_unreserved_characters() {
        assert!(well_formed(&"a".repeat(43)) && well_formed(&"-._~".repeat(32)));
        for bad in
            ["a".repeat(42), "a".repeat(129), String::new(), "ü".repeat(43), "a b".repeat(20)]
        {
            assert!(!well_formed(&bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn c17_no_verifier_makes_it_fall_over(text in ".{0,200}") {
            let _ = well_formed(&text);
        }
    }
}
