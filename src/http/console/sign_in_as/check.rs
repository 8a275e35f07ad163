//! The verdict that the form shows before a button is pressed.
use super::wanted::SignInAsRequest;
use crate::domain::client::Client;
use crate::domain::protocol::{EndReason, ProtocolName, Redeem};
use crate::domain::user::User;
use crate::flows::Failure;
use crate::flows::impersonation::start_impersonation::{
    Allowed, Start, StartRefusal, check_impersonation,
};
use crate::http::console::ConsoleSession;
use crate::http::ui::error::PageError;
use crate::http::ui::times::{self, ShownMoment};
use crate::impersonation::Denial;

pub enum CheckVerdict {
    /// Nothing to ask about: there is no application, or not that one.
    Nothing(&'static str),
    Allowed {
        until: ShownMoment,
        direct: bool,
    },
    /// A field has to be filled in otherwise.
    Mend {
        field: &'static str,
        text: String,
    },
    /// A rule says no, and its stable name.
    Refused {
        text: &'static str,
        rule: &'static str,
        about: About,
    },
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Who acts and as whom: no other application changes it.
    People,
    Application,
}

impl About {
    fn of(denial: Denial) -> Self {
        match denial.end_reason() {
            Some(EndReason::ClientChanged) | None => Self::Application,
            Some(_) => Self::People,
        }
    }
}

impl CheckVerdict {
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }

    /// Why nothing in the form would help, in words.
    pub fn hopeless(&self) -> Option<&'static str> {
        match self {
            Self::Refused { text, about: About::People, .. } => Some(text),
            Self::Refused { about: About::Application, .. }
            | Self::Nothing(_)
            | Self::Mend { .. }
            | Self::Allowed { .. } => None,
        }
    }

    /// What the form calls a field.
    pub fn label(field: &str) -> &str {
        match field {
            "application" => "Application",
            "protocol" => "Signs in with",
            "duration" => "Ends after",
            "target" => "Land on",
            "response_type" => "Response type",
            "response_mode" => "Response mode",
            "reason" => "Reason",
            "ticket" => "Ticket",
            "scope" => "Scope",
            "state" => "State",
            "mode" => "Access",
            other => other,
        }
    }

    /// What is wrong with `field`, if it is this one.
    pub fn of_field(&self, name: &str) -> Option<String> {
        match self {
            Self::Mend { field, text } if *field == name => Some(text.clone()),
            Self::Mend { .. } | Self::Nothing(_) | Self::Allowed { .. } | Self::Refused { .. } => {
                None
            }
        }
    }
}

/// Asks for the decision without writing anything.
pub async fn check(
    console: &ConsoleSession,
    wanted: &SignInAsRequest,
    subject: &User,
    application: (&Client, ProtocolName),
) -> Result<CheckVerdict, PageError> {
    let start = match start(console, wanted, subject, application) {
        Ok(start) => start,
        Err(refusal) => return Ok(refused(&refusal)),
    };
    match check_impersonation(console.ctx(), &start).await {
        Ok(Allowed { redeem, ends_at }) => {
            // As the redemption will: never longer than the session that proves the actor.
            let until = times::clock(ends_at.min(console.session().expires_at));
            Ok(CheckVerdict::Allowed { until, direct: redeem == Redeem::Direct })
        }
        Err(Failure::Refused(refusal)) => Ok(refused(&refusal)),
        Err(Failure::Internal(cause)) => Err(console.accident(&cause)),
        Err(Failure::Busy) => Err(PageError::busy(console.request())),
    }
}

pub fn start(
    console: &ConsoleSession,
    wanted: &SignInAsRequest,
    subject: &User,
    (client, protocol): (&Client, ProtocolName),
) -> Result<Start, StartRefusal> {
    wanted.start(console.session(), &subject.id, (&client.id, protocol))
}

pub fn refused(refusal: &StartRefusal) -> CheckVerdict {
    match refusal {
        StartRefusal::NoSuchUser => CheckVerdict::Nothing("This user is not there any more."),
        StartRefusal::NoSuchClient => {
            CheckVerdict::Nothing("This application is not there any more.")
        }
        StartRefusal::Parameter(parameter) => {
            let (field, text) = mend(parameter.field, &parameter.problem);
            CheckVerdict::Mend { field, text }
        }
        StartRefusal::Denied(denial) => {
            let (text, rule) = (why(*denial), denial.code());
            CheckVerdict::Refused { text, rule, about: About::of(*denial) }
        }
    }
}

/// The field of the form that a parameter comes from, and what to do about it.
fn mend(parameter: &'static str, problem: &str) -> (&'static str, String) {
    match parameter {
        "target_link_uri" => {
            ("target", "This address does not belong to the application.".to_owned())
        }
        "duration" => ("duration", "From 1 to 60 minutes.".to_owned()),
        "code_challenge" => {
            let text = "This application keeps no secret and starts no sign-in of its own, so nobody can be \
                        signed in to it from here.";
            ("application", text.to_owned())
        }
        field => (field, format!("{problem}.")),
    }
}

/// Which rule says no, to the agent who asked.
pub fn why(denial: Denial) -> &'static str {
    match denial {
        Denial::ImpersonationDisabled => {
            "Impersonation is switched off, for everybody or for their organization."
        }
        Denial::RequesterGone | Denial::RequesterNotAllowed => {
            "The application that asked for this may not do so."
        }
        Denial::StepUpRequired => "You signed in too long ago. Confirm your password first.",
        Denial::OtherOrganization | Denial::RequesterOfOtherOrganization => {
            "They, you and the application do not belong to one organization."
        }
        Denial::SelfImpersonation => "This is you. Nobody acts as themselves.",
        Denial::AlreadyImpersonating => "You are acting as somebody else already.",
        Denial::ActorInactive => "Your account is not active.",
        Denial::ActorSignedOut => "You have signed out.",
        Denial::NotPermitted => "Your roles do not let you act as others.",
        Denial::SubjectInactive => "Their account, or their organization, is not active.",
        Denial::ServiceAccount => "They are a service account, and nobody signs in as one.",
        Denial::AppUser => {
            "They are an app user without a login, so there is no sign-in to take their place in."
        }
        Denial::OtherApplication => "They belong to another application.",
        Denial::HigherPrivileges => {
            "They hold rights that you do not have. Acting as them would give you these rights."
        }
        Denial::ClientNotEnabled => "The application does not accept impersonated sign-ins.",
        Denial::ClientNotAuthorized => "Their organization has not authorized the application.",
        Denial::ProtocolMismatch => "The application does not speak this protocol.",
        Denial::ModeNotSupported => {
            "The application does not say that it honors read-only sessions. Choose full access, or set \u{201c}Honors read-only impersonation\u{201d} in its settings."
        }
        Denial::CallbackUrlMismatch => {
            "The application has no address that it could be answered at."
        }
        Denial::Over(_) => "This impersonation is over.",
    }
}
