//! The pages as a browser meets them.
mod account;
mod acting;
mod bar;
mod protection;
mod signing_in;
