//! Seals over the audit trail.
//!
//! A seal covers a stretch of events and names the seal before it, so that a changed, removed or inserted event makes
//! that seal wrong and every later one. It is an HMAC under a key that is derived from the master key, so the
//! database alone cannot make one. Seals of the old kind are plain hashes; they stay as they are, and the first
//! seal of the new kind names the last of them.
use crate::crypto::hash::{Hasher, sha256};
use crate::crypto::mac::{MacKey, MacKeyTooShort};
use crate::crypto::seal::MasterKey;
use std::fmt::Write as _;

/// What the first seal is made upon.
pub const GENESIS: [u8; 32] = [0; 32];

/// A digest over events, which are added in order, so that they need not be in memory together.
pub struct EventDigest(Hasher);

impl EventDigest {
    /// Of the events of one seal.
    pub fn new() -> Self {
        Self(Hasher::new())
    }

    /// A seal of the old kind: the hash over the one before it and the events.
    pub fn upon(previous: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(previous);
        Self(hasher)
    }

    /// `event` in its fixed textual form.
    pub fn add(&mut self, event: &str) {
        self.0.update(&sha256(event.as_bytes()));
    }

    pub fn finish(self) -> [u8; 32] {
        self.0.finish()
    }
}

impl Default for EventDigest {
    fn default() -> Self {
        Self::new()
    }
}

/// All that a seal vouches for.
#[derive(Debug, Clone, Copy)]
pub struct SealContents<'a> {
    pub number: i64,
    /// A restored backup begins the next one.
    pub epoch: i64,
    /// The hash of the seal before it, of whichever kind; [`GENESIS`] if there is none.
    pub previous: &'a [u8],
    /// It covers the positions after this one …
    pub after_seq: i64,
    /// … up to this one; those among them that have no event never will.
    pub up_to: i64,
    /// How many of them are events, and the last of those.
    pub events: i64,
    pub last_seq: i64,
    /// Microseconds since 1970, by the clock of the database.
    pub sealed_at: i64,
    pub digest: &'a [u8],
}

/// The key that makes seals and checks them.
#[derive(Clone, Debug)]
pub struct SealKey(MacKey);

const PURPOSE: &str = "audit seal 1";

impl SealKey {
    pub fn derive(master: &MasterKey) -> Result<Self, MacKeyTooShort> {
        MacKey::new(master.derive("audit seal").as_slice()).map(Self)
    }

    pub fn make(&self, contents: &SealContents<'_>) -> [u8; 32] {
        with_parts(contents, |parts| self.0.tag(PURPOSE, parts))
    }

    /// Whether `seal` was made with this key over exactly these contents.
    pub fn made(&self, contents: &SealContents<'_>, seal: &[u8]) -> bool {
        with_parts(contents, |parts| self.0.verify_tag(PURPOSE, parts, seal))
    }
}

fn with_parts<T>(contents: &SealContents<'_>, then: impl FnOnce(&[&str]) -> T) -> T {
    let numbers = [
        contents.number,
        contents.epoch,
        contents.after_seq,
        contents.up_to,
        contents.events,
        contents.last_seq,
        contents.sealed_at,
    ];
    let mut texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    texts.extend([hex(contents.previous), hex(contents.digest)]);
    let parts: Vec<&str> = texts.iter().map(String::as_str).collect();
    then(&parts)
}

/// In lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(previous: &[u8], events: &[&str]) -> [u8; 32] {
        let mut digest = EventDigest::upon(previous);
        for event in events {
            digest.add(event);
        }
        digest.finish()
    }

    #[test]
    fn i15_a_changed_removed_or_moved_event_breaks_the_seal() {
        let kept = digest(&GENESIS, &["a", "b", "c"]);
        for tampered in [&["a", "b"][..], &["a", "x", "c"], &["b", "a", "c"], &["a", "b", "c", "d"]]
        {
            assert_ne!(kept, digest(&GENESIS, tampered));
        }
        assert_ne!(kept, digest(&[1; 32], &["a", "b", "c"]));
    }

    #[test]
    fn k16_a_seal_is_of_its_key_and_of_everything_that_it_says() {
        let key = |byte: u8| SealKey(MacKey::new(&[byte; 32]).unwrap());
        let contents = SealContents {
            number: 7,
            epoch: 1,
            previous: &GENESIS,
            after_seq: 10,
            up_to: 20,
            events: 8,
            last_seq: 19,
            sealed_at: 1,
            digest: &[5; 32],
        };
        let seal = key(1).make(&contents);
        assert!(key(1).made(&contents, &seal));
        assert!(!key(2).made(&contents, &seal));
        for other in [
            SealContents { number: 8, ..contents },
            SealContents { epoch: 2, ..contents },
            SealContents { previous: &[1; 32], ..contents },
            SealContents { after_seq: 9, ..contents },
            SealContents { up_to: 21, ..contents },
            SealContents { events: 9, ..contents },
            SealContents { last_seq: 20, ..contents },
            SealContents { sealed_at: 2, ..contents },
            SealContents { digest: &[6; 32], ..contents },
        ] {
            assert!(!key(1).made(&other, &seal), "{other:?}");
        }
    }
}
