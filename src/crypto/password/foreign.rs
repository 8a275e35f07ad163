//! Hashes of passwords that another system made: bcrypt, PBKDF2 and scrypt, in crypt or PHC form.
//!
//! They are verified by their own algorithm; the next sign-in replaces them with argon2id. Every cost has a limit,
//! because a hash of an import that takes longer than a second on one core would hold a place of the pool that long.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::pbkdf2;
use std::num::NonZeroU32;

const MAX_BCRYPT_COST: u32 = 13;
/// Of one block of output; SHA-512 works on twice as much at a time and gets half of it.
const MAX_PBKDF2_ROUNDS: u32 = 2_000_000;
/// N × r × p; a hash with N = 2¹⁷, r = 8 and p = 1 has half of it.
const MAX_SCRYPT_WORK: u64 = 1 << 21;
/// N × r × 128 bytes is what scrypt keeps in memory.
const MAX_SCRYPT_BYTES: u64 = 256 << 20;
/// Fewer bytes are found by trying.
const MIN_HASH_BYTES: usize = 16;
const MAX_HASH_BYTES: usize = 128;
/// As long as a bcrypt hash always is.
const BCRYPT_LENGTH: usize = 60;

/// A stored hash that is not argon2.
pub(super) enum ForeignHash {
    /// As it stands: `$2b$10$…`.
    Bcrypt(String),
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        rounds: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
}

impl ForeignHash {
    /// `None` for a form that is not known and for a cost above the limits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix('$')?.split('$').next()?;
        match name {
            "2a" | "2b" | "2y" => parse_bcrypt(text),
            "pbkdf2" | "pbkdf2-sha1" => parse_pbkdf2(text, pbkdf2::PBKDF2_HMAC_SHA1, 20),
            "pbkdf2-sha256" => parse_pbkdf2(text, pbkdf2::PBKDF2_HMAC_SHA256, 32),
            "pbkdf2-sha512" => parse_pbkdf2(text, pbkdf2::PBKDF2_HMAC_SHA512, 64),
            "scrypt" => parse_scrypt(text),
            _ => None,
        }
    }

    /// The comparison takes the same time wherever the first difference is.
    pub(super) fn fits(&self, password: &str) -> bool {
        match self {
            // Of a longer password bcrypt has always looked at the first 72 bytes only.
            Self::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
            Self::Pbkdf2 { algorithm, rounds, salt, hash } => {
                pbkdf2::verify(*algorithm, *rounds, salt, password.as_bytes(), hash).is_ok()
            }
            Self::Scrypt { params, salt, hash } => {
                let mut out = zeroize::Zeroizing::new(vec![0_u8; hash.len()]);
                scrypt::scrypt(password.as_bytes(), salt, params, &mut out).is_ok()
                    && crate::crypto::hash::constant_time_eq(&out, hash)
            }
        }
    }
}

fn parse_bcrypt(text: &str) -> Option<ForeignHash> {
    let (cost, rest) = text.get(4..)?.split_once('$')?;
    let digits = cost.len() == 2 && cost.bytes().all(|b| b.is_ascii_digit());
    let is_cost = digits && (4..=MAX_BCRYPT_COST).contains(&cost.parse().ok()?);
    let in_alphabet = rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'));
    let whole = text.len() == BCRYPT_LENGTH && text.parse::<bcrypt::HashParts>().is_ok();
    (is_cost && in_alphabet && whole).then(|| ForeignHash::Bcrypt(text.to_owned()))
}

/// `$name$parameters$salt$hash`, the last two decoded.
fn parts(text: &str) -> Option<(&str, Vec<u8>, Vec<u8>)> {
    let mut parts = text.split('$').skip(2);
    let (parameters, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let (salt, hash) = (decode(salt)?, decode(hash)?);
    let fits = (MIN_HASH_BYTES..=MAX_HASH_BYTES).contains(&hash.len());
    (fits && parts.next().is_none() && salt.len() <= MAX_HASH_BYTES)
        .then_some((parameters, salt, hash))
}

/// Base64 without padding, also in the spelling of passlib, which has `.` where others have `+`.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=').replace('.', "+")).ok()
}

