//! Use cases. Each flow loads, decides, writes and returns; only flows open transactions.
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
pub use crate::store::StoreError as InternalError;
use crate::store::{DbError, Store, StoreError};
use std::sync::Arc;

/// The dependencies of flows; `app` builds one for each worker thread.
#[derive(Clone)]
pub struct Context {
    pub store: Store,
    pub clients: shared::client_cache::ClientCache,
    /// Queue for the audit events of calls.
    pub trail: shared::audit_queue::Trail,
    pub shared: Arc<Shared>,
}

/// State that all workers of a process share.
pub struct Shared {
    pub keys: shared::keyring::KeyStore,
    pub passwords: shared::passwords::Passwords,
    /// Makes the seals of the audit trail.
    pub seals: SealKey,
    pub facts: shared::decision_facts::InputsCache,
    pub origins: tokens::cross_origin::Origins,
    pub protocols: &'static [&'static dyn Protocol],
    /// The public URL without a trailing slash, as in `iss`, in discovery and in links.
    pub issuer: String,
    /// Host and port of the issuer, for the MACs of links.
    pub canonical: CanonicalUrl,
    /// Signs the forms of our own pages.
    pub forms: MacKey,
    /// Derives pairwise subject identifiers.
    pub pairwise: MacKey,
    /// Derives successors of refresh tokens, which may be issued again after a lost response.
    pub refreshes: MacKey,
    /// Other accepted `aud` values of the token endpoint: the address that SDKs have built in.
    pub audience_aliases: Vec<String>,
    /// An actor whose sign-in is older than this confirms their password before an impersonation.
    pub step_up: Option<chrono::Duration>,
    pub cleaning: operations::housekeeping::Cleaning,
    pub suspected_clients: tokens::client_attempts::SuspectedClients,
    /// Off only for load and client tests on a loopback address.
    pub rate_limits: bool,
}

impl Context {
    pub fn protocol(&self, name: ProtocolName) -> Option<&'static dyn Protocol> {
        self.shared.protocols.iter().copied().find(|protocol| protocol.name() == name)
    }

    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }
}

/// Why a flow stopped: a refusal with a reason for the caller, or an internal error without details.
#[derive(Debug, thiserror::Error)]
pub enum Failure<R> {
    #[error("{0}")]
    Refused(R),
    #[error(transparent)]
    Internal(#[from] StoreError),
    #[error("too busy")]
    Busy,
}

impl<R> Failure<R> {
    /// Converts the reason.
    pub fn map<S>(self, reword: impl FnOnce(R) -> S) -> Failure<S> {
        match self {
            Self::Refused(reason) => Failure::Refused(reword(reason)),
            Self::Internal(cause) => Failure::Internal(cause),
            Self::Busy => Failure::Busy,
        }
    }
}

impl<R> From<DbError> for Failure<R> {
    fn from(error: DbError) -> Self {
        Self::Internal(error.into())
    }
}
