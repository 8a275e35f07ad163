//! What a signature must look like before anybody computes a hash for it.
//!
//! The verifier knows the whole of XML Signature; a message needs one narrow form of it ([SAML core §5.4]),
//! and everything outside that form has been an attack. So the form is checked first, part by part.
//!
//! [SAML core §5.4]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
use super::algorithm::{self, DSIG, ENVELOPED, EXCLUSIVE, EXCLUSIVE_WITH_COMMENTS};
use super::document::Document;
use super::element::{Element, Name};
use super::{SignatureMethod, XmlError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uppsala::{NodeId, NodeKind};

/// Names of the attribute that is an ID, one for each kind of message: SAML 2.0, SAML 1.1, and the rest.
const IDS: [&str; 3] = ["ID", "AssertionID", "Id"];

const MAX_PREFIX_LIST: usize = 512;

const fn ds(local: &'static str) -> Name {
    Name::new(DSIG, local)
}

pub(super) struct SignatureShape {
    pub signature: NodeId,
    pub method: SignatureMethod,
}

pub(super) fn signatures(document: &Document) -> Vec<Element<'_>> {
    document
        .dom
        .descendants(document.dom.root())
        .into_iter()
        .map(|id| Element { dom: &document.dom, id })
        .filter(|element| element.is(ds("Signature")))
        .collect()
}

/// Whether a `ds:Signature` stands anywhere in it. A signature that is there must verify, even where none is
/// asked for (D04).
pub fn is_signed(document: &Document) -> bool {
    !signatures(document).is_empty()
}

/// One signature in the document, a child of the message, with one reference, which is to the message
/// (D07, D08, D09); transforms are *enveloped signature*, then exclusive canonicalisation (D06).
pub(super) fn check(document: &Document) -> Result<SignatureShape, XmlError> {
    let message = document.unverified();
    let found = signatures(document);
    let [signature] = found.as_slice() else {
        return Err(if found.is_empty() { XmlError::NotSigned } else { XmlError::SignatureShape });
    };
    if document.dom.parent(signature.id) != Some(message.id) {
        return Err(XmlError::SignatureShape);
    }
    let parts = parts(*signature)?;
    let (signed_info, value) = match parts.as_slice() {
        [info, value] => (*info, *value),
        [info, value, key_info] if key_info.is(ds("KeyInfo")) => (*info, *value),
        _ => return Err(XmlError::SignatureShape),
    };
    if !signed_info.is(ds("SignedInfo")) || !value.is(ds("SignatureValue")) {
        return Err(XmlError::SignatureShape);
    }
    decode(value)?;
    let method = check_signed_info(signed_info, message)?;
    Ok(SignatureShape { signature: signature.id, method })
}

fn check_signed_info(info: Element<'_>, message: Element<'_>) -> Result<SignatureMethod, XmlError> {
    let [canonicalisation, method, reference] =
        named(info, ["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
    plain(info)?;
    check_exclusive(canonicalisation)?;
    // HMACOutputLength would be in it.
    empty(method)?;
    let method = SignatureMethod::parse(algorithm_of(method)?).ok_or(XmlError::Algorithm)?;
    let mut ids = IDS.into_iter().filter_map(|name| message.attribute(name));
    let (Some(id), None) = (ids.next(), ids.next()) else {
        return Err(XmlError::SignatureShape);
    };
    plain(reference)?;
    if id.is_empty()
        || reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')) != Some(id)
        || id.contains('(')
    {
        return Err(XmlError::SignatureShape);
    }
    let [transforms, digest_method, digest_value] =
        named(reference, ["Transforms", "DigestMethod", "DigestValue"])?;
    let [enveloped, exclusive] = named(transforms, ["Transform", "Transform"])?;
    empty(enveloped)?;
    if algorithm_of(enveloped)? != ENVELOPED {
        return Err(XmlError::Algorithm);
    }
    check_exclusive(exclusive)?;
    empty(digest_method)?;
    let digest = algorithm::digest(algorithm_of(digest_method)?).ok_or(XmlError::Algorithm)?;
    plain(digest_value)?;
    let value = decode(digest_value)?;
    // A canonicalisation that fails silently digests nothing at all.
    if value.len() != digest.output_len() || value == ring::digest::digest(digest, b"").as_ref() {
        return Err(XmlError::SignatureShape);
    }
    Ok(method)
}

/// Exclusive canonicalisation, which may name prefixes to keep ([Exclusive XML Canonicalization §4]).
///
/// [Exclusive XML Canonicalization §4]: https://www.w3.org/TR/xml-exc-c14n/#sec-Use
fn check_exclusive(method: Element<'_>) -> Result<(), XmlError> {
    if ![EXCLUSIVE, EXCLUSIVE_WITH_COMMENTS].contains(&algorithm_of(method)?) {
        return Err(XmlError::Algorithm);
    }
    match parts(method)?.as_slice() {
        [] => Ok(()),
        [prefixes] if prefixes.is(Name::new(EXCLUSIVE, "InclusiveNamespaces")) => {
            plain(*prefixes)?;
            // Each is looked for at each element.
            if prefixes.attribute("PrefixList").is_some_and(|list| list.len() > MAX_PREFIX_LIST) {
                return Err(XmlError::TooMuch);
            }
            empty(*prefixes)
        }
        _ => Err(XmlError::SignatureShape),
    }
}

/// The elements in it, where nothing but elements and white space belongs.
fn parts(element: Element<'_>) -> Result<Vec<Element<'_>>, XmlError> {
    for id in element.dom.children_iter(element.id) {
        match element.dom.node_kind(id) {
            Some(NodeKind::Element(_)) => {}
            Some(NodeKind::Text(text)) if text.chars().all(|c| c.is_ascii_whitespace()) => {}
            Some(
                NodeKind::Text(_)
                | NodeKind::Document
                | NodeKind::CData(_)
                | NodeKind::Comment(_)
                | NodeKind::ProcessingInstruction(_)
                | NodeKind::Attribute(..),
            )
            | None => return Err(XmlError::SignatureShape),
        }
    }
    Ok(element.all_children().collect())
}

/// Exactly these, in this order.
fn named<'d, const N: usize>(
    element: Element<'d>,
    names: [&'static str; N],
) -> Result<[Element<'d>; N], XmlError> {
    let found: [Element<'d>; N] =
        parts(element)?.try_into().map_err(|_| XmlError::SignatureShape)?;
    if found.iter().zip(names).all(|(part, name)| part.is(ds(name))) {
        Ok(found)
    } else {
        Err(XmlError::SignatureShape)
    }
}

fn empty(element: Element<'_>) -> Result<(), XmlError> {
    if parts(element)?.is_empty() { Ok(()) } else { Err(XmlError::SignatureShape) }
}

/// No attribute with a prefix: the verifier looks for local names only, and would take `x:Algorithm`.
fn plain(element: Element<'_>) -> Result<(), XmlError> {
    let data = element.dom.element(element.id).ok_or(XmlError::SignatureShape)?;
    if data.attributes.iter().all(|a| a.name.namespace_uri.is_none()) {
        Ok(())
    } else {
        Err(XmlError::SignatureShape)
    }
}

fn algorithm_of(element: Element<'_>) -> Result<&str, XmlError> {
    plain(element)?;
    element.required("Algorithm").map_err(|_| XmlError::SignatureShape)
}

fn decode(element: Element<'_>) -> Result<Vec<u8>, XmlError> {
    let text = element.text().map_err(|_| XmlError::SignatureShape)?;
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).map_err(|_| XmlError::SignatureShape)
}
