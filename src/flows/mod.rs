//! The verbs. Each flow: load, decide, write, answer. The only place that opens a transaction.
//!
//! A flow takes a [`Context`] and proof of its caller, and returns a value or a [`Failure`]. No HTTP
//! types. Start at [`start_impersonation`], [`redeem_impersonation`] and [`complete_login`].
pub mod account;
pub mod act_as_user;
pub mod api_access;
pub mod audit_lines;
pub mod authenticate_client;
pub mod authorize;
pub mod browser;
pub mod change_password;
pub mod change_profile;
pub mod claims;
pub mod client_attempts;
pub mod client_cache;
pub mod client_credentials;
pub mod clock;
pub mod complete_login;
pub mod consent;
pub mod cross_origin;
pub mod deliver_logout;
pub mod end_impersonation;
pub mod end_session;
pub mod end_sessions;
pub mod exchange_code;
pub mod exchange_token;
pub mod facts;
mod failed_attempts;
pub mod farewell;
pub mod forwarded_token;
pub mod find_users;
pub mod hand_over;
mod held_impersonation;
pub mod housekeeping;
pub mod introspect;
pub mod issue_box_token;
pub mod issue_tokens;
pub mod keyring;
pub mod last_administrator;
pub mod passwords;
pub mod manage_members;
pub mod manage_organizations;
pub mod manage_roles;
pub mod manage_users;
pub mod narrow_token;
pub mod native;
pub mod next_cookie;
pub mod read_assertion;
pub mod preview_tokens;
mod question;
pub mod redeem_impersonation;
pub mod refresh_tokens;
pub mod replace_keys;
pub mod reset_password;
pub mod restored;
pub mod revoke;
pub mod rotate_keys;
pub mod seal_audit;
pub mod see_audit;
pub mod see_history;
pub mod see_impersonations;
pub mod see_keys;
pub mod service_accounts;
pub mod set_up;
pub mod shut_out;
pub mod sign_in;
pub mod sign_out;
pub mod sign_out_all;
pub mod start_impersonation;
pub mod step_up;
pub mod take_readings;
pub mod trail;
pub mod use_once;
pub mod userinfo;
pub mod verify_access_token;
pub mod view_user;
pub mod verify_audit;

use crate::audit::chain::SealKey;
use crate::crypto::bewit::CanonicalUrl;
use crate::crypto::mac::MacKey;
use crate::domain::protocol::ProtocolName;
use crate::login::Protocol;
pub use crate::store::Moment;
pub use crate::store::StoreError as Accident;
use crate::store::{DbError, Store, StoreError};
use std::sync::Arc;

/// What flows need from outside. Built in `app`, one for each worker thread.
#[derive(Clone)]
pub struct Context {
    pub store: Store,
    pub clients: client_cache::ClientCache,
    /// Takes the events of calls.
    pub trail: trail::Trail,
    pub shared: Arc<Shared>,
}

/// What all workers of a process have in common.
pub struct Shared {
    pub keys: keyring::Keys,
    pub passwords: passwords::Passwords,
    /// Makes the seals of the audit trail.
    pub seals: SealKey,
    pub facts: facts::Remembered,
    pub origins: cross_origin::Origins,
    pub rooms: &'static [&'static dyn Protocol],
    /// The public URL, without a trailing slash: in `iss`, in discovery and in links alike.
    pub issuer: String,
    /// Host and port of the issuer, for the MACs of links.
    pub canonical: CanonicalUrl,
    /// Signs the forms of our own pages.
    pub forms: MacKey,
    /// Makes the names by which single applications know a user.
    pub pairwise: MacKey,
    /// Makes the refresh tokens that may be handed out once more.
    pub refreshes: MacKey,
    /// Other names of our token endpoint that assertions may be made for: the address that SDKs have built in.
    pub audience_aliases: Vec<String>,
    /// Who signed in longer ago shows once more that it is them before they act as anybody.
    pub step_up: Option<chrono::Duration>,
    pub cleaning: housekeeping::Cleaning,
    pub suspected_clients: client_attempts::SuspectedClients,
    /// Off only for load and client tests on a loopback address.
    pub rate_limits: bool,
}

impl Context {
    pub fn room(&self, name: ProtocolName) -> Option<&'static dyn Protocol> {
        self.shared.rooms.iter().copied().find(|room| room.name() == name)
    }

    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }
}

/// Why a flow stopped: a reason the caller may hear about, or an accident nobody may.
#[derive(Debug, thiserror::Error)]
pub enum Failure<R> {
    #[error("{0}")]
    Refused(R),
    #[error(transparent)]
    Accident(#[from] StoreError),
    #[error("too busy")]
    Busy,
}

impl<R> Failure<R> {
    /// The same, with the reason in other words.
    pub fn map<S>(self, reword: impl FnOnce(R) -> S) -> Failure<S> {
        match self {
            Self::Refused(reason) => Failure::Refused(reword(reason)),
            Self::Accident(cause) => Failure::Accident(cause),
            Self::Busy => Failure::Busy,
        }
    }
}

impl<R> From<DbError> for Failure<R> {
    fn from(error: DbError) -> Self {
        Self::Accident(error.into())
    }
}
