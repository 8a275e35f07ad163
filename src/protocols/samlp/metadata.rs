//! What this server says of itself ([SAML metadata §2.4.3]): for one application, or for all.
//!
//! [SAML metadata §2.4.3]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
use super::names::{entity_id, slo_of_all, slo_url, sso_of_all, sso_url};
use crate::crypto::hash::xml_id;
use crate::crypto::xml::{DIGESTS, SignatureMethod, SignaturePlace, Signer, XmlError, escape};
use crate::domain::client::Client;
use crate::domain::federation::NameIdFormat;
use crate::protocols::common::saml_assertion::compact;
use askama::Template;

/// Its values are escaped already.
#[derive(Template)]
#[template(path = "samlp/metadata.xml", escape = "none")]
pub struct SamlMetadata {
    id: String,
    entity_id: String,
    /// What messages may be signed with ([SAML algorithm support §2]); a provider that finds nothing said of it
    /// may take SHA-1, which is refused.
    ///
    /// [SAML algorithm support §2]: https://docs.oasis-open.org/security/saml/Post2.0/sstc-saml-metadata-algsupport-v1.0-cs01.html
    digests: [&'static str; 3],
    signatures: [&'static str; 5],
    want_signed: bool,
    certificates: Vec<String>,
    single_logout: String,
    formats: [&'static str; 4],
    single_sign_on: String,
}

impl SamlMetadata {
    /// `client`: with the addresses that are for this application; else for all of them, and it is by its
    /// `Issuer` that a request says which it is of. `certificates` are those of the keys in use and to come.
    pub fn new<'a>(
        issuer: &str,
        client: Option<&Client>,
        certificates: impl Iterator<Item = &'a str>,
    ) -> Result<Self, XmlError> {
        let settings = client.and_then(|client| client.saml.as_deref());
        let single_sign_on =
            client.map_or_else(|| sso_of_all(issuer), |client| sso_url(issuer, &client.id));
        let single_logout =
            client.map_or_else(|| slo_of_all(issuer), |client| slo_url(issuer, &client.id));
        let certificates: Vec<String> = certificates.map(escape).collect::<Result<_, _>>()?;
        Ok(Self {
            // The same as long as it says the same.
            id: xml_id(&single_sign_on, &certificates.concat()),
            entity_id: escape(entity_id(issuer))?,
            digests: DIGESTS,
            signatures: SignatureMethod::ALL.map(SignatureMethod::uri),
            want_signed: settings.is_some_and(|settings| settings.require_signed_requests),
            certificates,
            single_logout: escape(&single_logout)?,
            formats: NameIdFormat::ALL.map(NameIdFormat::uri),
            single_sign_on: escape(&single_sign_on)?,
        })
    }

    pub fn write(&self) -> Result<String, XmlError> {
        compact(self)
    }

    pub fn sign(&self, signer: &Signer) -> Result<String, XmlError> {
        signer.sign_enveloped(&self.write()?, "ID", &self.id, SignaturePlace::First)
    }
}
