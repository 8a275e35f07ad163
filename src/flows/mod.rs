//! The verbs. Each flow: load, decide, write, answer. The only place that opens a transaction.
//!
//! A flow takes a [`Context`] and proof of its caller, and returns a value or a [`Failure`]. No HTTP
//! types. Start at [`start_impersonation`](impersonation::start_impersonation), [`redeem_impersonation`](impersonation::redeem_impersonation) and [`complete_login`](login::complete_login).
pub mod shared;
pub mod impersonation;
pub mod login;
pub mod logout;
pub mod tokens;
pub mod directory;
pub mod operations;

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
    pub clients: shared::client_cache::ClientCache,
    /// Takes the events of calls.
    pub trail: shared::audit_queue::Trail,
    pub shared: Arc<Shared>,
}

/// What all workers of a process have in common.
pub struct Shared {
    pub keys: shared::keyring::KeyStore,
    pub passwords: shared::passwords::Passwords,
    /// Makes the seals of the audit trail.
    pub seals: SealKey,
    pub facts: shared::decision_facts::InputsCache,
    pub origins: tokens::cross_origin::Origins,
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
    pub cleaning: operations::housekeeping::Cleaning,
    pub suspected_clients: tokens::client_attempts::SuspectedClients,
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
