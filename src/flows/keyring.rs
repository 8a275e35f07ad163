//! The keys in use: opened and parsed once, swapped whole when they change.
use crate::crypto::bewit::BewitKey;
use crate::crypto::jwk::VerifyingKey;
use crate::crypto::keys::{Algorithm, SigningKey};
use crate::crypto::seal::MasterKey;
use crate::crypto::xml::Signer;
use crate::domain::Timestamp;
use crate::domain::client::SigningAlgorithm;
use crate::store::signing_keys::SealedKey;
use crate::store::{self, Conn, StoreError};
use std::sync::{Arc, PoisonError, RwLock};

const TABLE: &str = "signing_keys";

/// Shared by all workers; [`Keys::reload`] follows the database.
pub struct Keys {
    master: MasterKey,
    ring: RwLock<Arc<Ring>>,
}

/// One state of the keys.
#[derive(Default)]
pub struct Ring {
    signers: Vec<Arc<SigningKey>>,
    verifiers: Vec<(String, VerifyingKey)>,
    /// The current one first.
    bewits: Vec<BewitKey>,
    /// The current one first.
    xml: Vec<Signer>,
    /// The answer of the JWKS endpoint, made once.
    jwks: String,
    /// What the ring was made of, to see a change without opening a key.
    made_of: Vec<(String, String)>,
}

impl Keys {
    pub fn new(master: MasterKey) -> Self {
        Self { master, ring: RwLock::new(Arc::default()) }
    }

    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    pub fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the ring what the database says; cheap when nothing has changed.
    pub async fn reload(&self, conn: &Conn) -> Result<(), StoreError> {
        let (keys, now) = store::signing_keys::list(conn).await?;
        let live: Vec<SealedKey> = keys.into_iter().filter(|key| is_live(key, now)).collect();
        let made_of: Vec<_> = live.iter().map(|key| (key.id.clone(), key.state.clone())).collect();
        if self.ring().made_of == made_of {
            return Ok(());
        }
        let ring = Arc::new(Ring::open(&self.master, &live, made_of)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }
}

fn is_live(key: &SealedKey, now: Timestamp) -> bool {
    key.retires_at.is_none_or(|retires_at| now < retires_at)
}

fn corrupt(key: &SealedKey, problem: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt { table: TABLE, what: format!("key {}: {problem}", key.id) }
}

impl Ring {
    fn open(
        master: &MasterKey,
        keys: &[SealedKey],
        made_of: Vec<(String, String)>,
    ) -> Result<Self, StoreError> {
        let mut ring = Self { made_of, ..Self::default() };
        let mut public = Vec::new();
        for key in keys {
            let private =
                master.open(&key.id, &key.private_sealed).map_err(|e| corrupt(key, &e))?;
            if key.purpose == "bewit" {
                let place = if key.state == "current" { 0 } else { ring.bewits.len() };
                ring.bewits.insert(place, BewitKey::new(&key.id, &private));
                continue;
            }
            if key.purpose == "xml" {
                let certificate = key.certificate.as_deref().unwrap_or_default();
                let signer = Signer::load(&private, certificate).map_err(|e| corrupt(key, &e))?;
                let place = if key.state == "current" { 0 } else { ring.xml.len() };
                ring.xml.insert(place, signer);
                continue;
            }
            let algorithm = store_word(key)?;
            let signer =
                SigningKey::load(&key.id, algorithm, &private).map_err(|e| corrupt(key, &e))?;
            let verifier =
                VerifyingKey::from_jwk(signer.public_jwk()).map_err(|e| corrupt(key, &e))?;
            public.push(signer.public_jwk().clone());
            ring.verifiers.push((key.id.clone(), verifier));
            if key.state == "current" {
                ring.signers.push(Arc::new(signer));
            }
        }
        ring.jwks = serde_json::json!({ "keys": public }).to_string();
        Ok(ring)
    }

    /// The key that signs with `algorithm` now.
    pub fn signer(&self, algorithm: SigningAlgorithm) -> Option<&Arc<SigningKey>> {
        let algorithm = match algorithm {
            SigningAlgorithm::Rs256 => Algorithm::Rs256,
            SigningAlgorithm::Es256 => Algorithm::Es256,
            SigningAlgorithm::EdDsa => Algorithm::EdDsa,
        };
        self.signers.iter().find(|key| key.algorithm() == algorithm)
    }

    /// Every key whose signatures count, by `kid`.
    pub fn verifiers(&self) -> impl Iterator<Item = (&str, &VerifyingKey)> {
        self.verifiers.iter().map(|(kid, key)| (kid.as_str(), key))
    }

    pub fn jwks(&self) -> &str {
        &self.jwks
    }

    /// The key that signs links now.
    pub fn link_signer(&self) -> Option<&BewitKey> {
        self.bewits.first()
    }

    pub fn link_key(&self, id: &str) -> Option<&BewitKey> {
        self.bewits.iter().find(|key| key.id() == id)
    }

    /// The key that signs XML now.
    pub fn xml_signer(&self) -> Result<&Signer, StoreError> {
        let missing = || StoreError::Corrupt { table: TABLE, what: "no key for XML".into() };
        self.xml.first().ok_or_else(missing)
    }

    /// The certificates of the keys for XML, base64 of DER: the current one first, then the next and those
    /// that retire.
    pub fn xml_certificates(&self) -> impl Iterator<Item = &str> {
        self.xml.iter().map(Signer::certificate)
    }

    /// Whether every key is there that the server needs to serve.
    pub fn is_complete(&self) -> bool {
        !self.bewits.is_empty()
            && !self.xml.is_empty()
            && SigningAlgorithm::ALL.iter().all(|alg| self.signer(*alg).is_some())
    }
}

fn store_word(key: &SealedKey) -> Result<Algorithm, StoreError> {
    Algorithm::parse(&key.algorithm).ok_or_else(|| corrupt(key, &"an unknown algorithm"))
}
