use super::*;
use proptest::prelude::*;
use std::time::{Duration, UNIX_EPOCH};

const NOW: i64 = 1_700_000_000;
const VECTOR: &str = "MTIzNDU2XDEzNTY0MjA3MDdca3NjeHdOUjJ0SnBQMVQxekRMTlBiQjVVaUtJVTl0T1NKWFRVZEc3WDloOD1ceGFuZHlhbmR6";

fn here() -> CanonicalUrl {
    CanonicalUrl::new("Login.example", 443)
}

fn key() -> BewitKey {
    BewitKey::new("key_1", &[7; 32])
}

fn link() -> String {
    let bewit = make(&key(), &here(), "/users/ada/impersonate?", NOW + 120, "ticket");
    format!("/users/ada/impersonate?&bewit={bewit}")
}

/// What becomes of a request for it, at `now`.
fn open(url: &str, base: &CanonicalUrl, now: i64) -> Result<String, BewitError> {
    let (bewit, resource) = read(url)?;
    let key = key();
    verify(&bewit, |id| (id == key.id()).then_some(&key), base, &resource, now)?;
    Ok(bewit.ext)
}

fn opened(url: &str) -> Result<String, BewitError> {
    open(url, &here(), NOW)
}

fn with_raw(raw: impl AsRef<[u8]>) -> String {
    format!("/users/ada/impersonate?&bewit={}", URL_SAFE_NO_PAD.encode(raw))
}

#[test]
fn the_bewit_is_hawks_to_the_byte() {
    let key = BewitKey::new("123456", b"2983d45yun89q");
    let base = CanonicalUrl::new("example.com", 443);
    let path = "/somewhere/over/the/rainbow";
    assert_eq!(make(&key, &base, path, 1_356_420_707, "xandyandz"), VECTOR);
    let (bewit, resource) = read(&format!("{path}?bewit={VECTOR}")).unwrap();
    assert_eq!(resource, path);
    assert_eq!((bewit.key_id.as_str(), bewit.ext.as_str()), ("123456", "xandyandz"));
    let key_by_id = |_: &str| Some(&key);
    assert_eq!(verify(&bewit, key_by_id, &base, &resource, 1_356_420_706), Ok(()));
}

#[test]
fn our_own_link_opens_and_names_its_ticket() {
    assert_eq!(opened(&link()).as_deref(), Ok("ticket"));
    assert_eq!(read(&link()).unwrap().1, "/users/ada/impersonate?");
}

#[test]
fn the_rest_is_what_hawk_leaves() {
    // Compared with @hapi/hawk 8.
    for (url, rest) in [
        ("/p?bewit=B", "/p"),
        ("/p?&bewit=B", "/p?"),
        ("/p?a=1&bewit=B", "/p?a=1"),
        ("/p?bewit=B&a=1", "/p?a=1"),
        ("/p?&bewit=B&a=1", "/p?&a=1"),
        ("/p?a=1&bewit=B&b=2&c", "/p?a=1&b=2&c"),
        ("/p?a=1&bewit=B&&b", "/p?a=1&&b"),
        ("/p?a?&bewit=B", "/p?a?"),
        ("/bewit=B&/p?bewit=B", "/bewit=B&/p"),
    ] {
        let url = url.replace("bewit=B", &format!("bewit={VECTOR}"));
        let rest = rest.replace("bewit=B", &format!("bewit={VECTOR}"));
        assert_eq!(read(&url).map(|read| read.1), Ok(rest), "{url}");
    }
}

#[test]
fn crate_hawk_makes_the_same_bewits_and_believes_ours() {
    for (path, ext) in [("/users/auth0%7Cada/impersonate?", "t"), ("/p?a=1", ""), ("/p", "a b")] {
        let credentials = hawk::Credentials {
            id: "key_1".to_owned(),
            key: hawk::Key::new([7; 32], hawk::DigestAlgorithm::Sha256).unwrap(),
        };
        let expires_at = NOW + 120;
        let theirs = hawk::RequestBuilder::new("GET", "login.example", 443, path)
            .ext((!ext.is_empty()).then_some(ext))
            .request();
        let exp = UNIX_EPOCH + Duration::from_secs(expires_at.unsigned_abs());
        let made = theirs.make_bewit(&credentials, exp).unwrap();
        let ours = make(&key(), &here(), path, expires_at, ext);
        assert_eq!(made.to_str(), ours);

        // Its own clock judges the expiry, so only the MAC can be asked for.
        let far = make(&key(), &here(), path, 9_999_999_999, ext);
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{path}{separator}bewit={far}");
        let mut found = None;
        let asked = hawk::RequestBuilder::new("GET", "login.example", 443, &url)
            .extract_bewit(&mut found)
            .unwrap()
            .request();
        assert!(asked.validate_bewit(&found.unwrap(), &credentials.key), "{url}");
        assert_eq!(opened(&url).as_deref(), Ok(ext));
    }
}

