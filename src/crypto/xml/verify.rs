//! Whether a registered key vouches for a message.
use super::document::Document;
use super::element::{Element, Name};
use super::{SignatureMethod, XmlError, shape};
use crate::crypto::certificate::PublicKey;
use bergshamra_dsig::verify::verify_document;
use bergshamra_dsig::{DsigContext, VerifyResult};
use bergshamra_keys::KeysManager;
use kryptering::{SignatureAlgorithm, Verifier};

/// Old and new during a change of keys; more would let a message cost more work. Registration refuses more, so none
/// is left out in silence.
pub const MAX_KEYS: usize = 8;

/// The message, if it is an `expected` and one of `keys` signed it as a whole.
///
/// The signature is enveloped in the message and refers to it by ID; see [`SignatureMethod`] for the algorithms.
/// Keys and certificates in the message itself count for nothing. What comes back is what the signature is over:
/// read from it alone.
///
/// # Errors
///
/// [`XmlError::NotSigned`], [`XmlError::NoKey`] (nothing registered: never "no key, no check", D36),
/// [`XmlError::Unexpected`], [`XmlError::SignatureShape`], [`XmlError::Algorithm`], [`XmlError::BadSignature`].
pub fn verify<'d>(
    document: &'d Document,
    keys: &[PublicKey],
    expected: Name,
) -> Result<Element<'d>, XmlError> {
    let message = document.unverified();
    if !message.is(expected) {
        return Err(XmlError::Unexpected);
    }
    let shape = shape::check(document)?;
    if keys.is_empty() {
        return Err(XmlError::NoKey);
    }
    let judge = AnyOf { method: shape.method, keys: keys.to_vec() };
    let context = DsigContext::new(KeysManager::new()).with_hsm_verifier(Box::new(judge));
    match verify_document(&context, &document.dom) {
        Ok(VerifyResult::Valid { signature_node, references, .. })
            if signature_node == shape.signature
                && matches!(references.as_slice(), [one]
                    if one.digest_verified && one.resolved_node == Some(message.id)) =>
        {
            Ok(message)
        }
        Ok(VerifyResult::Valid { .. } | VerifyResult::Invalid { .. }) | Err(_) => {
            Err(XmlError::BadSignature)
        }
    }
}

/// A detached signature, as in the SAML Redirect binding, over the octets as they were received
/// ([SAML bindings §3.4.4.1]); `method` is the value of `SigAlg`.
///
/// [SAML bindings §3.4.4.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
pub fn verify_octets(
    method: &str,
    keys: &[PublicKey],
    octets: &[u8],
    signature: &[u8],
) -> Result<(), XmlError> {
    let method = SignatureMethod::parse(method).ok_or(XmlError::Algorithm)?;
    if keys.is_empty() {
        return Err(XmlError::NoKey);
    }
    if any_verifies(method, keys, octets, signature) { Ok(()) } else { Err(XmlError::BadSignature) }
}

fn any_verifies(
    method: SignatureMethod,
    keys: &[PublicKey],
    message: &[u8],
    signature: &[u8],
) -> bool {
    keys.iter().take(MAX_KEYS).any(|key| method.verify(key, message, signature))
}

/// The registered keys, as the verifier wants them: old and new certificate both count (D34).
struct AnyOf {
    method: SignatureMethod,
    keys: Vec<PublicKey>,
}

impl Verifier for AnyOf {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.method.algorithm()
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> kryptering::Result<bool> {
        Ok(any_verifies(self.method, &self.keys, data, signature))
    }
}
