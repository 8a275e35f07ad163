//! The hash chain over the trail.
//!
//! A seal covers a batch of events and the seal before it, so that a changed, removed or inserted
//! event makes every later seal wrong.
use crate::crypto::hash::sha256;

/// The seal over `events` (each in a fixed textual form, in order), on top of `previous`.
pub fn seal(previous: &[u8], events: &[String]) -> [u8; 32] {
    let mut text =
        Vec::with_capacity(previous.len() + events.iter().map(String::len).sum::<usize>());
    text.extend_from_slice(previous);
    for event in events {
        text.extend_from_slice(&sha256(event.as_bytes()));
    }
    sha256(&text)
}

#[cfg(test)]
mod tests {
    use super::seal;

    fn events(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn i15_a_changed_removed_or_moved_event_breaks_the_seal() {
        let kept = seal(&[0; 32], &events(&["a", "b", "c"]));
        for tampered in [&["a", "b"][..], &["a", "x", "c"], &["b", "a", "c"], &["a", "b", "c", "d"]]
        {
            assert_ne!(kept, seal(&[0; 32], &events(tampered)));
        }
        assert_ne!(kept, seal(&[1; 32], &events(&["a", "b", "c"])));
    }
}
