//! People's passwords: argon2id, 19 MiB, two passes, one lane. Hashes that were made elsewhere are in [`foreign`].
//!
//! Synchronous and slow on purpose (some 24 ms of CPU): run it on the bounded pool, never in a
//! transaction. The text is hashed in NFKC ([NIST SP 800-63B §5.1.1.2]), because keyboards and systems differ in how they
//! write an `é`.
//!
//! [NIST SP 800-63B §5.1.1.2]: https://pages.nist.gov/800-63-3/sp800-63b.html#memsecretver
mod foreign;

use super::{hash, random};
use argon2::password_hash::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use foreign::ForeignHash;
use std::cell::RefCell;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Longer ones are refused before any work is done.
pub const MAX_BYTES: usize = 4096;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// An imported hash may ask for more work than ours, but not for all the memory of the server.
const MAX_IMPORTED_KIB: u32 = 256 * 1024;
const MAX_IMPORTED_PASSES: u32 = 16;
/// Memory times passes: some 0.8 s on one core.
const MAX_IMPORTED_WORK_KIB: u32 = 1280 * 1024;

/// Of no password: finding one would be a preimage. Same cost as a real one.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LCBub3doZXJlIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("the password is longer than 4096 bytes")]
    TooLong,
    #[error("the password could not be hashed")]
    Hashing,
}

thread_local! {
    /// 19 MiB fetched anew from the system for every login is 4,900 page faults: each worker keeps its own.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// In PHC form, with a fresh salt.
///
/// # Panics
///
/// As [`random::bytes`].
pub fn hash(password: &str) -> Result<String, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32));
    let params = params.map_err(|_| PasswordError::Hashing)?;
    let salt = random::bytes::<16>();
    let mut out = [0_u8; 32];
    derive((Algorithm::Argon2id, params), &normal(password)?, &salt, &mut out)?;
    let mut phc = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$");
    STANDARD_NO_PAD.encode_string(salt, &mut phc);
    phc.push('$');
    STANDARD_NO_PAD.encode_string(out, &mut phc);
    Ok(phc)
}

/// `false` for a wrong password, for one that is too long and for a stored hash that cannot be read.
pub fn verify(password: &str, phc: &str) -> bool {
    let Some(stored) = AnyHash::parse(phc) else { return false };
    let Ok(normal) = normal(password) else { return false };
    let fits = |text: &str| match &stored {
        AnyHash::Argon2(stored) => stored.fits(text),
        AnyHash::Foreign(stored) => stored.fits(text),
    };
    // Hashes from elsewhere, and older ones of ours, are of the text as it was typed. Both are always tried, so that
    // the time says nothing about the stored hash.
    let as_typed = normal.as_str() != password && fits(password);
    fits(&normal) || as_typed
}

/// The text in NFKC; the length is that of what was typed.
fn normal(password: &str) -> Result<Zeroizing<String>, PasswordError> {
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    Ok(Zeroizing::new(password.nfkc().collect()))
}

/// The work of [`verify`] for a user who does not exist: the time must not tell.
pub fn verify_nobody(password: &str) {
    let _never_true = verify(password, DUMMY);
}

/// Whether the stored hash was made with other settings than today's.
pub fn needs_rehash(phc: &str) -> bool {
    StoredHash::parse(phc).is_none_or(|stored| {
        let cost = (stored.params.m_cost(), stored.params.t_cost(), stored.params.p_cost());
        stored.algorithm != Algorithm::Argon2id
            || cost != (MEMORY_KIB, PASSES, LANES)
            || stored.salt.len() < 16
            || stored.hash.len() != 32
    })
}

/// Whether [`verify`] could ever say yes to it: asked when hashes are imported.
pub fn is_usable(phc: &str) -> bool {
    AnyHash::parse(phc).is_some()
}

/// What can stand in the column of hashes.
enum AnyHash {
    Argon2(StoredHash),
    Foreign(ForeignHash),
}

impl AnyHash {
    fn parse(text: &str) -> Option<Self> {
        StoredHash::parse(text)
            .map(Self::Argon2)
            .or_else(|| ForeignHash::parse(text).map(Self::Foreign))
    }
}

