//! An audit event.
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::protocol::EndReason;
use crate::domain::user::User;
use crate::impersonation::{Denial, Impersonation, ImpersonationRequest, RequestedBy};
use crate::observability::counters;
use serde_json::{Map, Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    ImpersonationRequested,
    ImpersonationRefused,
    LinkIssued,
    LinkRejected,
    ImpersonationStarted,
    TokenIssued,
    ApiCall,
    /// A token did not carry what a route of our own API asks for, or its owner may not do it.
    ApiRefused,
    ActionBlocked,
    ImpersonationEnded,
    LoginSucceeded,
    LoginFailed,
    Logout,
    /// An application was given a token for a user of its own.
    ApplicationToken,
    ApplicationTokenRefused,
    UserChanged,
    PasswordChanged,
    ApplicationChanged,
    OrganizationChanged,
    RoleChanged,
    KeyRotated,
    KeyReplaced,
    /// All sessions and tokens of a user, an organization, an application or of everybody were ended.
    SessionsEnded,
    AuditExported,
    BackupRestored,
}

impl EventKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImpersonationRequested => "impersonation.requested",
            Self::ImpersonationRefused => "impersonation.refused",
            Self::LinkIssued => "impersonation.link_issued",
            Self::LinkRejected => "impersonation.link_rejected",
            Self::ImpersonationStarted => "impersonation.started",
            Self::TokenIssued => "impersonation.token_issued",
            Self::ApiRefused => "api.refused",
            Self::ApiCall => "impersonation.api_call",
            Self::ActionBlocked => "impersonation.action_blocked",
            Self::ImpersonationEnded => "impersonation.ended",
            Self::LoginSucceeded => "login.succeeded",
            Self::LoginFailed => "login.failed",
            Self::Logout => "logout",
            Self::ApplicationToken => "application.token_issued",
            Self::ApplicationTokenRefused => "application.token_refused",
            Self::UserChanged => "user.changed",
            Self::PasswordChanged => "user.password_changed",
            Self::ApplicationChanged => "application.changed",
            Self::OrganizationChanged => "organization.changed",
            Self::RoleChanged => "role.changed",
            Self::KeyRotated => "key.rotated",
            Self::KeyReplaced => "key.replaced",
            Self::SessionsEnded => "sessions.ended",
            Self::AuditExported => "audit.exported",
            Self::BackupRestored => "backup.restored",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Event {
    pub kind: EventKind,
    pub actor: Option<String>,
    pub subject: Option<String>,
    pub impersonation: Option<String>,
    pub client: Option<String>,
    pub organization: Option<String>,
    pub channel: Option<&'static str>,
    pub protocol: Option<&'static str>,
    pub caller: Caller,
    pub reason: Option<String>,
    pub ticket: Option<String>,
    pub detail: Map<String, Value>,
}

impl Event {
    pub fn new(kind: EventKind, caller: &Caller) -> Self {
        Self {
            kind,
            actor: None,
            subject: None,
            impersonation: None,
            client: None,
            organization: None,
            channel: None,
            protocol: None,
            caller: caller.clone(),
            reason: None,
            ticket: None,
            detail: Map::new(),
        }
    }

    /// An impersonation request and its outcome.
    pub fn about(kind: EventKind, ask: &ImpersonationRequest, caller: &Caller) -> Self {
        Self {
            actor: Some(ask.actor.id.to_string()),
            subject: Some(ask.subject.id.to_string()),
            impersonation: Some(ask.terms.id.to_string()),
            client: Some(ask.client.id.to_string()),
            organization: ask.subject.organization_id().map(ToString::to_string),
            channel: Some(ask.channel.as_str()),
            protocol: Some(ask.protocol.as_str()),
            ..Self::new(kind, caller)
        }
    }

    /// A refusal, for the auditors that [`crate::impersonation::Requester::organization_of_refusal`] names.
    pub fn refused(ask: &ImpersonationRequest, denial: Denial, caller: &Caller) -> Self {
        let (actor, subject) = (ask.actor.organization_id(), ask.subject.organization_id());
        let whose = ask.requester.organization_of_refusal(actor, subject).map(ToString::to_string);
        let about = Self::about(EventKind::ImpersonationRefused, ask, caller);
        Self { organization: whose, ..about.requested(&ask.requester.by) }.because(denial.code())
    }

    /// The requester with the kind of its id, and the application.
    #[must_use]
    pub fn requested(self, by: &RequestedBy) -> Self {
        let event = self.with("requested_by", by.id()).with("requester", by.kind());
        match by.application() {
            Some(application) => event.with("application", application.as_str()),
            None => event,
        }
    }

    /// Something that was done by an impersonation.
    pub fn under(kind: EventKind, by: &Impersonation, caller: &Caller) -> Self {
        Self {
            actor: Some(by.actor().id.to_string()),
            subject: Some(by.subject().id.to_string()),
            impersonation: Some(by.id().to_string()),
            client: Some(by.client().to_string()),
            organization: by.subject().organization_id().map(ToString::to_string),
            channel: Some(by.channel().as_str()),
            protocol: Some(by.protocol().as_str()),
            ..Self::new(kind, caller)
        }
    }

    /// Something that a person did with their own account.
    pub fn by_owner(kind: EventKind, user: &User, caller: &Caller) -> Self {
        Self {
            actor: Some(user.id.to_string()),
            subject: Some(user.id.to_string()),
            organization: user.organization_id().map(ToString::to_string),
            ..Self::new(kind, caller)
        }
    }

    /// Something that a client did with its own credentials.
    pub fn by_client(kind: EventKind, client: &Client, caller: &Caller) -> Self {
        Self {
            actor: Some(client.id.to_string()),
            client: Some(client.id.to_string()),
            organization: client.organization.as_ref().map(|o| o.id.to_string()),
            ..Self::new(kind, caller)
        }
    }

    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    #[must_use]
    pub fn ended(mut self, reason: EndReason) -> Self {
        self.reason = Some(reason.as_str().to_owned());
        self
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }

    /// Counts the event for operators. The store does it when it hands the event to the database, so that no flow can
    /// forget it; a transaction that fails afterwards leaves it counted.
    pub fn count(&self) {
        counters::AUDIT_EVENTS.count(self.kind.as_str());
        let channel = self.channel.unwrap_or_default();
        // A token that was exchanged or asserted is the impersonation: it begins with it.
        let begins_with_token = ["token_exchange", "jwt_grant"].contains(&channel);
        if self.kind == EventKind::ImpersonationStarted
            || (self.kind == EventKind::TokenIssued && begins_with_token)
        {
            counters::IMPERSONATIONS_STARTED.count(channel);
        }
        if self.kind == EventKind::ImpersonationRefused {
            counters::IMPERSONATIONS_REFUSED.count(self.reason.as_deref().unwrap_or_default());
        }
    }

    /// What stands in the `detail` column.
    pub fn detail(&self) -> Value {
        let mut detail = self.detail.clone();
        if let Some(client) = &self.caller.bearer_client {
            detail.insert("bearer_client_id".to_owned(), client.as_str().into());
        }
        json!(detail)
    }
}
