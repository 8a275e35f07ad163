//! All reasons for which an impersonation is denied.
use crate::domain::protocol::EndReason;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    #[error("impersonation is switched off")]
    ImpersonationDisabled,
    /// The requester does not exist any more, or is disabled.
    #[error("the application that asked for this is not active")]
    RequesterGone,
    #[error("the application may not ask for this")]
    RequesterNotAllowed,
    #[error("the application that asks does not serve the organization of the subject")]
    RequesterOfOtherOrganization,
    #[error("actor, subject and application do not belong to one organization")]
    OtherOrganization,
    #[error("nobody acts as themselves")]
    SelfImpersonation,
    #[error("the actor is being impersonated")]
    AlreadyImpersonating,
    #[error("the actor is not active")]
    ActorInactive,
    #[error("the actor has signed out")]
    ActorSignedOut,
    #[error("the actor may not act as others")]
    NotPermitted,
    #[error("the subject is not active")]
    SubjectInactive,
    #[error("the subject is a service account")]
    ServiceAccount,
    #[error("the subject has no login")]
    AppUser,
    #[error("the subject belongs to another application")]
    OtherApplication,
    #[error("the subject has permissions that the actor lacks")]
    HigherPrivileges,
    #[error("the application does not accept impersonated sign-ins")]
    ClientNotEnabled,
    #[error("the application is not authorized in the organization")]
    ClientNotAuthorized,
    #[error("the application does not speak the protocol")]
    ProtocolMismatch,
    #[error("the application does not keep to this mode")]
    ModeNotSupported,
    #[error("the callback is not registered")]
    CallbackUrlMismatch,
    /// Neither granted nor denied for good: the actor has to sign in again.
    #[error("the actor signed in too long ago")]
    StepUpRequired,
    #[error("the impersonation is over")]
    Over(EndReason),
}

impl Denial {
    /// The stable name: `error_code` of the API, `reason` of the audit trail.
    pub fn code(self) -> &'static str {
        match self {
            Self::ImpersonationDisabled => "impersonation_disabled",
            Self::RequesterGone => "requester_gone",
            Self::RequesterNotAllowed => "requester_not_allowed",
            Self::RequesterOfOtherOrganization | Self::OtherOrganization => "other_organization",
            Self::SelfImpersonation => "self_impersonation",
            Self::AlreadyImpersonating => "already_impersonating",
            Self::ActorInactive => "actor_inactive",
            Self::ActorSignedOut => "actor_signed_out",
            Self::NotPermitted => "not_permitted",
            Self::SubjectInactive => "subject_inactive",
            Self::ServiceAccount => "service_account",
            Self::AppUser => "app_user",
            Self::OtherApplication => "other_application",
            Self::HigherPrivileges => "higher_privileges",
            Self::ClientNotEnabled => "client_not_enabled",
            Self::ClientNotAuthorized => "client_not_authorized",
            Self::ProtocolMismatch => "protocol_mismatch",
            Self::ModeNotSupported => "mode_not_supported",
            Self::CallbackUrlMismatch => "callback_url_mismatch",
            Self::StepUpRequired => "step_up_required",
            Self::Over(_) => "over",
        }
    }

    /// The end reason of an impersonation that is denied now. `None`: it does not end, and a link stays usable,
    /// because the actor can supply what is missing.
    pub fn end_reason(self) -> Option<EndReason> {
        Some(match self {
            Self::StepUpRequired => return None,
            Self::ImpersonationDisabled | Self::RequesterGone => EndReason::FeatureOff,
            Self::ActorSignedOut => EndReason::Logout,
            Self::ActorInactive
            | Self::NotPermitted
            | Self::AlreadyImpersonating
            | Self::SelfImpersonation => EndReason::ActorRevoked,
            Self::SubjectInactive
            | Self::ServiceAccount
            | Self::AppUser
            | Self::OtherApplication
            | Self::HigherPrivileges
            | Self::OtherOrganization => EndReason::SubjectChanged,
            Self::RequesterNotAllowed
            | Self::RequesterOfOtherOrganization
            | Self::ClientNotEnabled
            | Self::ClientNotAuthorized
            | Self::ProtocolMismatch
            | Self::ModeNotSupported
            | Self::CallbackUrlMismatch => EndReason::ClientChanged,
            Self::Over(reason) => reason,
        })
    }
}
