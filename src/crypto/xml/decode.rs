//! XML in a file that an administrator brings, as text ([XML §4.3.3, appendix F]).
//!
//! Messages from the network are UTF-8 and nothing else. Files come from other people's tools, some of which write
//! UTF-16 or Latin-1, so the byte order mark and then the declaration say how a file is read.
//!
//! [XML §4.3.3, appendix F]: https://www.w3.org/TR/xml/#charencoding
use super::XmlError;

/// The text of `bytes`, without a byte order mark. A file that is no XML is read as UTF-8.
///
/// # Errors
///
/// [`XmlError::Encoding`] when the file is not in the encoding that it names, or that one is not known here.
pub fn decode(bytes: &[u8]) -> Result<String, XmlError> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0, b'<', 0, ..] => utf16(bytes, u16::from_be_bytes),
        [b'<', 0, _, 0, ..] => utf16(bytes, u16::from_le_bytes),
        _ => match declared(bytes) {
            Some(name) if is_latin1(&name) => Ok(bytes.iter().copied().map(char::from).collect()),
            Some(name) if !is_utf8(&name) => Err(XmlError::Encoding),
            Some(_) | None => utf8(bytes),
        },
    }
}

fn utf8(bytes: &[u8]) -> Result<String, XmlError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| XmlError::Encoding)
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Result<String, XmlError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(XmlError::Encoding);
    }
    let units = pairs.iter().map(|pair| read(*pair));
    char::decode_utf16(units).collect::<Result<_, _>>().map_err(|_| XmlError::Encoding)
}

fn is_utf8(name: &str) -> bool {
    ["utf-8", "utf8", "us-ascii", "ascii"].contains(&name.to_ascii_lowercase().as_str())
}

/// The first 256 characters of Unicode, one byte each.
fn is_latin1(name: &str) -> bool {
    ["iso-8859-1", "iso8859-1", "iso_8859-1", "latin1"]
        .contains(&name.to_ascii_lowercase().as_str())
}

/// The encoding that the declaration names.
fn declared(bytes: &[u8]) -> Option<String> {
    let start = bytes.get(..bytes.len().min(256))?;
    let start: String = start.iter().map(|b| char::from(*b)).collect();
    let (declaration, _) = start.strip_prefix("<?xml")?.split_once("?>")?;
    encoding_of(declaration).map(str::to_owned)
}

fn encoding_of(declaration: &str) -> Option<&str> {
    let (_, rest) = declaration.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest.get(1..)?.split(quote).next()
}

/// `text` without its declaration, where that names another encoding than UTF-8: the text has been decoded, so
/// what the declaration says is no longer so.
pub fn without_old_declaration(text: &str) -> &str {
    let declaration = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    match declaration {
        Some((declaration, rest))
            if encoding_of(declaration).is_some_and(|name| !name.eq_ignore_ascii_case("utf-8")) =>
        {
            rest
        }
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, write: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(write).collect()
    }

    #[test]
    fn k45_a_file_is_decoded_by_its_mark_and_then_by_its_declaration() {
        let wide = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>Zürich</a>";
        let (big, little) = (utf16(wide, u16::to_be_bytes), utf16(wide, u16::to_le_bytes));
        for bytes in [
            [&[0xfe, 0xff], &big[..]].concat(),
            [&[0xff, 0xfe], &little[..]].concat(),
            big.clone(),
            little.clone(),
        ] {
            let text = decode(&bytes).unwrap();
            assert_eq!(text, wide);
            assert_eq!(without_old_declaration(&text), "<a>Zürich</a>");
        }
        let narrow = "<?xml version='1.0' encoding='ISO-8859-1'?><a>Zürich</a>";
        let bytes: Vec<u8> = narrow.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        assert_eq!(decode(&bytes).unwrap(), narrow);
        for plain in ["<a>Zürich</a>", "<?xml version=\"1.0\" encoding=\"utf-8\"?><a>Zürich</a>"]
        {
            assert_eq!(decode(plain.as_bytes()).unwrap(), plain);
            assert_eq!(without_old_declaration(plain), plain);
            assert_eq!(decode(&[&[0xef, 0xbb, 0xbf], plain.as_bytes()].concat()).unwrap(), plain);
        }
    }

    #[test]
    fn k45_a_file_that_is_not_what_it_says_is_refused() {
        for bytes in [
            b"<a>\xff</a>".to_vec(),
            b"<?xml version=\"1.0\" encoding=\"EBCDIC-CP-US\"?><a/>".to_vec(),
            vec![0xff, 0xfe, b'<'],
            vec![0xff, 0xfe, 0x00, 0xd8],
        ] {
            assert_eq!(decode(&bytes), Err(XmlError::Encoding));
        }
    }
}
