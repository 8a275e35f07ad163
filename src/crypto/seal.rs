//! Private keys and seeds at rest: AES-256-GCM under a key that is not in the database.
use super::random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use std::fmt;
use zeroize::Zeroizing;

/// First byte of everything sealed, so that another way of sealing can be told apart later.
const VERSION: u8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the master key is not 32 bytes in standard base64")]
pub struct BadMasterKey;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("sealed in a form that this version does not know")]
    UnknownForm,
    /// Another key, another row, or changed bytes: which one cannot be told.
    #[error("does not open with this key in this row")]
    DoesNotOpen,
    #[error("too long to be sealed")]
    TooLong,
}

/// `UNDERSTUDY_MASTER_KEY`.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; 32]>,
    aead: LessSafeKey,
}

impl MasterKey {
    /// White space around it is forgiven: it comes from files and from shells.
    pub fn parse(text: &str) -> Result<Self, BadMasterKey> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| BadMasterKey)?);
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| BadMasterKey)?;
        let bytes = Zeroizing::new(bytes);
        let aead = UnboundKey::new(&AES_256_GCM, bytes.as_slice()).map_err(|_| BadMasterKey)?;
        Ok(Self { bytes, aead: LessSafeKey::new(aead) })
    }

    /// A fresh one, in the form that [`MasterKey::parse`] reads.
    ///
    /// # Panics
    ///
    /// As [`random::bytes`].
    pub fn generate_text() -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(Zeroizing::new(random::bytes::<32>()).as_slice()))
    }

    /// The row's id is bound in: a sealed value moved to another row does not open there.
    ///
    /// # Panics
    ///
    /// As [`random::bytes`].
    pub fn seal(&self, row_id: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = random::bytes::<NONCE_LEN>();
        let mut sealed =
            Vec::with_capacity(1 + NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let (_, body) = sealed.split_at_mut(1 + NONCE_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .aead
            .seal_in_place_separate_tag(nonce, Aad::from(row_id), body)
            .map_err(|_| SealError::TooLong)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    pub fn open(&self, row_id: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::UnknownForm)?;
        if *version != VERSION {
            return Err(SealError::UnknownForm);
        }
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::UnknownForm)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::UnknownForm)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .aead
            .open_in_place(nonce, Aad::from(row_id), &mut body)
            .map_err(|_| SealError::DoesNotOpen)?
            .len();
        body.truncate(length);
        Ok(body)
    }

    /// Another key, for one purpose, the same on every node: it needs no row of its own.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let prf = hmac::Key::new(hmac::HMAC_SHA256, self.bytes.as_slice());
        let message = format!("understudy derived key\0{purpose}");
        let mut derived = Zeroizing::new([0_u8; 32]);
        derived.copy_from_slice(hmac::sign(&prf, message.as_bytes()).as_ref());
        derived
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> MasterKey {
        MasterKey::parse(&MasterKey::generate_text()).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_again_and_never_looks_the_same_twice() {
        let key = key();
        let sealed = key.seal("key_1", b"private").unwrap();
        assert_eq!(key.open("key_1", &sealed).unwrap().as_slice(), b"private");
        assert_ne!(sealed, key.seal("key_1", b"private").unwrap());
        assert_eq!(key.open("key_1", &key.seal("key_1", b"").unwrap()).unwrap().as_slice(), b"");
    }

    #[test]
    fn i04_a_sealed_value_does_not_open_in_another_row() {
        let key = key();
        let sealed = key.seal("key_1", b"private").unwrap();
        assert_eq!(key.open("key_2", &sealed), Err(SealError::DoesNotOpen));
    }

    #[test]
    fn i03_a_sealed_value_does_not_open_with_another_key_or_after_any_change() {
        let key = key();
        let sealed = key.seal("key_1", b"private").unwrap();
        assert_eq!(self::key().open("key_1", &sealed), Err(SealError::DoesNotOpen));
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert!(key.open("key_1", &changed).is_err(), "byte {at} bit {bit}");
            }
            assert!(key.open("key_1", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn i22_a_master_key_is_32_bytes_and_is_never_shown() {
        let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let key = MasterKey::parse(&format!(" {text}\n")).unwrap();
        assert_eq!(format!("{key:?}"), "MasterKey(…)");
        for bad in ["", "AAEC", &text[..43], &format!("{text}AAAA"), "not base64 at all!"] {
            assert!(MasterKey::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_by_master_key() {
        let key = key();
        assert_eq!(key.derive("csrf"), key.derive("csrf"));
        assert_ne!(key.derive("csrf"), key.derive("bewit"));
        assert_ne!(key.derive("csrf"), self::key().derive("csrf"));
        assert_ne!(key.derive("csrf").as_slice(), key.bytes.as_slice());
    }
}
