//! What an application would be told about a user, without signing in as anybody.
use super::{path, seen};
use crate::domain::ClientId;
use crate::domain::client::Client;
use crate::domain::permission::USERS_READ;
use crate::domain::protocol::ProtocolName;
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::flows::tokens::preview_tokens::{
    TokenPreview, applications_of, preview_tokens, protocols_of,
};
use crate::http::console::kit::{Field, Select};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::labels;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Map, Value};

#[derive(Template)]
#[template(path = "console/preview.html")]
struct PreviewPage {
    page: Page,
    console: ConsoleFrame,
    up: String,
    here: String,
    name: String,
    /// Nothing to choose from: there is no application for them.
    none: bool,
    application: Select,
    protocol: Select,
    /// Only where the application asks for scopes.
    scope: Option<Field>,
    shown: Vec<ShownPreview>,
    note: Option<&'static str>,
}

/// A token or an answer.
struct ShownPreview {
    id: &'static str,
    title: &'static str,
    /// JSON, indented.
    text: Option<String>,
    rows: Vec<(String, String)>,
}

const SCOPE: &str = "openid profile email phone";

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(USERS_READ)?;
    let user = seen(&console).await?;
    let clients = applications_of(console.ctx(), &user).await.map_err(|e| console.accident(&e))?;
    let wanted = console.parameter("application");
    let chosen = clients.iter().find(|it| it.id.as_str() == wanted).or(clients.first());
    let protocols = chosen.map(|it| protocols_of(console.ctx(), it)).unwrap_or_default();
    let wanted = ProtocolName::parse(&console.parameter("protocol"));
    let protocol = wanted.filter(|it| protocols.contains(it)).or(protocols.first().copied());
    let scope = Some(console.parameter("scope")).filter(|it| !it.is_empty());
    let scope = scope.unwrap_or_else(|| SCOPE.to_owned());
    let (shown, note) = match chosen.zip(protocol) {
        Some((client, protocol)) => look(&console, &user, (&client.id, protocol), &scope).await?,
        None => (Vec::new(), None),
    };
    let (page, frame) = console.frame(ConsoleSection::Users, "Token preview", &[]);
    let page = PreviewPage {
        page,
        console: frame,
        up: path(&user.id),
        here: format!("{}/preview", path(&user.id)),
        name: user.display_name().to_owned(),
        none: clients.is_empty(),
        application: applications(&clients, chosen),
        protocol: protocol_select(&protocols, protocol),
        scope: (protocol == Some(ProtocolName::Oauth2))
            .then(|| Field::new("scope", "Scope that it asks for", &scope)),
        shown,
        note,
    };
    Ok(render(&page, StatusCode::OK))
}

pub fn applications(clients: &[Client], chosen: Option<&Client>) -> Select {
    let names = clients.iter().map(|it| (it.id.as_str(), it.name.as_str()));
    Select::new("application", "Application", names, chosen.map_or("", |it| it.id.as_str()))
}

pub fn protocol_select(protocols: &[ProtocolName], chosen: Option<ProtocolName>) -> Select {
    let names = protocols.iter().map(|it| (it.as_str(), labels::protocol(it.as_str())));
    Select::new("protocol", "Signs in with", names, chosen.map_or("", ProtocolName::as_str))
}

type Look = (Vec<ShownPreview>, Option<&'static str>);

async fn look(
    console: &ConsoleSession,
    user: &User,
    application: (&ClientId, ProtocolName),
    scope: &str,
) -> Result<Look, PageError> {
    let Ok(scope) = Scopes::parse(scope) else {
        return Ok((
            Vec::new(),
            Some("This is no scope: words of printable ASCII, with spaces between."),
        ));
    };
    let preview = preview_tokens(console.ctx(), user, application, &scope).await;
    Ok(match preview.map_err(|e| console.accident(&e))? {
        None => (Vec::new(), Some("This application is not open to this user.")),
        Some(TokenPreview::Unknown) => {
            (Vec::new(), Some("What this protocol would say is seen only when somebody signs in."))
        }
        Some(TokenPreview::Claims { id_token: None, .. }) => {
            let note = "Without the scope openid the application gets an access token, and learns nothing else.";
            (Vec::new(), Some(note))
        }
        Some(TokenPreview::Claims { id_token, userinfo, .. }) => {
            let id_token = id_token.map(|it| json("id-token", "ID token", it));
            let userinfo = userinfo.map(|it| json("userinfo", "Userinfo", it));
            (id_token.into_iter().chain(userinfo).collect(), None)
        }
        Some(TokenPreview::Attributes(rows)) => {
            (vec![ShownPreview { id: "answer", title: "Attributes", text: None, rows }], None)
        }
    })
}

fn json(id: &'static str, title: &'static str, claims: Map<String, Value>) -> ShownPreview {
    let text = serde_json::to_string_pretty(&Value::Object(claims)).unwrap_or_default();
    ShownPreview { id, title, text: Some(text), rows: Vec::new() }
}
