//! The keys of a service provider, out of its metadata ([SAML metadata §2.4.1.1]).
//!
//! [SAML metadata §2.4.1.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
use super::saml_metadata::md;
use crate::crypto::certificate::PublicKey;
use crate::crypto::xml::{Cipher, Element, Name};

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const OAEP: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const KEY_TRANSPORT: [&str; 3] =
    [OAEP, "http://www.w3.org/2009/xmlenc11#rsa-oaep", "http://www.w3.org/2001/04/xmlenc#rsa-1_5"];

#[derive(Default)]
pub(super) struct Keys {
    /// Base64 of DER.
    pub(super) signing: Vec<String>,
    pub(super) encryption: Option<Encryption>,
    /// Why the key that it wants to have things encrypted to cannot be used.
    pub(super) unusable: Option<String>,
}

pub(super) struct Encryption {
    pub(super) certificate: String,
    /// None: it does not say, so ours.
    pub(super) cipher: Option<Cipher>,
    /// The key is for this alone, so it is wanted; else the application may be able to.
    pub(super) wanted: bool,
}

/// One without `use` is for both (D36). What counts is the key, not the certificate's dates (D38).
pub(super) fn read(descriptor: Element<'_>) -> Result<Keys, String> {
    let mut keys = Keys::default();
    for key in descriptor.children_named(md("KeyDescriptor")) {
        let purpose = key.attribute("use");
        let certificate = certificate(key)?;
        let public = PublicKey::parse(&certificate)
            .map_err(|problem| format!("has a certificate that cannot be used: {problem}"))?;
        if purpose != Some("encryption") && !keys.signing.contains(&certificate) {
            keys.signing.push(certificate.clone());
        }
        if purpose != Some("signing") && keys.encryption.is_none() {
            match cipher(key) {
                Ok(cipher) if public.may_encrypt() => {
                    let wanted = purpose.is_some();
                    keys.encryption = Some(Encryption { certificate, cipher, wanted });
                }
                Ok(_) | Err(NotSpoken) => {
                    keys.unusable = Some(
                        "the application's metadata asks for an encryption that is not spoken here \
                         (RSA-OAEP with AES-GCM or AES-CBC is)"
                            .to_owned(),
                    );
                }
            }
        }
    }
    Ok(keys)
}

fn certificate(key: Element<'_>) -> Result<String, String> {
    let ds = |local| Name::new(DSIG, local);
    let found = key
        .children_named(ds("KeyInfo"))
        .flat_map(|info| info.children_named(ds("X509Data")))
        .flat_map(|x509| x509.children_named(ds("X509Certificate")))
        .next()
        .ok_or("has a key without a certificate")?;
    let text = found.text().map_err(|cause| format!("cannot be read: {cause}"))?;
    Ok(text.chars().filter(|c| !c.is_ascii_whitespace()).collect())
}

/// It can be encrypted in no way that is spoken here.
struct NotSpoken;

/// The best of what the key's owner lists; none if nothing is listed. Never RSA 1.5 (D26).
fn cipher(key: Element<'_>) -> Result<Option<Cipher>, NotSpoken> {
    let methods = key.children_named(md("EncryptionMethod"));
    let listed: Vec<&str> = methods.filter_map(|method| method.attribute("Algorithm")).collect();
    let (transports, ciphers): (Vec<&str>, Vec<&str>) =
        listed.into_iter().partition(|uri| KEY_TRANSPORT.contains(uri));
    if !transports.is_empty() && !transports.contains(&OAEP) {
        return Err(NotSpoken);
    }
    if ciphers.is_empty() {
        return Ok(None);
    }
    let known = ciphers.into_iter().filter_map(Cipher::parse);
    let best = known.min_by_key(|cipher| Cipher::ALL.iter().position(|known| known == cipher));
    best.map(Some).ok_or(NotSpoken)
}