proptest! {
    #[test]
    fn b09_no_flipped_bit_goes_unnoticed(ext in "[A-Za-z0-9_-]{1,43}", at in 0_usize..4096, bit in 0_u8..8) {
        let bewit = make(&key(), &here(), "/users/ada/impersonate?", NOW + 120, &ext);
        let mut flipped = bewit.clone().into_bytes();
        let at = at % flipped.len();
        flipped[at] ^= 1 << bit;
        if let Ok(flipped) = String::from_utf8(flipped) {
            let refused = opened(&format!("/users/ada/impersonate?&bewit={flipped}"));
            prop_assert!(refused.is_err(), "{flipped}");
        }

        let mut raw = URL_SAFE_NO_PAD.decode(&bewit).unwrap();
        let at = at % raw.len();
        raw[at] ^= 1 << bit;
        prop_assert!(opened(&with_raw(raw)).is_err());
    }

    #[test]
    fn b17_no_input_makes_the_reader_panic(url in "(?s)/.{0,40}[?&]bewit=.{0,80}", raw in proptest::collection::vec(any::<u8>(), 0..120)) {
        prop_assert!(opened(&url).is_err());
        prop_assert!(opened(&with_raw(raw)).is_err());
    }
}

#[test]
fn b09_no_bit_of_a_link_can_be_flipped() {
    let link = link();
    for at in 0..link.len() {
        for bit in 0..8 {
            let mut flipped = link.clone().into_bytes();
            flipped[at] ^= 1 << bit;
            let Ok(flipped) = String::from_utf8(flipped) else { continue };
            assert!(opened(&flipped).is_err(), "{flipped}");
        }
    }
}

#[test]
fn b10_a_link_is_good_only_before_its_expiry() {
    for (now, answer) in [
        (NOW + 119, Ok("ticket".to_owned())),
        (NOW + 120, Err(BewitError::Expired)),
        (NOW + 121, Err(BewitError::Expired)),
        (i64::MAX, Err(BewitError::Expired)),
    ] {
        assert_eq!(open(&link(), &here(), now), answer);
    }
}

#[test]
fn b10_a_forged_link_is_not_told_that_it_expired() {
    let other = BewitKey::new("key_1", &[8; 32]);
    let bewit = make(&other, &here(), "/users/ada/impersonate?", NOW - 1, "ticket");
    let refused = opened(&format!("/users/ada/impersonate?&bewit={bewit}"));
    assert_eq!(refused, Err(BewitError::BadMac));
}

#[test]
fn b12_a_link_is_good_at_its_own_address_only() {
    let moved = link().replace("/ada/", "/eve/");
    assert_eq!(opened(&moved), Err(BewitError::BadMac));
    for (host, port) in [("other.example", 443), ("login.example", 80), ("login.example", 8443)] {
        let elsewhere = open(&link(), &CanonicalUrl::new(host, port), NOW);
        assert_eq!(elsewhere, Err(BewitError::BadMac), "{host}:{port}");
    }
}

#[test]
fn b13_nothing_can_be_appended() {
    for more in ["&redirect_uri=https://evil.example", "&a", "&&"] {
        let refused = opened(&format!("{}{more}", link()));
        assert_eq!(refused, Err(BewitError::BadMac), "{more}");
    }
    assert_eq!(opened(&format!("{}&", link())), Err(BewitError::Malformed));
}

#[test]
fn b14_two_bewits_are_one_too_many() {
    for second in ["&bewit=B", "&bewit=", "&bewit", "&%62ewit=B", "&a=1&bewi%74=B"] {
        let refused = opened(&format!("{}{second}", link()));
        assert_eq!(refused, Err(BewitError::Duplicate), "{second}");
    }
}

