//! The one-time ticket behind a link.
//!
//! A ticket moves forward only: issued → redeemed, expired or revoked. Its secret is never here: the
//! store keeps a hash of it, and redeems it in one guarded statement.
use crate::domain::Timestamp;
use crate::domain::protocol::Redeem;
use chrono::Duration;

/// Seconds a link may wait to be opened.
pub const DEFAULT_TTL: i64 = 120;
pub const MIN_TTL: i64 = 10;
pub const MAX_TTL: i64 = 300;
/// A `direct` link proves no actor, so it lives no longer than this.
pub const MAX_DIRECT_TTL: i64 = 60;
/// Links of one actor that may wait at the same time; the oldest is revoked for the next.
pub const MAX_WAITING: i64 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`ttl` is a number of seconds from 10 to 300")]
pub struct BadTtl;

/// When a link asked for at `now` expires.
pub fn expires_at(ttl: Option<i64>, redeem: Redeem, now: Timestamp) -> Result<Timestamp, BadTtl> {
    let seconds = ttl.unwrap_or(DEFAULT_TTL);
    if !(MIN_TTL..=MAX_TTL).contains(&seconds) {
        return Err(BadTtl);
    }
    let seconds = match redeem {
        Redeem::Confirm => seconds,
        Redeem::Direct => seconds.min(MAX_DIRECT_TTL),
    };
    Ok(now + Duration::seconds(seconds))
}

/// The state of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketState {
    Waiting,
    Expired,
    Redeemed,
    Revoked,
}
