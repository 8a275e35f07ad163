//! The form, and the verdict beside it.
use super::PURPOSE;
use super::check::{CheckVerdict, check};
use super::wanted::SignInAsRequest;
use crate::domain::client::Client;
use crate::domain::permission::IMPERSONATE;
use crate::domain::protocol::{Mode, ProtocolName};
use crate::domain::user::User;
use crate::flows::tokens::preview_tokens::{applications_by_use, protocols_of};
use crate::http::console::kit::{Field, Select};
use crate::http::console::users::preview::{applications, protocol_select};
use crate::http::console::users::{path, seen};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::{FormTargets, render_leading_to};
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/sign_in_as.html")]
struct SignInAsPage {
    page: Page,
    console: ConsoleFrame,
    up: String,
    here: String,
    subject: String,
    address: String,
    actor: String,
    fields: Option<SignInAsFields>,
    verdict: CheckVerdict,
    csrf: String,
}

/// The form; there is none where no application can be entered.
struct SignInAsFields {
    application: Select,
    protocol: Select,
    reason: Field,
    ticket: Field,
    duration: Select,
    mode: Select,
    advanced: Vec<Field>,
    choices: Vec<Select>,
    /// Something is filled in there.
    open: bool,
}

/// Subject, offered applications and form input.
pub struct SignInAsData {
    pub subject: User,
    pub clients: Vec<Client>,
    pub wanted: SignInAsRequest,
}

impl SignInAsData {
    /// Whom and where `wanted` is about.
    pub async fn set(console: &ConsoleSession, wanted: SignInAsRequest) -> Result<Self, PageError> {
        console.require(IMPERSONATE)?;
        let subject = seen(console).await?;
        Self::about(console, subject, wanted).await
    }

    async fn about(
        console: &ConsoleSession,
        subject: User,
        wanted: SignInAsRequest,
    ) -> Result<Self, PageError> {
        let open = applications_by_use(console.ctx(), &subject).await;
        let mut clients = open.map_err(|e| console.accident(&e))?;
        clients.retain(|client| client.impersonation.enabled);
        Ok(Self { subject, clients, wanted })
    }

    pub fn application(&self, console: &ConsoleSession) -> Option<(&Client, ProtocolName)> {
        let client = self.wanted.client(&self.clients)?;
        Some((client, self.wanted.protocol(console.ctx(), client)?))
    }

    /// The verdict when there is no application to decide about.
    pub fn nothing(&self) -> CheckVerdict {
        CheckVerdict::Nothing(match self.clients.as_slice() {
            [] => "No application that this user can sign in to accepts impersonated sign-ins.",
            [..] => {
                "There is no such application for this user, or it does not accept impersonated sign-ins."
            }
        })
    }
}

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    let wanted = SignInAsRequest::read(|name| console.parameter(name));
    let scene = SignInAsData::set(&console, wanted).await?;
    let verdict = judge(&console, &scene).await?;
    Ok(draw(&console, &scene, verdict, StatusCode::OK))
}

async fn judge(console: &ConsoleSession, scene: &SignInAsData) -> Result<CheckVerdict, PageError> {
    match scene.application(console) {
        Some(application) => check(console, &scene.wanted, &scene.subject, application).await,
        None => Ok(scene.nothing()),
    }
}

/// Why it is no use to open the form about `subject`, as far as that is known before an application is chosen.
pub async fn hindrance(
    console: &ConsoleSession,
    subject: &User,
) -> Result<Option<&'static str>, PageError> {
    let scene = SignInAsData::about(console, subject.clone(), SignInAsRequest::default()).await?;
    Ok(match judge(console, &scene).await? {
        CheckVerdict::Nothing(text) => Some(text),
        verdict @ (CheckVerdict::Allowed { .. }
        | CheckVerdict::Mend { .. }
        | CheckVerdict::Refused { .. }) => verdict.hopeless(),
    })
}