/// The value of `name` among `a=1,b=2`; `None` also when it stands there twice.
fn parameter(parameters: &str, name: &str) -> Option<u32> {
    let values = parameters.split(',').filter_map(|one| one.split_once('='));
    let mut values = values.filter(|(key, _)| *key == name);
    let (_, value) = values.next()?;
    values.next().is_none().then(|| value.parse().ok())?
}

/// `$pbkdf2-sha256$i=600000,l=32$…` as PHC writes it, `$pbkdf2-sha256$600000$…` as passlib does.
fn parse_pbkdf2(text: &str, algorithm: pbkdf2::Algorithm, block: usize) -> Option<ForeignHash> {
    let (parameters, salt, hash) = parts(text)?;
    let rounds = match parameters.parse() {
        Ok(rounds) => rounds,
        Err(_) => parameter(parameters, "i")?,
    };
    if parameters.contains("l=") && parameter(parameters, "l") != u32::try_from(hash.len()).ok() {
        return None;
    }
    let limit = if block == 64 { MAX_PBKDF2_ROUNDS / 2 } else { MAX_PBKDF2_ROUNDS };
    let blocks = u32::try_from(hash.len().div_ceil(block)).ok()?;
    let rounds = NonZeroU32::new(rounds).filter(|r| r.get().saturating_mul(blocks) <= limit)?;
    Some(ForeignHash::Pbkdf2 { algorithm, rounds, salt, hash })
}

/// `$scrypt$ln=16,r=8,p=1$salt$hash`.
fn parse_scrypt(text: &str) -> Option<ForeignHash> {
    let (parameters, salt, hash) = parts(text)?;
    let log_n = u8::try_from(parameter(parameters, "ln")?).ok().filter(|n| (1..=24).contains(n))?;
    let (r, p) = (parameter(parameters, "r")?, parameter(parameters, "p")?);
    let block = (1_u64 << log_n).saturating_mul(u64::from(r));
    let work = block.saturating_mul(u64::from(p));
    if work > MAX_SCRYPT_WORK || block.saturating_mul(128) > MAX_SCRYPT_BYTES {
        return None;
    }
    let params = scrypt::Params::new(log_n, r, p).ok()?;
    Some(ForeignHash::Scrypt { params, salt, hash })
}

#[cfg(test)]
mod tests {
    use super::super::{is_usable, needs_rehash, verify};

    /// Made by `bcrypt` and `passlib` of Python and by `crypto` of Node.js, of the password `imported`.
    const FROM_ELSEWHERE: &[&str] = &[
        "$2b$04$47u5GoVM2F/qt/lLqbP6R.PfhpMAg999uwRVpY4EyC1XsLzUU4qMq",
        "$2a$05$YRbE1s2z5Ril1V1VIFEls.lmdU/XDiFmh.aXbq5RI2NxzGm90otf.",
        "$2y$04$Op1MXPwhAZSo.PwDyZ3.T.liGJM1WZ.bJTRDnGBM4anAL0PRwh/tm",
        "$pbkdf2-sha256$1000$OIewdk7pnVPKOeccQ0hpDQ$VzVgdWAFA3YGYf6Wpj.t65W6NbRFeiZnraMLe9EwqNo",
        "$pbkdf2-sha512$1000$U2pNifE.Z2xNqdUaw/h/zw$Sayxg10KGCZ45xSCivoXyNrUEMFnpXCMHbcwanlnTaBi3wN9tSZoeFSJPwHiROIRIUfyycUVofIGf6BbIR059A",
        "$pbkdf2$1000$mdOacy7FWKv1PocQwngPQQ$lT.rTBQk17skVPI4uU/CILYAXSI",
        "$pbkdf2-sha256$i=1000,l=32$LosIYsagN2Fqj+RBluWcOQ$SuErU32EcPdxY2ZD23LbAmdPDuf17k4ehdkCIK9VLS8",
        "$pbkdf2-sha512$i=1000,l=64$8+BzzoCPvA+gVI99pYZMGQ$p/Czbpqr56tSLpo2LpUhLqHO2RWhvgOlpoZVZVnRbxyCVh/h/JDRFqvDHhIpolgIeHxlW0THtxyIrfBKHGoAig",
        "$pbkdf2-sha256$i=1000,l=64$6vHgZ4M5D4hTJsQKDYI3sA$OscFAotPz3sAMmlrC6k1TQhZlqEVnJgla+WhIo82bCfefHHSVd5R1UC7mwMjLkMMHkNSwRkze+5yCH3lMtnrew",
        "$scrypt$ln=10,r=8,p=1$QiiFUKq1NmaMsda6d651bg$tNJm1n7aLhQKQqKhzBWVb1Gxm0CjvxOdMEexGjCSsd4",
        "$scrypt$ln=10,r=8,p=2$KJvZCYwrnzi6CZfERbDMbA$astTTc7Y1FodrV5GHF5HlGlNAHxgi3ms8b9+bpCBOAGEvHxc7uZ54OOISHF+v/Mt4andjiwqFOHcal0p+4so9A",
        "$argon2i$v=19$m=64,t=1,p=1$kjb3iILN53ZPhNjehvjVDg$9R3VNSobtnDlknwYdYu4Cu/YoT8U/FMxJSvH+E7+6Ng",
        "$argon2d$v=19$m=64,t=1,p=1$qG+MX45sz8jf3QMhmwA76Q$bkrq+jkkTfjMDdw/0kgb94gn9SmKruA8W1XWf5cXtHA",
        "$argon2id$v=19$m=64,t=1,p=1$d5dReyhJ9Mb9Fu81o9DKfw$b+AbcR2pPBwnzSxGWeyAA7g0zvH3Gq3sP3ti5QVjlx0",
    ];

