//! X.509 as an envelope for keys: ours, signed by itself, and those that partners send.
//!
//! Metadata of SAML and WS-Federation carry keys in certificates, and what counts is the key: dates,
//! issuer and signature of a partner's certificate are not looked at ([SAML metadata interoperability
//! §2.5.1], D38). Trust comes from who registered it.
//!
//! [SAML metadata interoperability §2.5.1]: https://docs.oasis-open.org/security/saml/Post2.0/sstc-metadata-iop-os.html
use super::keys::KeyError;
use super::random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
    SerialNumber, date_time_ymd,
};
use ring::signature::RsaPublicKeyComponents;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

#[cfg(test)]
mod tests;

/// Upper bound of a common name ([RFC 5280, appendix A.1], `ub-common-name`).
///
/// [RFC 5280, appendix A.1]: https://www.rfc-editor.org/rfc/rfc5280#appendix-A.1
pub const MAX_NAME: usize = 64;
/// 9999-12-31T23:59:59Z, the last moment a certificate can name ([RFC 5280 §4.1.2.5]).
///
/// [RFC 5280 §4.1.2.5]: https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5
const END_OF_TIME: u64 = 253_402_300_799;

/// A certificate (DER) that the RSA key signs for itself: a form for its public part, no more.
///
/// `name` becomes the common name of subject and issuer and is cut to [`MAX_NAME`] characters. Times are kept to
/// the second, between 1970 and 9999. The serial number is random.
pub fn self_sign(
    rsa_private_pkcs8: &[u8],
    name: &str,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
) -> Result<Vec<u8>, KeyError> {
    let seconds =
        |time: DateTime<Utc>| u64::try_from(time.timestamp()).map_err(|_| KeyError::NotMade);
    let (from, to) = (seconds(not_before)?, seconds(not_after)?);
    if name.is_empty() || from >= to || to > END_OF_TIME {
        return Err(KeyError::NotMade);
    }
    let pkcs8 = PrivatePkcs8KeyDer::from(rsa_private_pkcs8);
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_RSA_SHA256)
        .map_err(|_| KeyError::Malformed)?;
    let epoch = date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    params.not_before = epoch + Duration::from_secs(from);
    params.not_after = epoch + Duration::from_secs(to);
    // RFC 5280 §4.1.2.2: positive, and at most 20 octets.
    params.serial_number =
        Some(SerialNumber::from_slice(&[&[1], &random::bytes::<15>()[..]].concat()));
    params.distinguished_name = DistinguishedName::new();
    let name: String = name.chars().take(MAX_NAME).collect();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let certificate = params.self_signed(&key).map_err(|_| KeyError::NotMade)?;
    Ok(certificate.der().to_vec())
}

/// DER as it stands in `ds:X509Certificate`: base64 without line ends.
pub fn to_base64(der: &[u8]) -> String {
    STANDARD.encode(der)
}

/// The other way round.
pub fn from_base64(text: &str) -> Result<Vec<u8>, KeyError> {
    STANDARD.decode(text).map_err(|_| KeyError::Malformed)
}

/// DER as files have it ([RFC 7468 §5]).
///
/// [RFC 7468 §5]: https://www.rfc-editor.org/rfc/rfc7468#section-5
pub fn to_pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let body: String = lines.map(|line| format!("{line}\n")).collect();
    format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
}

/// The moment after which it says that it does not count.
pub fn not_after(der: &[u8]) -> Result<DateTime<Utc>, KeyError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| KeyError::Malformed)?;
    let seconds = certificate.validity().not_after.timestamp();
    DateTime::from_timestamp(seconds, 0).ok_or(KeyError::Malformed)
}

/// A partner's public key whose strength has been judged: RSA from 2048 bits and exponent 65537, P-256, P-384.
///
/// Whoever cares for what a key is for (`use` in metadata) keeps two lists of these; the key does not know.
#[derive(Debug, Clone)]
pub struct PublicKey {
    kind: KeyKind,
    /// `SubjectPublicKeyInfo`, DER.
    spki: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(super) enum KeyKind {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// Uncompressed points ([SEC 1 §2.3.3](https://www.secg.org/sec1-v2.pdf)).
    P256(Vec<u8>),
    P384(Vec<u8>),
}

impl PublicKey {
    /// From a certificate in PEM, a certificate in bare base64 (as in `ds:X509Certificate`, white space
    /// allowed), or a PEM `PUBLIC KEY`. One of them, not a chain.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if !text.contains("-----BEGIN ") {
            let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            let der = STANDARD.decode(text).map_err(|_| KeyError::Malformed)?;
            return Self::from_certificate(&der);
        }
        let mut blocks = Pem::iter_from_buffer(text.as_bytes());
        let (Some(Ok(pem)), None) = (blocks.next(), blocks.next()) else {
            return Err(KeyError::Malformed);
        };
        match pem.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                Self::from_certificate(&pem.contents)
            }
            "PUBLIC KEY" => Self::from_spki(&pem.contents),
            label if label.contains("PRIVATE") => Err(KeyError::NotPublic),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// From a certificate in DER.
    pub fn from_certificate(der: &[u8]) -> Result<Self, KeyError> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| KeyError::Malformed)?;
        if !rest.is_empty() {
            return Err(KeyError::Malformed);
        }
        Self::from_info(certificate.public_key())
    }

    fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::Malformed)?;
        if !rest.is_empty() {
            return Err(KeyError::Malformed);
        }
        Self::from_info(&info)
    }

    fn from_info(info: &SubjectPublicKeyInfo<'_>) -> Result<Self, KeyError> {
        let kind = match info.parsed().map_err(|_| KeyError::Malformed)? {
            Parsed::RSA(key) => rsa(key.modulus, key.exponent)?,
            Parsed::EC(point) => {
                let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
                let point = point.data().to_vec();
                match (curve, point.len(), point.first()) {
                    (Some(curve), 65, Some(4)) if curve == OID_EC_P256 => KeyKind::P256(point),
                    (Some(curve), 97, Some(4)) if curve == OID_NIST_EC_P384 => KeyKind::P384(point),
                    _ => return Err(KeyError::Unsupported),
                }
            }
            Parsed::DSA(_)
            | Parsed::GostR3410(_)
            | Parsed::GostR3410_2012(_)
            | Parsed::Unknown(_) => {
                return Err(KeyError::Unsupported);
            }
        };
        Ok(Self { kind, spki: info.raw.to_vec() })
    }

    /// Only RSA keys have something encrypted to them here (RSA-OAEP).
    pub fn may_encrypt(&self) -> bool {
        matches!(self.kind, KeyKind::Rsa(_))
    }

    /// `SubjectPublicKeyInfo` in DER: two certificates with one key are one key.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    pub(super) fn kind(&self) -> &KeyKind {
        &self.kind
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}
impl Eq for PublicKey {}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<KeyKind, KeyError> {
    let plain =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().skip_while(|b| *b == 0).collect() };
    let (n, e) = (plain(modulus), plain(exponent));
    let top = n.first().ok_or(KeyError::Malformed)?;
    let bits = n.len() * 8 - usize::try_from(top.leading_zeros()).unwrap_or(8);
    // 65537 is 01 00 01: anything shorter is smaller.
    if bits < 2048 || e.len() < 3 {
        return Err(KeyError::Weak);
    }
    if bits > 8192 || e.len() > 4 {
        return Err(KeyError::Unsupported);
    }
    Ok(KeyKind::Rsa(RsaPublicKeyComponents { n, e }))
}
