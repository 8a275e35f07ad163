//! `application/x-www-form-urlencoded`, read strictly: what is broken is refused, not repaired.
use percent_encoding::percent_decode;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error("broken percent-encoding")]
    Encoding,
    #[error("not UTF-8")]
    Utf8,
    #[error("too many parameters")]
    TooMany,
}

const MOST: usize = 200;

/// The names and values in order ([URL Standard §5.1], but broken escapes are an error).
///
/// [URL Standard §5.1]: https://url.spec.whatwg.org/#urlencoded-parsing
pub fn pairs(text: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    let mut pairs = Vec::new();
    for part in text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
        if pairs.len() == MOST {
            return Err(FormError::TooMany);
        }
        let mut halves = part.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn decode(text: &[u8]) -> Result<String, FormError> {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        match rest.get(at + 1..at + 3) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => {}
            Some(_) | None => return Err(FormError::Encoding),
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    let spaced: Vec<u8> =
        text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded = percent_decode(&spaced).decode_utf8().map_err(|_| FormError::Utf8)?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_values_are_decoded_in_order() {
        let read = pairs(b"a=1&b=x+y%20z&c&a=%C3%9C").unwrap();
        let expected = [("a", "1"), ("b", "x y z"), ("c", ""), ("a", "Ü")];
        assert_eq!(read, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn what_is_broken_is_refused() {
        assert_eq!(pairs(b"a=%"), Err(FormError::Encoding));
        assert_eq!(pairs(b"a=%4"), Err(FormError::Encoding));
        assert_eq!(pairs(b"a=%zz"), Err(FormError::Encoding));
        assert_eq!(pairs(b"a=%ff"), Err(FormError::Utf8));
        assert_eq!(pairs("a&".repeat(300).as_bytes()), Err(FormError::TooMany));
    }

    proptest! {
        #[test]
        fn no_input_makes_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = pairs(&bytes);
        }
    }
}
