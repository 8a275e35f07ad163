//! The keys of a service provider, out of its metadata ([SAML metadata §2.4.1.1]).
//!
//! A key that cannot be used is kept beside the usable ones with its reason, because it depends on the rest of the
//! file whether anything needs it.
//!
//! [SAML metadata §2.4.1.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
use super::mistake::printable;
use super::saml_names::md;
use crate::crypto::certificate::PublicKey;
use crate::crypto::xml::{Cipher, Element, Name};

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
const MGF1_SHA1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
/// RSA-OAEP with MGF1 and SHA-1, which XML Encryption 1.1 §5.5 requires of every implementation.
const OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
/// RSA-OAEP with parameters; with SHA-1 for both it is the one above by another name.
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const RSA_1_5: &str = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";

#[derive(Default)]
pub(super) struct MetadataKeys {
    /// Base64 of DER.
    pub(super) signing: Vec<String>,
    /// Why other keys cannot verify signatures; each names its key.
    pub(super) bad_signing: Vec<String>,
    pub(super) encryption: Option<EncryptionKey>,
    /// Why other keys cannot be encrypted to; each names its key.
    pub(super) bad_encryption: Vec<String>,
    /// A key is for encryption alone, so the application asks for it.
    pub(super) encryption_wanted: bool,
}

#[derive(Clone)]
pub(super) struct EncryptionKey {
    pub(super) certificate: String,
    /// `None`: the metadata list no cipher.
    pub(super) cipher: Option<Cipher>,
    /// The key is for encryption alone.
    only: bool,
}

/// The values of the simple type `KeyTypes`; a key without `use` is for both (D36).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyPurpose {
    Signing,
    Encryption,
    Both,
}

/// # Errors
///
/// A `use` that the schema does not have: it is not known what such a key is for.
pub(super) fn read(descriptor: Element<'_>) -> Result<MetadataKeys, String> {
    let mut keys = MetadataKeys::default();
    for (nth, key) in descriptor.children_named(md("KeyDescriptor")).enumerate() {
        let (purpose, words) = match key.attribute("use") {
            None => (KeyPurpose::Both, String::new()),
            Some("signing") => (KeyPurpose::Signing, " (signing)".to_owned()),
            Some("encryption") => (KeyPurpose::Encryption, " (encryption)".to_owned()),
            Some(other) => {
                let other = printable(other);
                return Err(format!(
                    "has a KeyDescriptor whose `use` is `{other}`; it can be signing or encryption"
                ));
            }
        };
        let name = format!("KeyDescriptor {}{words}", nth + 1);
        keys.add(key, (purpose, &name));
    }
    Ok(keys)
}

impl MetadataKeys {
    /// What counts is the key, not the certificate's dates (D38).
    fn add(&mut self, key: Element<'_>, (purpose, name): (KeyPurpose, &str)) {
        self.encryption_wanted |= purpose == KeyPurpose::Encryption;
        let usable = certificate(key).and_then(|certificate| {
            let public = PublicKey::parse(&certificate)
                .map_err(|problem| format!("has a certificate that cannot be used: {problem}"))?;
            Ok((certificate, public))
        });
        let (certificate, public) = match usable {
            Ok(usable) => usable,
            Err(problem) => {
                let problem = format!("{name} {problem}");
                if purpose != KeyPurpose::Encryption {
                    self.bad_signing.push(problem.clone());
                }
                if purpose != KeyPurpose::Signing {
                    self.bad_encryption.push(problem);
                }
                return;
            }
        };
        if purpose != KeyPurpose::Encryption && !self.signing.contains(&certificate) {
            self.signing.push(certificate.clone());
        }
        if purpose != KeyPurpose::Signing {
            match cipher(key, &public) {
                Ok(cipher) => {
                    let only = purpose == KeyPurpose::Encryption;
                    self.add_encryption(EncryptionKey { certificate, cipher, only });
                }
                Err(problem) => self.bad_encryption.push(format!("{name} {problem}")),
            }
        }
    }

    /// The first counts, and one for encryption alone more than one for both.
    fn add_encryption(&mut self, key: EncryptionKey) {
        if self.encryption.as_ref().is_none_or(|known| key.only && !known.only) {
            self.encryption = Some(key);
        }
    }
}

fn certificate(key: Element<'_>) -> Result<String, String> {
    let ds = |local| Name::new(DSIG, local);
    let found = key
        .children_named(ds("KeyInfo"))
        .flat_map(|info| info.children_named(ds("X509Data")))
        .flat_map(|x509| x509.children_named(ds("X509Certificate")))
        .next()
        .ok_or("has no certificate, and other forms of a key are not read")?;
    let text = found.text().map_err(|cause| format!("has a certificate with {cause}"))?;
    Ok(text.chars().filter(|c| !c.is_ascii_whitespace()).collect())
}

/// The best cipher that the key's owner lists; `None` if no cipher is listed. Never RSA 1.5 (D26).
fn cipher(key: Element<'_>, public: &PublicKey) -> Result<Option<Cipher>, String> {
    if !public.may_encrypt() {
        return Err("has no RSA key, and others are not encrypted to".to_owned());
    }
    let (mut transports, mut ciphers) = (Vec::new(), Vec::new());
    for method in key.children_named(md("EncryptionMethod")) {
        // A method without a name is one that is not known here.
        let uri = method.collapsed("Algorithm").unwrap_or_default();
        match uri.as_str() {
            OAEP_MGF1P => transports.push(is_sha1(method, Digest::Assumed)),
            OAEP => transports.push(is_sha1(method, Digest::Named)),
            RSA_1_5 => transports.push(false),
            _ => ciphers.push(Cipher::parse(&uri)),
        }
    }
    let spoken = transports.is_empty() || transports.contains(&true);
    let known = ciphers.iter().flatten().copied();
    let best = known.min_by_key(|cipher| Cipher::ALL.iter().position(|known| known == cipher));
    if !spoken || (best.is_none() && !ciphers.is_empty()) {
        return Err("asks for an encryption that is not spoken here (RSA-OAEP with SHA-1 and \
                    AES-GCM or AES-CBC is)"
            .to_owned());
    }
    Ok(best)
}

/// What it means when a method of key transport names no digest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Digest {
    /// SHA-1 is part of the method.
    Assumed,
    /// Any may be meant, so SHA-1 must be named.
    Named,
}

/// Whether RSA-OAEP is listed with what is written here: SHA-1 as the digest, in MGF1 too, and no parameters.
fn is_sha1(method: Element<'_>, unnamed: Digest) -> bool {
    let algorithms = |namespace, local| -> Vec<String> {
        let named = method.children_named(Name::new(namespace, local));
        named.map(|one| one.collapsed("Algorithm").unwrap_or_default()).collect()
    };
    let digests = algorithms(DSIG, "DigestMethod");
    let functions = algorithms(XENC11, "MGF");
    let parameters = method.children().any(|child| child.local_name() == "OAEPparams");
    let digest = if digests.is_empty() {
        unnamed == Digest::Assumed
    } else {
        digests.iter().any(|uri| uri == SHA1)
    };
    let function = functions.is_empty() || functions.iter().any(|uri| uri == MGF1_SHA1);
    digest && function && !parameters
}
