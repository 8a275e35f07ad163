//! Whether a URL is a link of ours: its MAC, and whom its path names; and whether its ticket waits.
use super::RedeemRefusal;
use crate::crypto::bewit::{self, BewitError};
use crate::crypto::hash;
use crate::domain::{Timestamp, UserId};
use crate::flows::{Context, Failure};
use crate::impersonation::ticket::TicketState;
use crate::store::impersonations::ImpersonationRecord;

/// Whether the path names the ticket's subject, as ours do, or its actor, as in Auth0's document: a URL never says
/// one person and signs in another.
pub(super) fn names_somebody_of(record: &ImpersonationRecord, resource: &str) -> bool {
    let path = resource.split('?').next().unwrap_or_default();
    let raw = path.rsplit('/').nth(1).unwrap_or_default();
    let named = percent_encoding::percent_decode_str(raw).decode_utf8().ok();
    let named = named.and_then(|text| UserId::parse(text).ok());
    named.is_some_and(|named| named == record.subject || named == record.actor)
}

/// The hash of the ticket and the second from which the bewit is no longer good, if one of our keys made
/// the MAC over exactly this URL.
pub(super) fn check_mac(
    ctx: &Context,
    resource: &str,
) -> Result<(Vec<u8>, i64), Failure<RedeemRefusal>> {
    let refuse = |error: BewitError| {
        Failure::Refused(match error {
            BewitError::Duplicate => RedeemRefusal::Duplicate,
            BewitError::Malformed
            | BewitError::UnknownKey
            | BewitError::BadMac
            | BewitError::Expired => RedeemRefusal::BadMac,
        })
    };
    let (bewit, rest) = bewit::read(resource).map_err(refuse)?;
    let ring = ctx.shared.keys.ring()?;
    // Expiry is judged on the database's clock, when the row is there.
    let no_clock = i64::MIN;
    bewit::verify(&bewit, |id| ring.link_key(id), &ctx.shared.canonical, &rest, no_clock)
        .map_err(refuse)?;
    Ok((hash::hash_secret(&bewit.ext), bewit.expires_at))
}

/// What has become of the ticket of `record`.
pub(super) fn state(
    record: &ImpersonationRecord,
    link_expires_at: Timestamp,
    now: Timestamp,
) -> TicketState {
    if record.redeemed_at.is_some() {
        TicketState::Redeemed
    } else if record.ended_at.is_some() {
        TicketState::Revoked
    } else if now >= link_expires_at {
        TicketState::Expired
    } else {
        TicketState::Waiting
    }
}
