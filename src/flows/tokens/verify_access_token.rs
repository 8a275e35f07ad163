//! What a bearer token stands for, now.
//!
//! Opaque tokens are rows; a JWT's signature only says that we made it, and its row whether it still
//! counts. A JWT that an application got for itself has a row only once it is revoked.
use super::jwt::{self, CLIENT_CREDENTIALS, jti_hash};
use crate::authentication::check_own;
use crate::crypto::{hash, jws};
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::protocol::Channel;
use crate::domain::scope::Scopes;
use crate::domain::times::Times;
use crate::domain::user::{TokenSubject, User, UserKind};
use crate::domain::{ClientId, SessionId, Timestamp, UserId};
use crate::flows::Context;
use crate::flows::impersonation::end_impersonation::decide_again;
use crate::impersonation::Impersonation;
use crate::store::impersonations::acting::{self, Acted, ActingKey};
use crate::store::tokens::access_tokens::{self, AccessRecord};
use crate::store::{self, Conn, Moment, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The longest token that is looked at.
const LONGEST: usize = jws::MAX_TOKEN;

/// A token that counts at `now`, with everybody it speaks for. `U` is how much is known of the user.
#[derive(Debug, Clone)]
pub struct LiveToken<U = User> {
    pub client: Arc<Client>,
    /// None: the application speaks for itself.
    pub user: Option<U>,
    pub impersonation: Option<Impersonation>,
    pub scope: Scopes,
    /// None: for this server's own API.
    pub audience: Option<String>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub authenticated_at: Option<Timestamp>,
    pub session: Option<SessionId>,
    /// The only user who may act with it, if it names one.
    pub may_act: Option<String>,
    /// `jti` of a JWT, the hash of an opaque token: no secret.
    pub id: String,
    /// By which its row is found, if it has one.
    pub hash: Vec<u8>,
    /// When it was looked up.
    pub at: Moment,
}

/// What the signature of a JWT vouches for.
struct SignedToken {
    jti: String,
    client: ClientId,
    times: Times,
    scope: Scopes,
    audience: Option<String>,
    may_act: Option<String>,
    by_client_credentials: bool,
}

/// Never a stale yes: everything but the application is read from the database, and an outage is an
/// accident, not a no.
pub async fn verify(
    ctx: &Context,
    conn: &Conn,
    token: &str,
    caller: &Caller,
) -> Result<Option<LiveToken<TokenSubject>>, StoreError> {
    if token.len() > LONGEST {
        return Ok(None);
    }
    if !token.contains('.') {
        let token_hash = hash::hash_secret(token);
        let Some((record, at)) = access_tokens::find(conn, &token_hash).await? else {
            return Ok(None);
        };
        let id = URL_SAFE_NO_PAD.encode(&token_hash);
        return judge((ctx, conn, caller), record, (id, token_hash, at)).await;
    }
    let Some(signed) = read(ctx, token)? else { return Ok(None) };
    let token_hash = jti_hash(&signed.jti);
    match access_tokens::find(conn, &token_hash).await? {
        Some((record, at)) if in_time(&signed, at.now) => {
            let live = judge((ctx, conn, caller), record, (signed.jti, token_hash, at)).await?;
            Ok(live.map(|live| LiveToken { may_act: signed.may_act, ..live }))
        }
        None if signed.by_client_credentials => unstored(ctx, conn, signed).await,
        Some(_) | None => Ok(None),
    }
}

/// The same for a bearer that names somebody, with the row of an earlier call as them.
pub(in crate::flows) async fn verify_acting(
    ctx: &Context,
    conn: &Conn,
    (token, channel, subject): (&str, Channel, &UserId),
    caller: &Caller,
) -> Result<Option<(LiveToken<TokenSubject>, Option<Acted>)>, StoreError> {
    if token.contains('.') || token.len() > LONGEST {
        let live = verify(ctx, conn, token, caller).await?;
        let Some(live) = live else { return Ok(None) };
        let key = ActingKey { channel, bearer_hash: &live.hash, subject };
        let acted = acting::find(conn, key).await?;
        return Ok(Some((live, acted)));
    }
    let token_hash = hash::hash_secret(token);
    let key = ActingKey { channel, bearer_hash: &token_hash, subject };
    let Some((record, at, acted)) = access_tokens::find_acting(conn, key).await? else {
        return Ok(None);
    };
    let id = URL_SAFE_NO_PAD.encode(&token_hash);
    let live = judge((ctx, conn, caller), record, (id, token_hash, at)).await?;
    Ok(live.map(|live| (live, acted)))
}

/// The same, for a caller that has no connection and decides by what the user may do.
pub async fn live_token_of(
    ctx: &Context,
    token: &str,
    caller: &Caller,
) -> Result<Option<LiveToken>, StoreError> {
    let conn = ctx.store.conn().await?;
    match verify(ctx, &conn, token, caller).await? {
        Some(live) => live.with_person(&conn).await,
        None => Ok(None),
    }
}

impl LiveToken<TokenSubject> {
    /// With the user as the rules look at one. `None`: there is no such active user any more.
    pub(in crate::flows) async fn with_person(
        self,
        conn: &Conn,
    ) -> Result<Option<LiveToken>, StoreError> {
        let user = match &self.user {
            None => None,
            Some(holder) => match store::directory::users::find(conn, &holder.id).await? {
                Some(user) if user.is_active() => Some(user),
                Some(_) | None => return Ok(None),
            },
        };
        Ok(Some(self.with_user(user)))
    }
}

impl<U> LiveToken<U> {
    /// Whether it was minted for an API of ours, under each of the names that clients give it.
    pub fn is_for(&self, issuer: &str) -> bool {
        self.audience.as_deref().is_none_or(|audience| {
            let rest = audience.strip_prefix(issuer);
            rest.is_some_and(|rest| matches!(rest, "" | "/" | "/api/v2" | "/api/v2/"))
        })
    }

    pub(in crate::flows) fn with_user<V>(self, user: Option<V>) -> LiveToken<V> {
        LiveToken {
            client: self.client,
            user,
            impersonation: self.impersonation,
            scope: self.scope,
            audience: self.audience,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            authenticated_at: self.authenticated_at,
            session: self.session,
            may_act: self.may_act,
            id: self.id,
            hash: self.hash,
            at: self.at,
        }
    }
}

fn in_time(signed: &SignedToken, now: Timestamp) -> bool {
    signed.times.check(now.timestamp()).is_ok() && signed.times.exp > now.timestamp()
}

async fn judge(
    (ctx, conn, caller): (&Context, &Conn, &Caller),
    record: AccessRecord,
    (id, hash, at): (String, Vec<u8>, Moment),
) -> Result<Option<LiveToken<TokenSubject>>, StoreError> {
    if record.ended || at.now >= record.expires_at {
        return Ok(None);
    }
    // First, because a no ends the impersonation, whatever else is wrong.
    let impersonation = match &record.impersonation {
        None => None,
        Some(id) => match decide_again(ctx, conn, id, caller).await? {
            Some(granted) => Some(granted),
            None => return Ok(None),
        },
    };
    if record.inactive {
        return Ok(None);
    }
    let Some(client) = ctx.clients.find(conn, &record.client).await? else { return Ok(None) };
    if !client.is_active() {
        return Ok(None);
    }
    // An application of one organization is for its people alone, also once it has been given to another one.
    let home = client.organization.as_ref().map(|organization| &organization.id);
    let outside = |user: &TokenSubject| {
        user.kind == UserKind::Person && home.is_some() && home != user.organization.as_ref()
    };
    if impersonation.is_none() && record.user.as_ref().is_some_and(outside) {
        return Ok(None);
    }
    // A user without a login is let in by nobody but the application whose own they are.
    let app_user =
        record.user.as_ref().filter(|user| user.owner.is_some() && impersonation.is_none());
    let stranger = |user: &TokenSubject| {
        let whose = (user.kind, user.owner.as_ref());
        check_own(whose, user.organization.as_ref(), &client).is_err()
    };
    if app_user.is_some_and(stranger) {
        return Ok(None);
    }
    Ok(Some(LiveToken {
        client,
        user: record.user,
        impersonation,
        scope: record.scope,
        audience: record.audience,
        issued_at: record.issued_at,
        expires_at: record.expires_at,
        authenticated_at: record.authenticated_at,
        session: record.session,
        may_act: None,
        id,
        hash,
        at,
    }))
}

async fn unstored(
    ctx: &Context,
    conn: &Conn,
    signed: SignedToken,
) -> Result<Option<LiveToken<TokenSubject>>, StoreError> {
    let moment = |seconds| Timestamp::from_timestamp(seconds, 0);
    let (Some(expires_at), Some(issued_at)) =
        (moment(signed.times.exp), signed.times.iat.and_then(moment))
    else {
        return Ok(None);
    };
    let made_at = jwt::made_at(&signed.jti).unwrap_or(issued_at);
    let (counts, now) = access_tokens::standing_of_client(conn, &signed.client, made_at).await?;
    if !counts || !in_time(&signed, now) {
        return Ok(None);
    }
    let Some(client) = ctx.clients.find(conn, &signed.client).await? else { return Ok(None) };
    Ok(client.is_active().then_some(LiveToken {
        client,
        user: None,
        impersonation: None,
        scope: signed.scope,
        audience: signed.audience,
        issued_at,
        expires_at,
        authenticated_at: None,
        session: None,
        may_act: signed.may_act,
        hash: jti_hash(&signed.jti),
        id: signed.jti,
        at: Moment { now, directory: None },
    }))
}

/// A JWT access token of ours ([RFC 9068 §4]); the times are judged later.
///
/// [RFC 9068 §4]: https://www.rfc-editor.org/rfc/rfc9068#section-4
fn read(ctx: &Context, token: &str) -> Result<Option<SignedToken>, StoreError> {
    let ring = ctx.shared.keys.ring()?;
    let claims = jws::verify(token, &["at+jwt"], ring.verifiers()).ok();
    Ok(claims.and_then(|claims| parse_claims(ctx, &claims)))
}

fn parse_claims(ctx: &Context, claims: &Map<String, Value>) -> Option<SignedToken> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(ctx.issuer()) {
        return None;
    }
    Some(SignedToken {
        jti: text("jti")?.to_owned(),
        client: ClientId::parse(text("client_id")?).ok()?,
        times: Times::read(claims).ok()?,
        scope: Scopes::parse_stored(text("scope").unwrap_or_default()).ok()?,
        // One without is for nobody, and not for us (RFC 9068 §4).
        audience: Some(audience(claims)?),
        may_act: may_act(claims),
        by_client_credentials: text("gty") == Some(CLIENT_CREDENTIALS),
    })
}

