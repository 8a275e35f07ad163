//! Randomness, hashes, MACs, signatures, passwords and sealing.
//!
//! The only module that speaks to `ring`, `aws-lc-rs` and `argon2`. It knows no clock, no database and
//! no protocol: time comes in as seconds, keys as bytes, and what it returns are plain values. A secret
//! leaves it unhashed once, when it is made; no `Debug` here shows one.
//!
//! Start at [`jws`] for tokens, at [`bewit`] for impersonation links, at [`keys`] for what signs them, at
//! [`xml`] for signed XML.
pub mod random;
pub mod hash;
pub mod mac;
pub mod bewit;
pub mod password;
pub mod seal;
pub mod keys;
pub mod jwk;
pub mod pem;
pub mod jws;
pub mod certificate;
pub mod xml;
