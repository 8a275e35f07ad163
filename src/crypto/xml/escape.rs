//! Text on its way into our own XML.
use super::XmlError;
use std::fmt::Write as _;

/// Whether XML 1.0 can carry this text at all ([XML §2.2](https://www.w3.org/TR/xml/#charsets)): no NUL and no
/// control characters but TAB, LF and CR, no U+FFFE and U+FFFF. Check profile data with it where it comes in.
pub fn is_xml_text(text: &str) -> bool {
    text.chars().all(is_xml_char)
}

pub(super) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The text as element content or as an attribute value in either quotes; refused if XML cannot carry it (D16).
///
/// In an askama template write `{{ value|safe }}` for what went through here. Askama's own escaper of `.xml` and
/// `.html` templates (`{{ value }}`) guards markup as well, but lets forbidden characters and the line ends
/// of attribute values through, which a reader then changes ([XML §3.3.3]): use it for values that are ours.
///
/// [XML §3.3.3]: https://www.w3.org/TR/xml/#AVNormalize
pub fn escape(text: &str) -> Result<String, XmlError> {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => {
                // Writing into a String does not fail.
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if is_xml_char(c) => out.push(c),
            _ => return Err(XmlError::Character),
        }
    }
    Ok(out)
}
