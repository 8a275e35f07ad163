//! The subject of a response, and the actor behind it.
use crate::authentication::Authenticated;
use crate::domain::Timestamp;
use crate::domain::user::User;
use crate::impersonation::Impersonation;

/// The user that a response is about. Made only from one of two proofs.
#[derive(Debug, Clone)]
pub struct Principal(PrincipalProof);

#[derive(Debug, Clone)]
enum PrincipalProof {
    Own(Box<Authenticated>),
    Impersonated(Box<Impersonation>),
}

impl From<Authenticated> for Principal {
    fn from(proof: Authenticated) -> Self {
        Self(PrincipalProof::Own(Box::new(proof)))
    }
}

impl From<Impersonation> for Principal {
    fn from(proof: Impersonation) -> Self {
        Self(PrincipalProof::Impersonated(Box::new(proof)))
    }
}

impl Principal {
    /// The user that the application sees: `sub`, `NameID`.
    pub fn subject(&self) -> &User {
        match &self.0 {
            PrincipalProof::Own(proof) => proof.user(),
            PrincipalProof::Impersonated(proof) => proof.subject(),
        }
    }

    /// The impersonation behind the subject, if any.
    pub fn impersonation(&self) -> Option<&Impersonation> {
        match &self.0 {
            PrincipalProof::Own(_) => None,
            PrincipalProof::Impersonated(proof) => Some(proof),
        }
    }

    /// When they signed in; for an impersonation, when it started.
    pub fn authenticated_at(&self) -> Timestamp {
        match &self.0 {
            PrincipalProof::Own(proof) => proof.at(),
            PrincipalProof::Impersonated(proof) => proof.terms().starts_at,
        }
    }
}