    #[test]
    fn l16_hashes_of_other_systems_verify_and_are_renewed() {
        for stored in FROM_ELSEWHERE {
            assert!(is_usable(stored) && needs_rehash(stored), "{stored}");
            assert!(verify("imported", stored), "{stored}");
            assert!(!verify("importee", stored) && !verify("", stored), "{stored}");
        }
    }

    #[test]
    fn l16_a_hash_that_costs_more_than_a_second_is_refused() {
        let salt_and_hash = "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for stored in [
            "$2b$14$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
            "$2b$31$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
            format!("$pbkdf2-sha256$i=2000001,l=32${salt_and_hash}"),
            format!("$pbkdf2-sha256$4294967295${salt_and_hash}"),
            format!("$pbkdf2-sha512$i=1000001${salt_and_hash}"),
            format!("$scrypt$ln=19,r=8,p=1${salt_and_hash}"),
            format!("$scrypt$ln=16,r=8,p=5${salt_and_hash}"),
            format!("$scrypt$ln=10,r=4294967295,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=262144,t=7,p=1${salt_and_hash}"),
            format!("$argon2d$v=19$m=4194304,t=1,p=1${salt_and_hash}"),
        ] {
            assert!(!is_usable(&stored) && !verify("imported", &stored), "{stored}");
        }
    }

    #[test]
    fn l16_what_is_nearly_a_hash_is_none() {
        let good = "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for stored in [
            "$2x$10$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
            "$2b$03$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
            "$2b$+9$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
            "$2b$10$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMU".to_owned(),
            "$2b$10$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWM$W".to_owned(),
            format!("$pbkdf2-md5$i=1000,l=32${good}"),
            format!("$pbkdf2-sha256$i=0,l=32${good}"),
            format!("$pbkdf2-sha256$i=1000,i=2000${good}"),
            format!("$pbkdf2-sha256$i=1000,l=16${good}"),
            format!("$pbkdf2-sha256$i=1000,l=32${good}$AAAA"),
            "$pbkdf2-sha256$i=1000$AAAAAAAAAAAAAAAAAAAAAA$AAAA".to_owned(),
            "$pbkdf2-sha256$i=1000$AAAAAAAAAAAAAAAAAAAAAA$".to_owned(),
            format!("$scrypt$ln=0,r=8,p=1${good}"),
            format!("$scrypt$ln=10,r=0,p=1${good}"),
            format!("$scrypt$r=8,p=1${good}"),
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0".to_owned(),
            "$".to_owned(),
            "$2b$".to_owned(),
            "$2b$é0$".to_owned(),
        ] {
            assert!(!is_usable(&stored) && !verify("imported", &stored), "{stored}");
        }
    }
}
