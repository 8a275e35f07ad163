//! What several rooms share: the way through the sign-in page, and what SAML and WS-Federation say alike.
//!
//! It knows no room. Start at [`sign_on`], where a checked request of a room becomes an answer.
pub mod attributes;
pub mod checked;
pub mod routes;
pub mod saml_assertion;
pub mod sign_on;
