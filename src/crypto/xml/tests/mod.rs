//! Signed XML under attack, and in agreement with itself.
mod encrypting;
mod properties;
mod reading;
mod signature;
mod signing;
mod support;
mod wrapping;
