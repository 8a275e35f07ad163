//! Our signature, put into our own messages.
use super::algorithm::{DSIG, ENVELOPED, EXCLUSIVE, SHA256};
use super::limits::Limits;
use super::{SignatureMethod, XmlError, scan};
use crate::crypto::certificate::{self, PublicKey};
use crate::crypto::keys::KeyError;
use bergshamra_dsig::DsigContext;
use bergshamra_dsig::sign::sign_document_node;
use bergshamra_keys::KeysManager;
use kryptering::{Error as BackendError, SignatureAlgorithm};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use std::fmt;
use std::sync::Arc;
use uppsala::{Document, NodeId, Parser};

const ASSERTION_2_0: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const METHOD: SignatureMethod = SignatureMethod::RsaSha256;

/// Where the schema wants the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignaturePlace {
    /// After `saml:Issuer`: assertions and protocol messages of SAML 2.0.
    AfterIssuer,
    /// First child: `md:EntityDescriptor`.
    First,
    /// Last child: assertions of SAML 1.1.
    Last,
}

/// How the elements around our certificate are named. To an XML parser it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyNames {
    /// `ds:X509Certificate`.
    Prefixed,
    /// `X509Certificate`, in the default namespace.
    Plain,
}

/// An RSA key of ours with its certificate. Loaded once and kept: loading costs more than signing.
pub struct Signer {
    key: Arc<RsaKeyPair>,
    certificate: String,
    context: DsigContext,
}

impl Signer {
    /// `certificate` (DER) is the key's own, or it is [`KeyError::Malformed`].
    pub fn load(rsa_private_pkcs8: &[u8], certificate: &[u8]) -> Result<Self, KeyError> {
        let key = RsaKeyPair::from_pkcs8(rsa_private_pkcs8).map_err(|_| KeyError::Malformed)?;
        let public = PublicKey::from_certificate(certificate)?;
        if !public.spki().ends_with(key.public().as_ref()) {
            return Err(KeyError::Malformed);
        }
        let key = Arc::new(key);
        let signing = Box::new(SignerKey(Arc::clone(&key)));
        Ok(Self {
            key,
            certificate: certificate::to_base64(certificate),
            context: DsigContext::new(KeysManager::new()).with_hsm_signer(signing),
        })
    }

    /// The certificate as it stands in `ds:X509Certificate`: DER in base64 without line ends.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The method of [`Self::sign_octets`] and of every signature made here: RSA-SHA256.
    pub fn method(&self) -> SignatureMethod {
        METHOD
    }

    /// A detached signature, as in the SAML Redirect binding.
    pub fn sign_octets(&self, octets: &[u8]) -> Result<Vec<u8>, XmlError> {
        sign(&self.key, octets).ok_or(XmlError::NotMade)
    }

    /// `xml` with an enveloped signature over its outermost element: exclusive canonicalisation, SHA-256,
    /// RSA-SHA256, our certificate in `ds:KeyInfo`.
    ///
    /// `xml` is one element that we wrote, without a declaration; its attribute `id_attribute` (`ID`,
    /// `AssertionID`) holds `id`. An assertion that was signed here may be put into a response which is signed
    /// here again. It can be cut out and verified on its own if it declares every prefix it uses, in
    /// values like `xsi:type="xs:string"` too.
    ///
    /// # Errors
    ///
    /// [`XmlError::Missing`] when the element has not this ID or not the `saml:Issuer` that `place` needs;
    /// the errors of [`read`](super::read()) when `xml` is not XML, which is our mistake.
    pub fn sign_enveloped(
        &self,
        xml: &str,
        id_attribute: &str,
        id: &str,
        place: SignaturePlace,
    ) -> Result<String, XmlError> {
        self.sign_with(xml, (id_attribute, id), place, KeyNames::Prefixed)
    }

    /// The same for WS-Federation, with the names of `KeyInfo` and what is in it in the default namespace: AD FS and
    /// Auth0 write them so, and libraries look for `X509Certificate` by its name as it stands. The signature covers
    /// none of it.
    pub fn sign_token(
        &self,
        xml: &str,
        id_attribute: &str,
        id: &str,
        place: SignaturePlace,
    ) -> Result<String, XmlError> {
        self.sign_with(xml, (id_attribute, id), place, KeyNames::Plain)
    }

