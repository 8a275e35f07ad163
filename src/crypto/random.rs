//! Fresh values nobody can guess.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom as _, SystemRandom};

/// # Panics
///
/// When the operating system has no randomness to give: there is no safe way on.
#[expect(clippy::expect_used, reason = "no randomness means no security; stop")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system has randomness");
    bytes
}

/// 256 bits, safe in a URL, a header and a cookie. Store only its [`super::hash::hash_secret`].
///
/// # Panics
///
/// As [`bytes`].
pub fn secret() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// 32 letters and digits: no SDK and no shell trips over one.
///
/// # Panics
///
/// As [`bytes`].
pub fn client_id() -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = String::with_capacity(32);
    while id.len() < 32 {
        // Bytes beyond the alphabet are thrown away, not folded: every character is equally likely.
        let drawn = bytes::<48>().into_iter().filter_map(|b| ALPHABET.get(usize::from(b & 63)));
        id.extend(drawn.take(32 - id.len()).map(|c| char::from(*c)));
    }
    id
}

/// `usr_` and the like, then a UUID of version 7 ([RFC 9562 §5.7]): ids sort by age, so index pages stay warm.
///
/// Not a secret: the first 48 bits are the time.
///
/// # Panics
///
/// As [`bytes`].
///
/// [RFC 9562 §5.7]: https://www.rfc-editor.org/rfc/rfc9562#section-5.7
pub fn id(prefix: &str, now: DateTime<Utc>) -> String {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &bytes::<10>()).into_uuid();
    format!("{prefix}_{}", uuid.simple())
}

/// 15 decimal digits: Box's clients keep ids in integer columns, and in a double every one of them is exact.
///
/// About 50 bits of chance, so ids cannot be counted up; whoever takes one looks whether it is free.
///
/// # Panics
///
/// As [`bytes`].
pub fn decimal_id() -> String {
    const FIRST: u64 = 100_000_000_000_000;
    const COUNT: u64 = 9 * FIRST;
    // Two to the 64th is 20,496 times the range, so what is left over favours no id to speak of.
    (FIRST + u64::from_be_bytes(bytes::<8>()) % COUNT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn k38_a_decimal_id_has_15_digits_and_fits_a_double() {
        let ids: HashSet<String> = (0..1000).map(|_| decimal_id()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            let number: u64 = id.parse().unwrap();
            assert!(id.len() == 15 && !id.starts_with('0') && number < 1 << 53, "{id}");
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_secret_has_256_bits_and_never_comes_twice() {
        let secrets: HashSet<String> = (0..1000).map(|_| secret()).collect();
        assert_eq!(secrets.len(), 1000);
        assert!(secrets.iter().all(|s| URL_SAFE_NO_PAD.decode(s).unwrap().len() == 32));
    }

    #[test]
    fn a_client_id_is_32_letters_and_digits_and_uses_them_all() {
        let ids: Vec<String> = (0..500).map(|_| client_id()).collect();
        assert!(ids.iter().all(|id| id.len() == 32));
        assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_alphanumeric())));
        assert_eq!(ids.concat().chars().collect::<HashSet<_>>().len(), 62);
    }

    #[test]
    fn ids_sort_by_age_and_are_uuids_of_version_seven() {
        let older = id("usr", at("2026-01-01T00:00:00Z"));
        let newer = id("usr", at("2026-01-01T00:00:00.001Z"));
        assert!(older < newer);
        let hex = older.strip_prefix("usr_").unwrap();
        assert_eq!((hex.len(), &hex[12..13]), (32, "7"));
    }
}
