//! The parts of a JWT access token that its issuer and its verifier share: `jti` and `gty`.
use crate::crypto::{hash, random};
use crate::domain::Timestamp;

/// `gty` of a token whose subject is the application itself, and not a user.
pub(in crate::flows) const CLIENT_CREDENTIALS: &str = "client-credentials";

/// The key of a JWT's row in `access_tokens`.
///
/// It is not the hash of the `jti` alone: a `jti` is no secret, and must not be accepted as an opaque token.
pub(in crate::flows) fn jti_hash(jti: &str) -> Vec<u8> {
    hash::hash_secret(&format!("jti {jti}"))
}

/// A unique `jti` that contains its time in microseconds, because `iat` counts seconds only.
///
/// A client credentials token has no row: by this time alone it is compared with the client's `not_before`.
pub(in crate::flows) fn new_jti(now: Timestamp) -> String {
    format!("{}.{}", random::secret(), now.timestamp_micros())
}

/// The time in a `jti`; `None` for tokens of earlier versions, which have none.
pub(in crate::flows) fn made_at(jti: &str) -> Option<Timestamp> {
    let (_, micros) = jti.rsplit_once('.')?;
    Timestamp::from_timestamp_micros(micros.parse().ok()?)
}