    fn sign_with(
        &self,
        xml: &str,
        (id_attribute, id): (&str, &str),
        place: SignaturePlace,
        names: KeyNames,
    ) -> Result<String, XmlError> {
        let xml = scan::prepare(xml, &Limits::METADATA)?;
        let mut dom = parse(&xml)?;
        let root = dom.document_element().ok_or(XmlError::Malformed)?;
        if !is_ncname(id) || dom.get_attribute(root, id_attribute) != Some(id) {
            return Err(XmlError::Missing);
        }
        let (spot, at) = find_spot(&dom, root, place)?;
        let template = self.template(id, names);
        let template = parse(&template)?;
        let signature = template
            .document_element()
            .and_then(|signature| dom.import_subtree(&template, signature))
            .ok_or(XmlError::NotMade)?;
        match spot {
            Spot::Before(child) => dom.insert_before(root, signature, child),
            Spot::After(child) => dom.insert_after(root, signature, child),
        }
        sign_document_node(&self.context, &mut dom, signature).map_err(|_| XmlError::NotMade)?;
        // Only the signature is written out; the rest stays as we wrote it, octet for octet.
        let signature = dom.node_to_xml(signature);
        let (before, after) = xml.split_at_checked(at).ok_or(XmlError::NotMade)?;
        Ok([before, &signature, after].concat())
    }

    fn template(&self, id: &str, names: KeyNames) -> String {
        let (prefix, declared) = match names {
            KeyNames::Prefixed => ("ds:", String::new()),
            KeyNames::Plain => ("", format!(" xmlns=\"{DSIG}\"")),
        };
        format!(
            "<ds:Signature xmlns:ds=\"{DSIG}\"><ds:SignedInfo>\
             <ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"/>\
             <ds:SignatureMethod Algorithm=\"{}\"/>\
             <ds:Reference URI=\"#{id}\"><ds:Transforms>\
             <ds:Transform Algorithm=\"{ENVELOPED}\"/><ds:Transform Algorithm=\"{EXCLUSIVE}\"/>\
             </ds:Transforms><ds:DigestMethod Algorithm=\"{SHA256}\"/><ds:DigestValue/></ds:Reference>\
             </ds:SignedInfo><ds:SignatureValue/><{prefix}KeyInfo{declared}><{prefix}X509Data>\
             <{prefix}X509Certificate>{}</{prefix}X509Certificate></{prefix}X509Data></{prefix}KeyInfo>\
             </ds:Signature>",
            METHOD.uri(),
            self.certificate
        )
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn parse(xml: &str) -> Result<Document<'_>, XmlError> {
    Parser::new().with_forbid_dtd(true).parse(xml).map_err(|_| XmlError::Malformed)
}

enum Spot {
    Before(NodeId),
    After(NodeId),
}

/// The neighbour of the signature, and the offset in the text where it goes.
fn find_spot(
    dom: &Document<'_>,
    root: NodeId,
    place: SignaturePlace,
) -> Result<(Spot, usize), XmlError> {
    let (child, before) = match place {
        SignaturePlace::First => (dom.first_child(root), true),
        SignaturePlace::Last => (dom.last_child(root), false),
        SignaturePlace::AfterIssuer => {
            let first = dom.children_iter(root).find(|child| dom.element(*child).is_some());
            let issuer = first.filter(|child| {
                dom.element(*child).is_some_and(|e| e.matches_name_ns(ASSERTION_2_0, "Issuer"))
            });
            (issuer, false)
        }
    };
    let child = child.ok_or(XmlError::Missing)?;
    let range = dom.node_range(child).ok_or(XmlError::NotMade)?;
    Ok(if before { (Spot::Before(child), range.start) } else { (Spot::After(child), range.end) })
}

/// A form of [NCName](https://www.w3.org/TR/xml-names/#NT-NCName) that needs no escaping anywhere.
fn is_ncname(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn sign(key: &RsaKeyPair, data: &[u8]) -> Option<Vec<u8>> {
    let mut signature = vec![0_u8; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature).ok()?;
    Some(signature)
}

/// The key as the XML crate wants it, with nothing to parse at each signature.
struct SignerKey(Arc<RsaKeyPair>);

impl kryptering::Signer for SignerKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        METHOD.algorithm()
    }

    fn sign(&self, data: &[u8]) -> kryptering::Result<Vec<u8>> {
        sign(&self.0, data).ok_or_else(|| BackendError::Crypto("not signed".to_owned()))
    }
}
