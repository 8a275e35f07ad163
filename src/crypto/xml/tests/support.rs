//! Keys and messages for the tests, and a signer that signs whatever it is told to.
use super::super::*;
use crate::crypto::certificate::{PublicKey, self_sign};
use crate::crypto::keys::{Algorithm, generate};
use bergshamra_dsig::{DsigContext, verify::verify_all};
use bergshamra_keys::key::{Key, KeyData, KeyUsage};
use bergshamra_keys::{KeysManager, loader::load_spki_der};
use chrono::{DateTime, Utc};
use std::sync::LazyLock;

pub const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
pub const REQUEST: Name = Name::new(SAMLP, "AuthnRequest");
pub const RESPONSE: Name = Name::new(SAMLP, "Response");
pub const ISSUER: Name = Name::new(SAML, "Issuer");
/// Everything that a partner may send us.
pub const MESSAGES: [Name; 4] =
    [REQUEST, Name::new(SAMLP, "LogoutRequest"), Name::new(SAMLP, "LogoutResponse"), RESPONSE];

/// An RSA key with its certificate.
pub struct Party {
    pub pkcs8: Vec<u8>,
    pub certificate: Vec<u8>,
    pub signer: Signer,
    pub public: PublicKey,
}

impl Party {
    pub fn new(name: &str) -> Self {
        let key = generate(Algorithm::Rs256).unwrap();
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

pub fn message(name: Name, id: &str, inner: &str) -> String {
    let local = name.local;
    format!(
        "<samlp:{local} xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"{id}\" Version=\"2.0\">\
         <saml:Issuer>https://sp.example/metadata</saml:Issuer>{inner}</samlp:{local}>"
    )
}

pub fn request() -> String {
    message(REQUEST, "_r1", "<samlp:NameIDPolicy AllowCreate=\"true\"/>")
}

pub fn signed_request() -> String {
    PARTNER.signer.sign_enveloped(&request(), "ID", "_r1", SignaturePlace::AfterIssuer).unwrap()
}

/// The signature of a well-behaved partner, not yet made.
pub fn template(id: &str) -> String {
    format!(
        "<ds:Signature xmlns:ds=\"{DS}\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>{}\
         </ds:SignedInfo><ds:SignatureValue/></ds:Signature>",
        reference(&format!("#{id}"))
    )
}

pub const ENVELOPED: &str =
    "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
pub const EXCLUSIVE: &str = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";

pub fn reference(uri: &str) -> String {
    format!(
        "<ds:Reference URI=\"{uri}\"><ds:Transforms>{ENVELOPED}{EXCLUSIVE}</ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>\
         <ds:DigestValue/></ds:Reference>"
    )
}

/// Signs the (first) template in `xml` with the partner's key, by software that signs anything.
pub fn forge(xml: &str) -> String {
    let data = KeyData::from_pkcs8_der(kryptering::KeyAlgorithm::Rsa, &PARTNER.pkcs8).unwrap();
    forge_with(xml, Key::new(data, KeyUsage::Sign))
}

pub fn forge_with(xml: &str, key: Key) -> String {
    let mut keys = KeysManager::new();
    keys.add_key(key);
    bergshamra_dsig::sign::sign(&DsigContext::new_permissive(keys), xml).unwrap()
}

/// What software says that believes any valid signature anywhere: the attack is a real one.
pub fn naive(xml: &str) -> bool {
    let mut keys = KeysManager::new();
    keys.add_key(load_spki_der(PARTNER.public.spki()).unwrap());
    verify_all(&DsigContext::new_permissive(keys).with_trusted_keys_only(true), xml)
        .is_ok_and(|results| results.iter().any(bergshamra_dsig::VerifyResult::is_valid))
}

pub fn open(xml: &str) -> Result<Document, XmlError> {
    read(xml.as_bytes(), &Limits::MESSAGE)
}

/// What a room would do: read, verify with the partner's key.
pub fn accept_as(name: Name, xml: &str) -> Result<(), XmlError> {
    verify(&open(xml)?, std::slice::from_ref(&PARTNER.public), name).map(|_| ())
}

pub fn accept(xml: &str) -> Result<(), XmlError> {
    accept_as(REQUEST, xml)
}
