//! The MAC in an impersonation link: a Hawk bewit (`CONTRACTS.md`, section 2).
//!
//! It says that we made this URL and until when it is good. It does not say that it is unused: that is
//! the ticket's matter, whose random id is the bewit's `ext`.
use super::hash::constant_time_eq;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use ring::hmac;
use std::fmt;

#[cfg(test)]
mod tests;

/// Hawk's own limit, for path and query together.
pub const MAX_URL: usize = 4096;

/// Where the outside world finds us, from the configuration: never from a `Host` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalUrl {
    host: String,
    port: u16,
}

impl CanonicalUrl {
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_ascii_lowercase(), port }
    }
}

/// A key of any length: the tickets' own keys have 32 bytes.
#[derive(Clone)]
pub struct BewitKey {
    id: String,
    key: hmac::Key,
}

impl BewitKey {
    pub fn new(id: &str, bytes: &[u8]) -> Self {
        Self { id: id.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, bytes) }
    }

    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for BewitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BewitKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Read, not yet believed: nothing in it counts until [`verify`] has said yes.
#[derive(Clone, PartialEq, Eq)]
pub struct Bewit {
    pub key_id: String,
    pub expires_at: i64,
    mac: String,
    pub ext: String,
}

impl fmt::Debug for Bewit {
    /// Without `mac` and `ext`: together they are the link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bewit")
            .field("key_id", &self.key_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BewitError {
    /// More than one `bewit` parameter: which one counts is not for us to guess.
    #[error("more than one bewit parameter")]
    Duplicate,
    #[error("no bewit, or not in the form of one")]
    Malformed,
    #[error("made with a key that we do not know")]
    UnknownKey,
    #[error("the MAC is not the one of this URL")]
    BadMac,
    #[error("no longer good")]
    Expired,
}

/// `path_and_query` as it will be sent, without the bewit, a trailing `?` included if it will be there.
///
/// `ext` and the key's id hold no backslash and no control character, or nobody can read the bewit.
pub fn make(
    key: &BewitKey,
    base: &CanonicalUrl,
    path_and_query: &str,
    expires_at: i64,
    ext: &str,
) -> String {
    let mac = mac(&key.key, base, path_and_query, expires_at, ext);
    URL_SAFE_NO_PAD.encode(format!("{}\\{expires_at}\\{mac}\\{ext}", key.id))
}

/// Splits the raw path and query, as received, into the bewit and the rest.
///
/// The rest is what Hawk makes of it: the parameter goes, with the `&` or `?` before it when it is the last,
/// with the `&` after it when more follow. Stricter than Hawk: one `bewit`, in the query, in the one
/// canonical spelling of base64url.
pub fn read(resource_with_bewit: &str) -> Result<(Bewit, String), BewitError> {
    if resource_with_bewit.len() > MAX_URL || !resource_with_bewit.starts_with('/') {
        return Err(BewitError::Malformed);
    }
    let (path, query) = resource_with_bewit.split_once('?').ok_or(BewitError::Malformed)?;
    let (ours, others): (Vec<&str>, Vec<&str>) = query.split('&').partition(|p| is_named_bewit(p));
    let text = match ours.as_slice() {
        [] => return Err(BewitError::Malformed),
        [only] => only.strip_prefix("bewit=").ok_or(BewitError::Malformed)?,
        _ => return Err(BewitError::Duplicate),
    };
    // Hawk does not take it for a bewit at all.
    if query.ends_with(&format!("bewit={text}&")) {
        return Err(BewitError::Malformed);
    }
    let bewit = Bewit::parse(text).ok_or(BewitError::Malformed)?;
    if others.is_empty() {
        return Ok((bewit, path.to_owned()));
    }
    Ok((bewit, format!("{path}?{}", others.join("&"))))
}

/// The MAC is judged before the expiry, and an unknown key takes as long as a known one: whoever
/// cannot make a MAC learns nothing. Good while `now < expires_at`.
pub fn verify<'k>(
    bewit: &Bewit,
    key_by_id: impl FnOnce(&str) -> Option<&'k BewitKey>,
    base: &CanonicalUrl,
    resource: &str,
    now: i64,
) -> Result<(), BewitError> {
    let known = key_by_id(&bewit.key_id);
    let nobodys = hmac::Key::new(hmac::HMAC_SHA256, b"");
    let key = known.map_or(&nobodys, |known| &known.key);
    let right = mac(key, base, resource, bewit.expires_at, &bewit.ext);
    let same = constant_time_eq(right.as_bytes(), bewit.mac.as_bytes());
    if known.is_none() {
        return Err(BewitError::UnknownKey);
    }
    if !same {
        return Err(BewitError::BadMac);
    }
    if bewit.expires_at <= now {
        return Err(BewitError::Expired);
    }
    Ok(())
}

impl Bewit {
    fn parse(text: &str) -> Option<Self> {
        let raw = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = raw.split('\\');
        let (key_id, expires, mac, ext) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some()
            || key_id.is_empty()
            || mac.is_empty()
            || raw.contains(char::is_control)
        {
            return None;
        }
        let expires_at = expires.parse::<i64>().ok().filter(|e| *e > 0)?;
        // `+5` and `05` read as 5 too: one moment has one spelling.
        if expires_at.to_string() != expires {
            return None;
        }
        Some(Self {
            key_id: key_id.to_owned(),
            expires_at,
            mac: mac.to_owned(),
            ext: ext.to_owned(),
        })
    }
}

/// Also under an encoded name: another reader of this URL would count it.
fn is_named_bewit(parameter: &str) -> bool {
    let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
    percent_decode_str(name).eq(b"bewit".iter().copied())
}

fn mac(key: &hmac::Key, base: &CanonicalUrl, resource: &str, expires_at: i64, ext: &str) -> String {
    let CanonicalUrl { host, port } = base;
    let ext = ext.replace('\\', "\\\\").replace('\n', "\\n");
    let normalized =
        format!("hawk.1.bewit\n{expires_at}\n\nGET\n{resource}\n{host}\n{port}\n\n{ext}\n");
    STANDARD.encode(hmac::sign(key, normalized.as_bytes()))
}
