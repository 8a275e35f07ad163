//! The short list of algorithms. What is not here is refused (D06).
use crate::crypto::certificate::{KeyKind, PublicKey};
use kryptering::{EcCurve, HashAlgorithm, SignatureAlgorithm};
use ring::digest;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
};

pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(super) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(super) const EXCLUSIVE_WITH_COMMENTS: &str =
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";
pub(super) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
pub(super) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#sha384";
const SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";
/// The values of `ds:DigestMethod` that are accepted.
pub const DIGESTS: [&str; 3] = [SHA256, SHA384, SHA512];

/// How a signature was made: RSA (PKCS#1 v1.5) with SHA-2, or ECDSA with the hash of its curve's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureMethod {
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
    EcdsaSha384,
}

impl SignatureMethod {
    /// The first of them is what most keys can do.
    pub const ALL: [Self; 5] =
        [Self::RsaSha256, Self::RsaSha384, Self::RsaSha512, Self::EcdsaSha256, Self::EcdsaSha384];

    /// The identifier of [RFC 9231 §2.3](https://www.rfc-editor.org/rfc/rfc9231#section-2.3): the value of
    /// `SigAlg` and of `ds:SignatureMethod`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        }
    }

    pub fn parse(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.uri() == uri)
    }

    pub(super) fn algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::RsaSha256 => SignatureAlgorithm::RsaPkcs1v15(HashAlgorithm::Sha256),
            Self::RsaSha384 => SignatureAlgorithm::RsaPkcs1v15(HashAlgorithm::Sha384),
            Self::RsaSha512 => SignatureAlgorithm::RsaPkcs1v15(HashAlgorithm::Sha512),
            Self::EcdsaSha256 => SignatureAlgorithm::Ecdsa(EcCurve::P256, HashAlgorithm::Sha256),
            Self::EcdsaSha384 => SignatureAlgorithm::Ecdsa(EcCurve::P384, HashAlgorithm::Sha384),
        }
    }

    /// Whether `key` made `signature` over `message` by this method. A key of another kind did not.
    ///
    /// ECDSA signatures are the two numbers side by side, not DER ([XML Signature §6.4.3]).
    ///
    /// [XML Signature §6.4.3]: https://www.w3.org/TR/xmldsig-core1/#sec-ECDSA
    pub(super) fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        let rsa = match self {
            Self::RsaSha256 => Some(&RSA_PKCS1_2048_8192_SHA256),
            Self::RsaSha384 => Some(&RSA_PKCS1_2048_8192_SHA384),
            Self::RsaSha512 => Some(&RSA_PKCS1_2048_8192_SHA512),
            Self::EcdsaSha256 | Self::EcdsaSha384 => None,
        };
        match (key.kind(), rsa, self) {
            (KeyKind::Rsa(key), Some(parameters), _) => {
                key.verify(parameters, message, signature).is_ok()
            }
            (KeyKind::P256(point), _, Self::EcdsaSha256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature)
                    .is_ok()
            }
            (KeyKind::P384(point), _, Self::EcdsaSha384) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
                    .verify(message, signature)
                    .is_ok()
            }
            (KeyKind::Rsa(_) | KeyKind::P256(_) | KeyKind::P384(_), _, _) => false,
        }
    }
}

/// The hash that a `ds:DigestMethod` names, if it is accepted.
pub(super) fn digest(uri: &str) -> Option<&'static digest::Algorithm> {
    match uri {
        SHA256 => Some(&digest::SHA256),
        SHA384 => Some(&digest::SHA384),
        SHA512 => Some(&digest::SHA512),
        _ => None,
    }
}
