//! What the form says, read once: from the query or from a posted form.
use crate::authentication::Session;
use crate::domain::client::Client;
use crate::domain::protocol::{Channel, Mode, ProtocolName};
use crate::domain::text::{is_plain_line, whole_number};
use crate::domain::{ClientId, UserId};
use crate::flows::Context;
use crate::flows::impersonation::start_impersonation::{Start, StartRefusal};
use crate::flows::tokens::preview_tokens::protocols_of;
use crate::http::ui::forms::Form;
use crate::impersonation::{ActorProof, RequestedBy};
use crate::login::{BadParameter, Parameters};

/// The fields, in their order.
pub const NAMES: &[&str] = &[
    "application",
    "protocol",
    "reason",
    "ticket",
    "duration",
    "mode",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "target",
];

/// What goes on to the protocol's room, where it is checked.
const PARAMETERS: &[&str] = &["response_type", "response_mode", "scope", "state"];
const MAX_LINE_LEN: usize = 1000;

/// As it was filled in; checked by nobody yet.
#[derive(Debug, Clone, Default)]
pub struct SignInAsRequest(Vec<(&'static str, String)>);

impl SignInAsRequest {
    pub fn read(find: impl Fn(&str) -> String) -> Self {
        Self(NAMES.iter().map(|name| (*name, find(name))).collect())
    }

    pub fn posted(form: &Form) -> Self {
        Self::read(|name| form.get(name).to_owned())
    }

    /// Empty when it is not given.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.as_str())
    }

    /// What is filled in, to be carried along.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        self.0.iter().filter(|(_, value)| !value.is_empty()).cloned().collect()
    }

    fn given(&self, name: &str) -> Option<String> {
        Some(self.get(name).trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The application among those that can; without a name the first.
    pub fn client<'a>(&self, clients: &'a [Client]) -> Option<&'a Client> {
        match self.get("application") {
            "" => clients.first(),
            id => clients.iter().find(|client| client.id.as_str() == id),
        }
    }

    /// The protocol, if the application speaks it; else the first that it speaks. A select that was drawn for
    /// another application says nothing about this one.
    pub fn protocol(&self, ctx: &Context, client: &Client) -> Option<ProtocolName> {
        let spoken = protocols_of(ctx, client);
        let named = ProtocolName::parse(self.get("protocol"));
        named.filter(|name| spoken.contains(name)).or(spoken.first().copied())
    }

    /// The question for the heart: the actor acts for themselves, by the session that they sit at.
    pub fn start(
        &self,
        session: &Session,
        subject: &UserId,
        (client, protocol): (&ClientId, ProtocolName),
    ) -> Result<Start, StartRefusal> {
        let minutes = self.given("duration").map(|text| whole_number(&text));
        let minutes = minutes.map(|it| it.ok_or_else(|| bad("duration", "a number of minutes")));
        let minutes = minutes.transpose()?;
        let mode = match self.get("mode") {
            "" => Mode::Full,
            text => Mode::parse(text).ok_or_else(|| bad("mode", "full or read_only"))?,
        };
        let named = |name: &&str| Some(((*name).to_owned(), self.given(name)?));
        let parameters: Parameters = PARAMETERS.iter().filter_map(named).collect();
        Ok(Start {
            channel: Channel::Console,
            requested_by: RequestedBy::Session(session.user.id.clone()),
            scopes: None,
            at: None,
            actor: session.user.id.clone(),
            proof: ActorProof::Session { authenticated_at: session.authenticated_at },
            subject: subject.clone(),
            client: client.clone(),
            protocol,
            parameters,
            mode,
            ttl: None,
            duration: minutes.map(|minutes| minutes.saturating_mul(60)),
            target_link_uri: self.given("target"),
            reason: self.line("reason")?,
            reason_code: None,
            ticket: self.line("ticket")?,
            ignored: Vec::new(),
        })
    }

    /// Free text that ends up on pages and in the trail.
    fn line(&self, name: &'static str) -> Result<Option<String>, StartRefusal> {
        let Some(text) = self.given(name) else { return Ok(None) };
        if text.chars().count() > MAX_LINE_LEN || !is_plain_line(&text) {
            return Err(bad(name, "a line of at most 1000 characters"));
        }
        Ok(Some(text))
    }
}

fn bad(field: &'static str, problem: &str) -> StartRefusal {
    StartRefusal::Parameter(BadParameter { field, problem: problem.to_owned() })
}