fn audience(claims: &Map<String, Value>) -> Option<String> {
    match claims.get("aud") {
        Some(Value::String(one)) => Some(one.clone()),
        Some(Value::Array(several)) => several.first().and_then(Value::as_str).map(str::to_owned),
        Some(_) | None => None,
    }
}

/// Who alone may act with it ([RFC 8693 §4.4]); somebody who cannot be read is nobody.
///
/// [RFC 8693 §4.4]: https://www.rfc-editor.org/rfc/rfc8693#section-4.4
fn may_act(claims: &Map<String, Value>) -> Option<String> {
    let named = claims.get("may_act")?;
    Some(named.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// What has to be known of a JWT to revoke it.
pub(in crate::flows) struct Revocable {
    pub(in crate::flows) jti: String,
    pub(in crate::flows) expires_at: Timestamp,
    pub(in crate::flows) by_client_credentials: bool,
}

/// A JWT that `client` was given.
pub(in crate::flows) fn signed(
    ctx: &Context,
    token: &str,
    client: &ClientId,
) -> Result<Option<Revocable>, StoreError> {
    let signed = read(ctx, token)?.filter(|signed| signed.client == *client);
    Ok(signed.and_then(|signed| {
        let expires_at = Timestamp::from_timestamp(signed.times.exp, 0)?;
        Some(Revocable {
            jti: signed.jti,
            expires_at,
            by_client_credentials: signed.by_client_credentials,
        })
    }))
}
