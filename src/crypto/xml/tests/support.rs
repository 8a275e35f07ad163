//! Keys and messages for the tests, and a signer that signs whatever it is told to.
use super::super::*;
use crate::crypto::certificate::{PublicKey, self_sign};
use chrono::{DateTime, Utc};
use std::sync::LazyLock;

pub const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const REQUEST: Name = Name::new(SAMLP, "AuthnRequest");
pub const RESPONSE: Name = Name::new(SAMLP, "Response");
pub const ASSERTION: Name = Name::new(SAML, "Assertion");
pub const ISSUER: Name = Name::new(SAML, "Issuer");

/// An RSA key with its certificate.
pub struct Party {
    pub pkcs8: Vec<u8>,
    pub certificate: Vec<u8>,
    pub signer: Signer,
    pub public: PublicKey,
}

impl Party {
    pub fn new(name: &str) -> Self {
        let key = crate::crypto::keys::generate(crate::crypto::keys::Algorithm::Rs256).unwrap();
        let (from, to) = validity();
        let certificate = self_sign(&key.private, name, from, to).unwrap();
        Self {
            signer: Signer::load(&key.private, &certificate).unwrap(),
            public: PublicKey::from_certificate(&certificate).unwrap(),
            pkcs8: key.private.to_vec(),
            certificate,
        }
    }
}

pub fn validity() -> (DateTime<Utc>, DateTime<Utc>) {
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    (at(1_700_000_000), at(2_600_000_000))
}

/// The partner whose key is registered.
pub static PARTNER: LazyLock<Party> = LazyLock::new(|| Party::new("partner"));
/// Somebody else with a key of their own.
pub static STRANGER: LazyLock<Party> = LazyLock::new(|| Party::new("stranger"));

pub fn request() -> String {
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"_r1\" Version=\"2.0\">\
         <saml:Issuer>https://sp.example/metadata</saml:Issuer>\
         <samlp:NameIDPolicy AllowCreate=\"true\"/></samlp:AuthnRequest>"
    )
}

pub fn signed_request() -> String {
    PARTNER.signer.sign_enveloped(&request(), "ID", "_r1", Place::AfterIssuer).unwrap()
}

pub fn open(xml: &str) -> Result<Document, XmlError> {
    read(xml.as_bytes(), &Limits::MESSAGE)
}

/// What a room would do: read, verify with the partner's key.
pub fn accept(xml: &str) -> Result<(), XmlError> {
    let document = open(xml)?;
    verify(&document, &[PARTNER.public.clone()], REQUEST).map(|_| ())
}
