//! Assertions for one recipient's eyes.
use super::XmlError;
use super::algorithm::DSIG;
use crate::crypto::certificate::PublicKey;
use bergshamra_enc::EncContext;
use bergshamra_keys::KeysManager;
use bergshamra_keys::loader::load_spki_der;

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// How content is encrypted. The key of it is always wrapped with RSA-OAEP (MGF1 and SHA-1, which every recipient
/// knows and which OAEP does not rest on); `RSA1_5` is not spoken (D26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cipher {
    #[default]
    Aes256Gcm,
    Aes128Gcm,
    /// Without integrity of its own: for recipients who know nothing better, and inside a signature.
    Aes256Cbc,
    Aes128Cbc,
}

impl Cipher {
    /// The best first.
    pub const ALL: [Self; 4] = [Self::Aes256Gcm, Self::Aes128Gcm, Self::Aes256Cbc, Self::Aes128Cbc];

    /// As in `xenc:EncryptionMethod` and `md:EncryptionMethod`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
            Self::Aes128Cbc => "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
        }
    }

    pub fn parse(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.uri() == uri)
    }
}

/// The element (UTF-8, with all the namespaces it uses) as an `xenc:EncryptedData` for `recipient`, whose key goes
/// along in an `xenc:EncryptedKey` in its `ds:KeyInfo`.
///
/// # Errors
///
/// [`KeyError::Unsupported`](crate::crypto::keys::KeyError::Unsupported) when the recipient's key is not RSA.
/// There is no falling back to plain text (D26).
pub fn encrypt(element: &str, recipient: &PublicKey, cipher: Cipher) -> Result<String, XmlError> {
    if !recipient.may_encrypt() {
        return Err(crate::crypto::keys::KeyError::Unsupported.into());
    }
    let template = format!(
        "<xenc:EncryptedData xmlns:xenc=\"{XENC}\" Type=\"{XENC}Element\">\
         <xenc:EncryptionMethod Algorithm=\"{}\"/>\
         <ds:KeyInfo xmlns:ds=\"{DSIG}\"><xenc:EncryptedKey>\
         <xenc:EncryptionMethod Algorithm=\"{XENC}rsa-oaep-mgf1p\">\
         <ds:DigestMethod Algorithm=\"{DSIG}sha1\"/></xenc:EncryptionMethod>\
         <xenc:CipherData><xenc:CipherValue></xenc:CipherValue></xenc:CipherData>\
         </xenc:EncryptedKey></ds:KeyInfo>\
         <xenc:CipherData><xenc:CipherValue></xenc:CipherValue></xenc:CipherData>\
         </xenc:EncryptedData>",
        cipher.uri()
    );
    let key = load_spki_der(recipient.spki()).map_err(|_| XmlError::NotMade)?;
    let mut keys = KeysManager::new();
    keys.add_key(key);
    bergshamra_enc::encrypt::encrypt(&EncContext::new(keys), &template, element.as_bytes())
        .map_err(|_| XmlError::NotMade)
}
