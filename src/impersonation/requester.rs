//! The requester of an impersonation, and whether it may request one.
//!
//! There are three kinds of requesters: a client, a person, and the command line. Types and rows keep them apart,
//! because ids of different kinds may be equal.
use crate::domain::api_scope::ApiScope;
use crate::domain::client::{Client, ClientKind};
use crate::domain::organization::Organization;
use crate::domain::protocol::Channel;
use crate::domain::scope::Scopes;
use crate::domain::{ClientId, OrganizationId, UserId};

/// The requester by id, as it is stored. Decisions use [`Requester`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RequestedBy {
    /// An application by its own credentials: the global client, or one that asks for its service account.
    Application(ClientId),
    /// A person by a token that an application holds. `None`: a row of a release that did not record it.
    Token { person: UserId, application: Option<ClientId> },
    /// A person at our own pages.
    Session(UserId),
    /// An operator who can run the program with its master key.
    CommandLine,
}

/// The id of the command line in the row.
pub const COMMAND_LINE: &str = "cli";

impl RequestedBy {
    /// The kind of [`Self::id`], in the row and in the audit trail.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Application(_) => "application",
            Self::Token { .. } => "token",
            Self::Session(_) => "session",
            Self::CommandLine => "command_line",
        }
    }

    pub fn id(&self) -> &str {
        match self {
            Self::Application(client) => client.as_str(),
            Self::Token { person, .. } | Self::Session(person) => person.as_str(),
            Self::CommandLine => COMMAND_LINE,
        }
    }

    /// The person who asks, if it is one.
    pub fn person(&self) -> Option<&UserId> {
        match self {
            Self::Token { person, .. } | Self::Session(person) => Some(person),
            Self::Application(_) | Self::CommandLine => None,
        }
    }

    /// The application by which the request came, if it came by one.
    pub fn application(&self) -> Option<&ClientId> {
        match self {
            Self::Application(client) => Some(client),
            Self::Token { application, .. } => application.as_ref(),
            Self::Session(_) | Self::CommandLine => None,
        }
    }
}

/// The application by which a request came, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestingApplication {
    pub id: ClientId,
    pub kind: ClientKind,
    pub first_party: bool,
    /// None: an application of the operator, for the users of every organization.
    pub organization: Option<OrganizationId>,
    /// Active, and so is its organization.
    pub active: bool,
    /// Its entry lists the scope with which people ask for links by its tokens.
    pub may_create: bool,
}

impl From<&Client> for RequestingApplication {
    fn from(client: &Client) -> Self {
        let home = |organization: &Organization| organization.id.clone();
        Self {
            id: client.id.clone(),
            kind: client.kind,
            first_party: client.first_party,
            organization: client.organization.as_ref().map(home),
            active: client.is_active(),
            may_create: client.has_api_scope(ApiScope::ImpersonationsCreate),
        }
    }
}

/// The requester, with everything that the rules look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    pub by: RequestedBy,
    /// `None`: the request came by no application, or by one that is not there any more.
    pub application: Option<RequestingApplication>,
    /// What the token of the request is good for; empty where the request came without one, and later.
    pub scopes: Scopes,
}

impl Requester {
    /// The organization to which the requesting application is confined. A person is the actor, whose own
    /// organization is judged as such.
    pub fn organization(&self) -> Option<&OrganizationId> {
        self.application.as_ref().and_then(|application| application.organization.as_ref())
    }

    /// Whose auditors see a refusal: the organization of a person who asks for themselves; else that of the requesting
    /// application, then of the actor whom it names. An actor who is only named has nothing to do with it.
    pub fn organization_of_refusal<'a>(
        &'a self,
        actor: Option<&'a OrganizationId>,
        subject: Option<&'a OrganizationId>,
    ) -> Option<&'a OrganizationId> {
        let asking = match self.by.person() {
            Some(_) => actor.or(self.organization()),
            None => self.organization().or(actor),
        };
        asking.or(subject)
    }

    /// Whether the application exists and is active. It must have exactly this id, because a user may have an equal
    /// id.
    pub(super) fn is_active(&self) -> bool {
        let active = || self.application.as_ref().is_some_and(|application| application.active);
        match self.by {
            RequestedBy::Application(_) | RequestedBy::Token { .. } => active(),
            RequestedBy::Session(_) | RequestedBy::CommandLine => true,
        }
    }

    /// A third-party application may request nothing, whatever its user's permissions, because users sign in there
    /// without lending their rights ([RFC 9700 §2.3]).
    ///
    /// [RFC 9700 §2.3]: https://www.rfc-editor.org/rfc/rfc9700#section-2.3
    pub(super) fn is_of_a_third_party(&self) -> bool {
        self.application.as_ref().is_some_and(|application| !application.first_party)
    }

    /// A person's token asks for links only if it carries the scope for it ([RFC 6750 §3.1]).
    ///
    /// [RFC 6750 §3.1]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
    pub(super) fn carries_the_scope(&self, channel: Channel) -> bool {
        let by_token = matches!(self.by, RequestedBy::Token { .. });
        let asks_for_link = by_token && channel == Channel::Link;
        !asks_for_link || ApiScope::ImpersonationsCreate.is_in(&self.scopes)
    }

    /// Each channel is for one kind of requester; `client` is the application in which one acts.
    pub(super) fn fits(&self, channel: Channel, client: &ClientId) -> bool {
        let by_client = self.by.application() == Some(client);
        let kind = self.application.as_ref().map(|application| application.kind);
        let is_global = kind == Some(ClientKind::Global);
        match &self.by {
            RequestedBy::Application(_) => match channel {
                Channel::Link => is_global,
                Channel::JwtGrant => by_client && !is_global,
                Channel::Console
                | Channel::AsUser
                | Channel::OnBehalfOf
                | Channel::TokenExchange => false,
            },
            RequestedBy::Token { .. } => match channel {
                Channel::Link => self.application.as_ref().is_some_and(|asking| asking.may_create),
                Channel::AsUser | Channel::OnBehalfOf => by_client,
                // A name alone proves nothing: the application shows who it is.
                Channel::TokenExchange => {
                    by_client && kind.is_some_and(ClientKind::is_confidential)
                }
                Channel::Console | Channel::JwtGrant => false,
            },
            RequestedBy::Session(_) | RequestedBy::CommandLine => channel == Channel::Console,
        }
    }
}
