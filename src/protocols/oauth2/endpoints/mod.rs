//! One file for each URL of the room: read, call one flow, answer.
//!
//! Start at [`authorize`] and [`token`]. What the back-channel endpoints share is in [`body`],
//! [`client`] and [`cors`].
pub mod authorize;
pub mod body;
pub mod box_token;
pub mod client;
pub mod cors;
pub mod introspect;
pub mod logout;
pub mod revoke;
pub mod token;
pub mod userinfo;
pub mod well_known;
