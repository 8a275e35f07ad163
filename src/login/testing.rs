//! Shared fixtures of the protocol tests: one signing key.
use crate::crypto::certificate;
use crate::crypto::keys::{self, Algorithm};
use crate::crypto::mac::MacKey;
use crate::crypto::xml::Signer;
use std::sync::LazyLock;

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let key = keys::generate(Algorithm::Rs256).unwrap();
    let at = |text: &str| text.parse().unwrap();
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
    let certificate = certificate::self_sign(&key.private, "Understudy", from, to).unwrap();
    Signer::load(&key.private, &certificate).unwrap()
});

pub fn signer() -> &'static Signer {
    &SIGNER
}

static PAIRWISE: LazyLock<MacKey> = LazyLock::new(|| MacKey::new(&[7; 32]).unwrap());

pub fn pairwise() -> MacKey {
    PAIRWISE.clone()
}
