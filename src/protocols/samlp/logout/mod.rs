//! Single logout ([SAML profiles §4.4]), by Redirect and POST: service providers end sessions here, and are
//! told of those that end elsewhere.
//!
//! Only what a service provider has signed ends anything; one that has registered no certificate sends its
//! user to our own sign-out page. Start at [`endpoint`].
//!
//! [SAML profiles §4.4]: https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf
pub mod endpoint;
mod read;
mod word;

pub use word::logout_notification;
