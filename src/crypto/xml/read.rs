//! The one way in for XML that somebody else wrote.
use super::XmlError;
use super::document::Document;
use super::limits::Limits;
use super::scan;
use std::collections::HashSet;
use uppsala::Parser;

/// Reads XML from the network or a file (D10, D12, D13).
///
/// UTF-8 only, within `limits`, well-formed with namespaces. Refused: document types and so entities,
/// processing instructions, `XInclude`, other encodings and versions, relative or undeclared namespaces,
/// names with two colons, and IDs that are not unique (`ID`, `Id`, `id`, `xml:id`, `AssertionID`, in any
/// namespace, one on an element).
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Document, XmlError> {
    if bytes.len() > limits.bytes {
        return Err(XmlError::TooMuch);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.starts_with('\u{feff}') {
        return Err(XmlError::Encoding);
    }
    let text = scan::prepare(text, limits)?;
    let dom = Parser::new()
        .with_max_depth(u32::try_from(limits.depth).unwrap_or(u32::MAX))
        .with_max_entity_expansion(0)
        .with_forbid_dtd(true)
        .parse(&text)
        .map_err(|_| XmlError::Malformed)?
        .into_static();
    let root = dom.document_element().ok_or(XmlError::Malformed)?;
    if let Some(declared) = &dom.xml_declaration {
        let encoding = declared.encoding.as_deref().unwrap_or("UTF-8");
        if declared.version != "1.0" || !encoding.eq_ignore_ascii_case("UTF-8") {
            return Err(XmlError::Encoding);
        }
    }
    check(&dom)?;
    Ok(Document { dom, root })
}

fn check(dom: &uppsala::Document<'_>) -> Result<(), XmlError> {
    const XINCLUDE: &str = "http://www.w3.org/2001/XInclude";
    let mut ids = HashSet::new();
    for element in dom.descendants(dom.root()).into_iter().filter_map(|id| dom.element(id)) {
        let names =
            std::iter::once(&element.name).chain(element.attributes.iter().map(|a| &a.name));
        for name in names {
            if name.local_name.contains(':') || name.namespace_uri.as_deref() == Some(XINCLUDE) {
                return Err(XmlError::Malformed);
            }
        }
        for (prefix, uri) in &element.namespace_declarations {
            // Only the default namespace can be undeclared, and canonical XML has no answer to relative names.
            let undeclares = prefix.is_empty() && uri.is_empty();
            if !undeclares && !uri.contains(':') {
                return Err(XmlError::Malformed);
            }
        }
        let mut own = element.attributes.iter().filter(|a| is_id(&a.name.local_name));
        if let Some(id) = own.next()
            && (own.next().is_some() || !ids.insert(id.value.as_ref()))
        {
            return Err(XmlError::DuplicateId);
        }
    }
    Ok(())
}

fn is_id(local_name: &str) -> bool {
    local_name.eq_ignore_ascii_case("id") || local_name.eq_ignore_ascii_case("AssertionID")
}
