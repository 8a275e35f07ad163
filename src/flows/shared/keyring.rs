//! The keys in use, decrypted and parsed once, and replaced as a whole when they change.
use crate::crypto::bewit::BewitKey;
use crate::crypto::jwk::VerifyingKey;
use crate::crypto::keys::{Algorithm, SigningKey};
use crate::crypto::seal::MasterKey;
use crate::crypto::xml::Signer;
use crate::domain::Timestamp;
use crate::domain::client::SigningAlgorithm;
use crate::store::tokens::signing_keys::SealedKey;
use crate::store::{self, Conn, StoreError};
use std::sync::{Arc, PoisonError, RwLock};

const TABLE: &str = "signing_keys";

/// Shared by all workers; [`KeyStore::reload`] follows the database.
pub struct KeyStore {
    master: MasterKey,
    ring: RwLock<Option<Arc<KeyRing>>>,
}

/// A snapshot of all keys. It is complete, because a response that is made with a key missing is wrong: a live
/// token would be "not active", a valid link would have a "bad mac".
pub struct KeyRing {
    signers: Signers,
    verifiers: Vec<(String, VerifyingKey)>,
    bewits: CurrentFirst<BewitKey>,
    xml: CurrentFirst<Signer>,
    /// The response of the JWKS endpoint.
    jwks: String,
    /// Ids and states of the keys, to detect a change without decrypting them.
    made_of: Vec<(String, String)>,
}

/// The key that signs now, for each algorithm.
struct Signers {
    rs256: Arc<SigningKey>,
    es256: Arc<SigningKey>,
    ed_dsa: Arc<SigningKey>,
}

/// The keys of one purpose, at least one.
struct CurrentFirst<K> {
    current: K,
    others: Vec<K>,
}

impl<K> CurrentFirst<K> {
    fn iter(&self) -> impl Iterator<Item = &K> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

/// The decrypted keys, before the check that none is missing.
#[derive(Default)]
struct OpenedKeys {
    signers: Vec<Arc<SigningKey>>,
    verifiers: Vec<(String, VerifyingKey)>,
    public: Vec<serde_json::Value>,
    bewit: Option<BewitKey>,
    other_bewits: Vec<BewitKey>,
    xml: Option<Signer>,
    other_xml: Vec<Signer>,
}

impl KeyStore {
    pub fn new(master: MasterKey) -> Self {
        Self { master, ring: RwLock::new(None) }
    }

    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// The keys as last read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] until a complete ring has been read: the answer is 503, never one that
    /// is made without keys.
    pub fn ring(&self) -> Result<Arc<KeyRing>, StoreError> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        ring.clone().ok_or_else(|| StoreError::Unavailable("the keys are not read yet".into()))
    }

    pub fn are_there(&self) -> bool {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Whether the master key is the one that sealed the keys in the database, if there are any.
    ///
    /// # Errors
    ///
    /// [`StoreError::Setting`] if it is another.
    pub async fn check(&self, conn: &Conn) -> Result<(), StoreError> {
        check_master(&self.master, &store::tokens::signing_keys::list(conn).await?.0)
    }

    /// Loads the ring from the database; cheap when nothing has changed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when a key is missing or cannot be opened. If one is missing, there is no ring from
    /// then on: those that were taken out of the table may not sign or verify.
    pub async fn reload(&self, conn: &Conn) -> Result<(), StoreError> {
        let (keys, now) = store::tokens::signing_keys::list(conn).await?;
        let live: Vec<SealedKey> = keys.into_iter().filter(|key| is_live(key, now)).collect();
        let made_of: Vec<_> = live.iter().map(|key| (key.id.clone(), key.state.clone())).collect();
        if self.ring().is_ok_and(|ring| ring.made_of == made_of) {
            return Ok(());
        }
        let ring = OpenedKeys::open(&self.master, &live)?.into_ring(made_of);
        let (ring, outcome) = match ring {
            Ok(ring) => (Some(Arc::new(ring)), Ok(())),
            Err(missing) => (None, Err(missing)),
        };
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        outcome
    }
}

fn is_live(key: &SealedKey, now: Timestamp) -> bool {
    key.retires_at.is_none_or(|retires_at| now < retires_at)
}

fn corrupt(key: &SealedKey, problem: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt { table: TABLE, what: format!("key {}: {problem}", key.id) }
}

/// If one key cannot be decrypted, its row is corrupt; if none can, the master key is another one.
fn check_master(master: &MasterKey, keys: &[SealedKey]) -> Result<(), StoreError> {
    let opens = |key: &SealedKey| master.open(&key.id, &key.private_sealed).is_ok();
    if keys.is_empty() || keys.iter().any(opens) {
        return Ok(());
    }
    let what = "is not the key that the private keys in this database were sealed with: give the one that was \
                used before";
    Err(StoreError::Setting { name: "UNDERSTUDY_MASTER_KEY", what: what.to_owned() })
}

impl OpenedKeys {
    fn open(master: &MasterKey, keys: &[SealedKey]) -> Result<Self, StoreError> {
        check_master(master, keys)?;
        let mut opened = Self::default();
        for key in keys {
            let private =
                master.open(&key.id, &key.private_sealed).map_err(|e| corrupt(key, &e))?;
            match key.purpose.as_str() {
                "bewit" => {
                    let bewit = BewitKey::new(&key.id, &private);
                    put(key, bewit, (&mut opened.bewit, &mut opened.other_bewits));
                }
                "xml" => {
                    let certificate = key.certificate.as_deref().unwrap_or_default();
                    let signer =
                        Signer::load(&private, certificate).map_err(|e| corrupt(key, &e))?;
                    put(key, signer, (&mut opened.xml, &mut opened.other_xml));
                }
                _ => opened.add_token_key(key, &private)?,
            }
        }
        Ok(opened)
    }

