//! The pages as a browser meets them.
mod acting;
mod protection;
mod signing_in;
