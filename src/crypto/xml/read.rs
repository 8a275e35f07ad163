//! The one way in for XML that somebody else wrote.
use super::XmlError;
use super::element::Element;
use super::scan;
use std::collections::HashSet;
use std::fmt;
use uppsala::{NodeId, Parser};

/// How much of everything a document may have. Counted before the parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub bytes: usize,
    pub depth: usize,
    /// With comments and CDATA sections.
    pub elements: usize,
    /// Of one element, namespace declarations included.
    pub attributes_of_one: usize,
    /// Of all elements together.
    pub attributes: usize,
    /// Declarations, of all elements together.
    pub namespaces: usize,
}

impl Limits {
    /// A request or logout message from the network: 256 KiB (D13), and read within 50 ms whatever it holds.
    pub const MESSAGE: Self = Self {
        bytes: 256 * 1024,
        depth: 32,
        elements: 2_000,
        attributes_of_one: 64,
        attributes: 4_000,
        namespaces: 256,
    };
    /// Metadata that an administrator brings, with room for a federation of 2,000 entities (D35).
    pub const METADATA: Self = Self {
        bytes: 48 * 1024 * 1024,
        depth: 48,
        elements: 1_000_000,
        attributes_of_one: 64,
        attributes: 2_000_000,
        namespaces: 200_000,
    };
}

/// A document as the parser saw it once. Nothing in it is believed yet.
pub struct Document {
    pub(super) dom: uppsala::Document<'static>,
    pub(super) root: NodeId,
}

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

impl Document {
    /// The message before anybody has vouched for it: good for finding out whose keys to
    /// [`verify`](super::verify()) with, and for what needs no signature.
    pub fn unverified(&self) -> Element<'_> {
        Element { dom: &self.dom, id: self.root }
    }

    /// Whether a `ds:Signature` stands anywhere in it. A signature that is there must verify, even where none is
    /// asked for (D04).
    pub fn is_signed(&self) -> bool {
        !super::shape::signatures(self).is_empty()
    }
}

/// The outermost name only: values may be personal.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Document").field(&self.unverified()).finish()
    }
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
