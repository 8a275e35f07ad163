//! TLS to Postgres with rustls, as configured in `DATABASE_URL`.
use crate::domain::database_url::{Authorities, ClientCertificate, DatabaseTls, ServerProof};
use crate::store::StoreError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};

fn wrong(what: impl Into<String>) -> StoreError {
    StoreError::Setting { name: "DATABASE_URL", what: what.into() }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The system's root certificates, read once, because parsing hundreds of them for each connection is slow.
fn system_roots() -> Arc<RootCertStore> {
    static READ: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    Arc::clone(READ.get_or_init(read))
}

/// Configuration with the system's root certificates, for connections other than the database.
pub(crate) fn system() -> Result<ClientConfig, Error> {
    static MADE: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(made.clone());
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(system_roots())
        .with_no_client_auth();
    Ok(MADE.get_or_init(|| config).clone())
}

/// Files are read for each connection, so that a renewed certificate is used at once.
pub(in crate::store) fn config(tls: &DatabaseTls) -> Result<ClientConfig, StoreError> {
    let unusable = |cause: &dyn std::fmt::Display| wrong(format!("TLS: {cause}"));
    if tls.authorities == Authorities::System
        && tls.client.is_none()
        && tls.proof == ServerProof::ChainAndName
    {
        return system().map_err(|e| unusable(&e));
    }
    let roots = match &tls.authorities {
        Authorities::System => system_roots(),
        Authorities::File(file) => Arc::new(roots_of(file)?),
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable(&e))?;
    let builder = match tls.proof {
        ServerProof::ChainAndName => builder.with_root_certificates(roots),
        ServerProof::Chain => {
            let whole = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
            let chain_only = ChainOnly(whole.map_err(|e| unusable(&e))?);
            builder.dangerous().with_custom_certificate_verifier(Arc::new(chain_only))
        }
    };
    match &tls.client {
        None => Ok(builder.with_no_client_auth()),
        Some(own) => {
            let (chain, key) = read_own(own)?;
            let unfit = |e| wrong(format!("sslcert and sslkey do not fit: {e}"));
            builder.with_client_auth_cert(chain, key).map_err(unfit)
        }
    }
}

fn roots_of(file: &Path) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("sslrootcert", file)? {
        let unusable = |e| wrong(format!("sslrootcert {}: {e}", file.display()));
        roots.add(certificate).map_err(unusable)?;
    }
    Ok(roots)
}

fn certificates(parameter: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let named =
        |what: &dyn std::fmt::Display| wrong(format!("{parameter} {}: {what}", file.display()));
    let pem = fs::read(file).map_err(|e| named(&e))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let read = read.map_err(|_| named(&"is no PEM"))?;
    if read.is_empty() { Err(named(&"has no certificate")) } else { Ok(read) }
}

type OwnCertificate = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Like libpq, refuses a key that others may read; a key of root may be readable by a group.
fn read_own(own: &ClientCertificate) -> Result<OwnCertificate, StoreError> {
    let file = &own.key;
    let named = |what: &dyn std::fmt::Display| wrong(format!("sslkey {}: {what}", file.display()));
    let mode = fs::metadata(file).map_err(|e| named(&e))?.permissions().mode();
    if mode & 0o037 != 0 {
        return Err(named(&"is open to others; `chmod 0600` it"));
    }
    let pem = zeroize::Zeroizing::new(fs::read(file).map_err(|e| named(&e))?);
    let key = PrivateKeyDer::from_pem_slice(&pem);
    let key = key.map_err(|_| named(&"is no private key in PEM without a password"))?;
    Ok((certificates("sslcert", &own.certificate)?, key))
}

/// Accepts a certificate of a trusted authority for any name (`verify-ca`).
#[derive(Debug)]
struct ChainOnly(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for ChainOnly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let whole =
            self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match whole {
            // The chain is verified before the name is compared.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
