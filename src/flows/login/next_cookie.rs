//! Replaces the session cookie when the user confirms or changes the password; the form may be submitted twice.
//!
//! A browser may drop the response to the first submit, with its cookie. So the next cookie is derived from the
//! previous one: all submits get the same one, on any node. The previous cookie is recognized for some seconds,
//! only by the handlers of such forms, which ask for the password again.
use crate::audit::chain;
use crate::authentication::Session;
use crate::crypto::hash;
use crate::domain::{SessionId, Timestamp};
use crate::flows::Context;
use crate::store::sessions::browser_sessions::{FoundSession, NextCookie};
use crate::store::{self, Conn, StoreError};
use chrono::{DateTime, Duration};

/// A password takes a second to be hashed on a busy server, and a person presses twice within one.
const SUPERSEDED_TTL: Duration = Duration::seconds(30);

const PURPOSE: &str = "next session cookie";

/// A session, and the cookie by which a browser showed it.
#[derive(Clone, Copy)]
pub struct PresentedCookie<'a> {
    pub session: &'a Session,
    pub token: &'a str,
}

impl PresentedCookie<'_> {
    /// Only this server can derive the next cookie, and it does not reveal the previous one.
    pub(in crate::flows) fn next_token(&self, ctx: &Context) -> String {
        ctx.shared.forms.sign(PURPOSE, &[self.session.id.as_str(), self.token])
    }

    /// Gives the session the cookie [`Self::next_token`].
    pub(in crate::flows) async fn replace_cookie(
        &self,
        ctx: &Context,
        conn: &Conn,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let next = NextCookie {
            presented: &hash::hash_secret(self.token),
            next: &hash::hash_secret(&self.next_token(ctx)),
            superseded_until: now + SUPERSEDED_TTL,
        };
        store::sessions::browser_sessions::replace_cookie(conn, &self.session.id, &next).await
    }

    /// Whether the session has got its next cookie in the last seconds.
    pub(in crate::flows) async fn is_superseded(&self, conn: &Conn) -> Result<bool, StoreError> {
        let session = find(conn, self.token).await?;
        Ok(session.is_some_and(|session| session.id == self.session.id))
    }
}

/// The live session that had the cookie `token` until a moment ago. It counts as signed in to long ago, so nothing that
/// needs a fresh proof takes it.
pub async fn find_superseded(ctx: &Context, token: &str) -> Result<Option<Session>, StoreError> {
    find(&*ctx.store.conn().await?, token).await
}

async fn find(conn: &Conn, token: &str) -> Result<Option<Session>, StoreError> {
    let found =
        store::sessions::browser_sessions::find_superseded(conn, &hash::hash_secret(token)).await?;
    let Some((FoundSession::Own(session), now)) = found else { return Ok(None) };
    let is_live = session.resume(now).is_ok();
    Ok(is_live.then_some(Session { authenticated_at: DateTime::UNIX_EPOCH, ..*session }))
}

/// The cookie of an impersonated session, for the person who redeems the link `ticket_hash` in `session`: two presses of
/// the button are answered with the same one.
pub(in crate::flows) fn impersonated_token(
    ctx: &Context,
    ticket_hash: &[u8],
    session: &SessionId,
) -> String {
    let parts = [&*chain::hex(ticket_hash), session.as_str()];
    ctx.shared.forms.sign("impersonated session cookie", &parts)
}