    fn add_token_key(&mut self, key: &SealedKey, private: &[u8]) -> Result<(), StoreError> {
        let algorithm = store_word(key)?;
        let signer = SigningKey::load(&key.id, algorithm, private).map_err(|e| corrupt(key, &e))?;
        let verifier = VerifyingKey::from_jwk(signer.public_jwk()).map_err(|e| corrupt(key, &e))?;
        self.public.push(signer.public_jwk().clone());
        self.verifiers.push((key.id.clone(), verifier));
        if key.state == "current" {
            self.signers.push(Arc::new(signer));
        }
        Ok(())
    }

    /// Builds the ring, if no key is missing.
    fn into_ring(self, made_of: Vec<(String, String)>) -> Result<KeyRing, StoreError> {
        let missing = |what: &str| StoreError::Corrupt {
            table: TABLE,
            what: format!("no current key {what}"),
        };
        let signer = |algorithm: Algorithm| {
            let found = self.signers.iter().find(|key| key.algorithm() == algorithm);
            found.cloned().ok_or_else(|| missing(algorithm.as_str()))
        };
        Ok(KeyRing {
            signers: Signers {
                rs256: signer(Algorithm::Rs256)?,
                es256: signer(Algorithm::Es256)?,
                ed_dsa: signer(Algorithm::EdDsa)?,
            },
            verifiers: self.verifiers,
            bewits: CurrentFirst {
                current: self.bewit.ok_or_else(|| missing("for links"))?,
                others: self.other_bewits,
            },
            xml: CurrentFirst {
                current: self.xml.ok_or_else(|| missing("for XML"))?,
                others: self.other_xml,
            },
            jwks: serde_json::json!({ "keys": self.public }).to_string(),
            made_of,
        })
    }
}

impl KeyRing {
    /// The key that signs with `algorithm` now.
    pub fn signer(&self, algorithm: SigningAlgorithm) -> &Arc<SigningKey> {
        match algorithm {
            SigningAlgorithm::Rs256 => &self.signers.rs256,
            SigningAlgorithm::Es256 => &self.signers.es256,
            SigningAlgorithm::EdDsa => &self.signers.ed_dsa,
        }
    }

    /// Every key whose signatures count, by `kid`.
    pub fn verifiers(&self) -> impl Iterator<Item = (&str, &VerifyingKey)> {
        self.verifiers.iter().map(|(kid, key)| (kid.as_str(), key))
    }

    pub fn jwks(&self) -> &str {
        &self.jwks
    }

    /// The key that signs links now.
    pub fn link_signer(&self) -> &BewitKey {
        &self.bewits.current
    }

    pub fn link_key(&self, id: &str) -> Option<&BewitKey> {
        self.bewits.iter().find(|key| key.id() == id)
    }

    /// The key that signs XML now.
    pub fn xml_signer(&self) -> &Signer {
        &self.xml.current
    }

    /// The certificates of the keys for XML, base64 of DER: the current one first, then the next and those
    /// that retire.
    pub fn xml_certificates(&self) -> impl Iterator<Item = &str> {
        self.xml.iter().map(Signer::certificate)
    }
}

/// Sets the current key, or appends another one.
fn put<K>(sealed: &SealedKey, key: K, (current, others): (&mut Option<K>, &mut Vec<K>)) {
    if sealed.state == "current" {
        others.extend(current.replace(key));
    } else {
        others.push(key);
    }
}

fn store_word(key: &SealedKey) -> Result<Algorithm, StoreError> {
    Algorithm::parse(&key.algorithm).ok_or_else(|| corrupt(key, &"an unknown algorithm"))
}