#[test]
fn b17_what_is_no_bewit_is_refused() {
    let (_, good) = link().split_once("bewit=").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let padded = URL_SAFE_NO_PAD.encode("key_1\\1\\m");
    for text in [
        "",
        "%00",
        "Zm9v",
        "a+b/",
        "not base64",
        &format!("{padded}="),
        &format!("{padded}=="),
        &good[..good.len() - 1],
        &format!("{good}%00"),
        &format!("{good}$"),
        &"A".repeat(1 << 20),
    ] {
        let url = format!("/users/ada/impersonate?&bewit={text}");
        assert_eq!(opened(&url), Err(BewitError::Malformed), "{text:.80}");
    }
    for raw in [
        "",
        "key_1",
        "key_1\\1800000000\\mac",
        "key_1\\1800000000\\mac\\ext\\more",
        "\\1800000000\\mac\\ext",
        "key_1\\1800000000\\\\ext",
        "key_1\\\\mac\\ext",
        "key_1\\-1\\mac\\ext",
        "key_1\\0\\mac\\ext",
        "key_1\\+1800000000\\mac\\ext",
        "key_1\\01800000000\\mac\\ext",
        "key_1\\1800000000.0\\mac\\ext",
        "key_1\\9223372036854775808\\mac\\ext",
        "key_1\\1800000000\\mac\\ext\n",
        "key_1\0\\1800000000\\mac\\ext",
    ] {
        assert_eq!(opened(&with_raw(raw)), Err(BewitError::Malformed), "{raw}");
    }
    assert_eq!(opened(&with_raw(b"key_1\\1800000000\\mac\\\xff\xfe")), Err(BewitError::Malformed));
}

#[test]
fn b17_what_is_no_url_of_ours_is_refused() {
    for url in
        ["", "?", "/", "/p", "p?bewit=B", "/p&bewit=B", "/p?bewit", "/p?Bewit=B", "/p?%62ewit=B"]
    {
        let url = url.replace("=B", &format!("={VECTOR}"));
        assert_eq!(opened(&url), Err(BewitError::Malformed), "{url}");
    }
    let long = link().replace("/ada/", &format!("/{}/", "a".repeat(MAX_URL)));
    assert_eq!(opened(&long), Err(BewitError::Malformed));
}

#[test]
fn b19_another_spelling_of_the_same_bewit_is_refused() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // An ext for each length of the last group: with two and with four bits that carry nothing.
    for ext in ["a", "ab", "abc"] {
        let good = make(&key(), &here(), "/p?", NOW + 1, ext);
        assert!(opened(&format!("/p?&bewit={good}")).is_ok());
        let spare = match good.len() % 4 {
            2 => 4,
            3 => 2,
            _ => continue,
        };
        let (start, last) = good.split_at(good.len() - 1);
        let value = ALPHABET.iter().position(|c| *c == last.as_bytes()[0]).unwrap();
        for trailing in 1..(1 << spare) {
            let other = format!("/p?&bewit={start}{}", char::from(ALPHABET[value | trailing]));
            assert_eq!(opened(&other), Err(BewitError::Malformed), "{other}");
        }
    }
    let encoded = link().replacen("bewit=a", "bewit=%61", 1);
    assert_ne!(encoded, link());
    assert_eq!(opened(&encoded), Err(BewitError::Malformed));
}

#[test]
fn b19_the_mac_has_one_spelling_too() {
    let (bewit, resource) = read(&link()).unwrap();
    for mac in [
        bewit.mac.trim_end_matches('=').to_owned(),
        format!("{}=", bewit.mac),
        bewit.mac.to_lowercase(),
    ] {
        let other = Bewit { mac, ..bewit.clone() };
        let key = key();
        let refused = verify(&other, |_| Some(&key), &here(), &resource, NOW);
        assert_eq!(refused, Err(BewitError::BadMac));
    }
}

#[test]
fn b19_a_path_spelt_in_other_hex_is_another_path() {
    let bewit = make(&key(), &here(), "/users/auth0%7Cada/impersonate?", NOW + 1, "t");
    assert!(opened(&format!("/users/auth0%7Cada/impersonate?&bewit={bewit}")).is_ok());
    for path in ["/users/auth0%7cada/impersonate", "/users/auth0|ada/impersonate"] {
        assert_eq!(opened(&format!("{path}?&bewit={bewit}")), Err(BewitError::BadMac));
    }
}

#[test]
fn b20_a_key_that_is_not_ours_any_more_opens_nothing() {
    let retired = BewitKey::new("key_0", &[7; 32]);
    let bewit = make(&retired, &here(), "/p?", NOW + 1, "t");
    assert_eq!(opened(&format!("/p?&bewit={bewit}")), Err(BewitError::UnknownKey));
    // What a MAC under the stand-in for unknown keys is worth: nothing.
    let guessed = make(&BewitKey::new("nobody", b""), &here(), "/p?", NOW + 1, "t");
    assert_eq!(opened(&format!("/p?&bewit={guessed}")), Err(BewitError::UnknownKey));
}

#[test]
fn b25_neither_the_key_nor_the_ticket_is_shown() {
    let (bewit, _) = read(&link()).unwrap();
    assert_eq!(
        format!("{bewit:?}"),
        format!("Bewit {{ key_id: \"key_1\", expires_at: {}, .. }}", NOW + 120)
    );
    assert_eq!(format!("{:?}", key()), "BewitKey { id: \"key_1\", .. }");
}