/// The page, also in answer to a `POST` that was refused.
pub fn draw(
    console: &ConsoleSession,
    scene: &SignInAsData,
    verdict: CheckVerdict,
    status: StatusCode,
) -> HttpResponse {
    let (page, frame) = console.frame(ConsoleSection::Users, "Sign in as user", &[]);
    let subject = &scene.subject;
    let page = SignInAsPage {
        page,
        console: frame,
        up: path(&subject.id),
        here: format!("{}/sign-in-as", path(&subject.id)),
        subject: subject.display_name().to_owned(),
        address: subject.profile.email.clone().unwrap_or_else(|| subject.id.to_string()),
        actor: console.user().display_name().to_owned(),
        fields: (!scene.clients.is_empty() && verdict.hopeless().is_none())
            .then(|| fields(console, scene, &verdict)),
        verdict,
        csrf: console.token(PURPOSE, &[subject.id.as_str()]),
    };
    render_leading_to(&page, status, &targets(&scene.clients))
}

/// The form may be answered with a redirect to any of the applications in its list.
pub fn targets(clients: &[Client]) -> FormTargets {
    if clients.is_empty() { FormTargets::Ours } else { FormTargets::Applications }
}

fn fields(
    console: &ConsoleSession,
    scene: &SignInAsData,
    verdict: &CheckVerdict,
) -> SignInAsFields {
    let wanted = &scene.wanted;
    let chosen = wanted.client(&scene.clients);
    let spoken = chosen.map(|it| protocols_of(console.ctx(), it)).unwrap_or_default();
    let protocol = chosen.and_then(|it| wanted.protocol(console.ctx(), it));
    let line =
        |name, label| Field::new(name, label, wanted.get(name)).error(verdict.of_field(name));
    let (duration, mode) = (or(wanted.get("duration"), "30"), or(wanted.get("mode"), "full"));
    let lengths =
        [("5", "5 minutes"), ("15", "15 minutes"), ("30", "30 minutes"), ("60", "60 minutes")];
    // The rule is asked here too, so that nothing is offered that it will refuse.
    let offered = |mode: &Mode| {
        let application = chosen.zip(protocol);
        application.is_none_or(|(client, by)| client.impersonation.honours(*mode, by))
    };
    let modes = [(Mode::Full, "Full access"), (Mode::ReadOnly, "Read only")];
    let modes = modes.into_iter().filter(|(mode, _)| offered(mode));
    let modes = modes.map(|(mode, label)| (mode.as_str(), label));
    let advanced = ["response_type", "response_mode", "scope", "state", "target"];
    SignInAsFields {
        application: applications(&scene.clients, chosen).error(verdict.of_field("application")),
        protocol: protocol_select(&spoken, protocol),
        reason: line("reason", "Reason").hint("Visible to the user and to auditors."),
        ticket: line("ticket", "Ticket"),
        duration: Select::new("duration", "Ends after", lengths, duration)
            .error(verdict.of_field("duration")),
        mode: Select::new("mode", "Access", modes, mode),
        choices: choices(wanted, verdict),
        advanced: vec![
            line("scope", "Scope").hint("Default: openid."),
            line("state", "State").hint("Handed to the application as it is."),
            line("target", "Land on")
                .hint("An address in the application, where it can go there at once."),
        ],
        open: advanced.iter().any(|name| !wanted.get(name).is_empty()),
    }
}

fn choices(wanted: &SignInAsRequest, verdict: &CheckVerdict) -> Vec<Select> {
    let types = [("", "Default"), ("code", "code")];
    let modes =
        [("", "Default"), ("query", "query"), ("fragment", "fragment"), ("form_post", "form_post")];
    let (kind, mode) = (wanted.get("response_type"), wanted.get("response_mode"));
    vec![
        Select::new("response_type", "Response type", types, kind)
            .error(verdict.of_field("response_type")),
        Select::new("response_mode", "Response mode", modes, mode)
            .error(verdict.of_field("response_mode")),
    ]
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}