struct StoredHash {
    algorithm: Algorithm,
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl StoredHash {
    /// Version 1.3 only.
    fn parse(phc: &str) -> Option<Self> {
        let parsed = PasswordHash::new(phc).ok()?;
        let algorithm = Algorithm::try_from(parsed.algorithm).ok()?;
        if parsed.version != Some(u32::from(Version::V0x13)) {
            return None;
        }
        let params = Params::try_from(&parsed).ok()?;
        if params.m_cost() > MAX_IMPORTED_KIB
            || params.t_cost() > MAX_IMPORTED_PASSES
            || params.m_cost().saturating_mul(params.t_cost()) > MAX_IMPORTED_WORK_KIB
        {
            return None;
        }
        let mut salt = [0_u8; 64];
        let salt = parsed.salt?.decode_b64(&mut salt).ok()?.to_vec();
        Some(Self { algorithm, params, salt, hash: parsed.hash?.as_bytes().to_vec() })
    }

    fn fits(&self, password: &str) -> bool {
        let mut out = Zeroizing::new(vec![0_u8; self.hash.len()]);
        derive((self.algorithm, self.params.clone()), password, &self.salt, &mut out).is_ok()
            && hash::constant_time_eq(&out, &self.hash)
    }
}

fn derive(
    (algorithm, params): (Algorithm, Params),
    password: &str,
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), PasswordError> {
    let blocks = params.block_count();
    let ours = params.m_cost() == MEMORY_KIB;
    let argon2 = Argon2::new(algorithm, Version::V0x13, params);
    let run = |memory: &mut Vec<Block>, out: &mut [u8]| {
        memory.resize(blocks, Block::default());
        argon2
            .hash_password_into_with_memory(password.as_bytes(), salt, out, memory)
            .map_err(|_| PasswordError::Hashing)
    };
    if ours { MEMORY.with_borrow_mut(|memory| run(memory, out)) } else { run(&mut Vec::new(), out) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, SaltString};

    fn foreign(algorithm: Algorithm, params: Params) -> String {
        let salt = SaltString::encode_b64(&[3; 16]).unwrap();
        let argon2 = Argon2::new(algorithm, Version::V0x13, params);
        argon2.hash_password(b"imported", &salt).unwrap().to_string()
    }

    #[test]
    fn a_password_is_its_own_and_no_other() {
        let phc = hash("correct horse").unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify("correct horse", &phc));
        assert!(!verify("correct horsf", &phc));
        assert!(!verify("", &phc));
        assert!(!needs_rehash(&phc));
        assert_ne!(phc, hash("correct horse").unwrap());
    }

    #[test]
    fn k52_a_password_is_the_same_however_its_letters_are_composed() {
        let phc = hash("caf\u{e9} 1").unwrap();
        assert!(verify("cafe\u{301} 1", &phc) && verify("caf\u{e9} \u{ff11}", &phc));
        assert!(!verify("cafe 1", &phc));
        // A hash that was made elsewhere of the text as it was typed.
        let salt = SaltString::encode_b64(&[3; 16]).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default());
        let typed = argon2.hash_password("cafe\u{301}".as_bytes(), &salt).unwrap().to_string();
        assert!(verify("cafe\u{301}", &typed));
    }

    #[test]
    fn the_form_is_the_one_that_others_read() {
        let phc = hash("correct horse").unwrap();
        let parsed = PasswordHash::new(&phc).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
    }

    #[test]
    fn imported_hashes_work_and_are_renewed() {
        let weak = foreign(Algorithm::Argon2id, Params::new(64, 1, 2, Some(16)).unwrap());
        assert!(is_usable(&weak) && verify("imported", &weak) && needs_rehash(&weak));
        assert!(!verify("other", &weak));
        let same = foreign(Algorithm::Argon2id, Params::default());
        assert!(verify("imported", &same) && !needs_rehash(&same));
    }

    #[test]
    fn what_is_no_hash_fits_no_password() {
        let params = || Params::new(64, 1, 1, Some(32)).unwrap();
        for stored in [
            String::new(),
            "imported".to_owned(),
            "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"
                .to_owned(),
            "$argon2id$v=19$m=64,t=4000000,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"
                .to_owned(),
            foreign(Algorithm::Argon2id, params()).replace("v=19", "v=16"),
        ] {
            assert!(!verify("imported", &stored), "{stored}");
            assert!(!is_usable(&stored) && needs_rehash(&stored), "{stored}");
        }
    }

    #[test]
    fn c89_long_passwords_count_in_full_and_too_long_ones_cost_nothing() {
        let long = "é".repeat(MAX_BYTES / 2);
        let phc = hash(&long).unwrap();
        assert!(verify(&long, &phc));
        assert!(!verify(&long[..long.len() - 2], &phc));
        assert_eq!(hash(&format!("{long}a")), Err(PasswordError::TooLong));
        assert!(!verify(&format!("{long}a"), &phc));
        assert!(verify("a\0b", &hash("a\0b").unwrap()));
    }

    #[test]
    fn c88_nobodys_password_costs_what_everybodys_does() {
        let stored = StoredHash::parse(DUMMY).unwrap();
        assert!(!needs_rehash(DUMMY));
        assert_eq!((stored.salt.len(), stored.hash.len()), (16, 32));
        verify_nobody("anything");
        assert!(!verify("", DUMMY));
    }
}
