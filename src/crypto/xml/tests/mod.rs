//! Signed XML under attack, and in agreement with itself.
mod support;
mod signing;
