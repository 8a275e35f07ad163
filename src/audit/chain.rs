//! The hash chain over the trail.
//!
//! A seal covers a stretch of events and the seal before it, so that a changed, removed or inserted
//! event makes every later seal wrong.
use crate::crypto::hash::{Hasher, sha256};

/// What the first seal is made upon.
pub const GENESIS: [u8; 32] = [0; 32];

/// A seal in the making; events are added in order, so that they need not be in memory together.
pub struct Seal(Hasher);

impl Seal {
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

#[cfg(test)]
mod tests {
    use super::{GENESIS, Seal};

    fn seal(previous: &[u8], events: &[&str]) -> [u8; 32] {
        let mut seal = Seal::upon(previous);
        for event in events {
            seal.add(event);
        }
        seal.finish()
    }

    #[test]
    fn i15_a_changed_removed_or_moved_event_breaks_the_seal() {
        let kept = seal(&GENESIS, &["a", "b", "c"]);
        for tampered in [&["a", "b"][..], &["a", "x", "c"], &["b", "a", "c"], &["a", "b", "c", "d"]]
        {
            assert_ne!(kept, seal(&GENESIS, tampered));
        }
        assert_ne!(kept, seal(&[1; 32], &["a", "b", "c"]));
    }
}
