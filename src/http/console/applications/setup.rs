//! What the operator of an application enters on their side, ready to copy.
use super::snippets::{Snippet, snippets};
use super::{path, specs};
use crate::crypto::certificate::to_pem;
use crate::domain::ClientId;
use crate::domain::client::{Client, ClientKind};
use crate::domain::permission::CLIENTS_READ;
use crate::domain::protocol::ProtocolName;
use crate::flows::operations::see_keys::xml_certificate;
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::labels;
use crate::http::ui::layout::Page;
use crate::provision::applications::client as find;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/application_setup.html")]
struct SetupPage {
    page: Page,
    console: ConsoleFrame,
    here: String,
    name: String,
    kind: &'static str,
    rooms: Vec<ProtocolSetup>,
}

struct ProtocolSetup {
    /// For the ids on the page.
    id: &'static str,
    title: &'static str,
    values: Vec<ShownSetup>,
    /// In PEM, of what signs XML now.
    certificate: Option<String>,
    /// Of our metadata: to look at, and to save.
    metadata: Option<String>,
    snippets: Vec<Snippet>,
}

struct ShownSetup {
    id: String,
    label: &'static str,
    value: String,
}

/// The rooms that have something to say to an application of this kind.
fn rooms(kind: ClientKind) -> &'static [ProtocolName] {
    match kind {
        ClientKind::Web
        | ClientKind::Spa
        | ClientKind::Native
        | ClientKind::Machine
        | ClientKind::Global => &[ProtocolName::Oauth2],
        ClientKind::Saml => &[ProtocolName::Samlp],
        ClientKind::Wsfed => &[ProtocolName::Wsfed, ProtocolName::WsfedRms],
    }
}

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(CLIENTS_READ)?;
    let id = console.segment(2).and_then(|id| ClientId::parse(id).ok());
    let id = id.ok_or_else(|| console.missing())?;
    let found = find(console.ctx(), console.user(), &id).await;
    let client = found.map_err(|e| console.accident(&e))?.ok_or_else(|| console.missing())?;
    let mut shown = Vec::new();
    for protocol in rooms(client.kind) {
        shown.extend(room(&console, &client, *protocol)?);
    }
    let (page, frame) = console.frame(ConsoleSection::Applications, "Configuration", &[]);
    let page = SetupPage {
        page,
        console: frame,
        here: path(client.id.as_str()),
        kind: specs::kind(client.kind),
        name: client.name,
        rooms: shown,
    };
    Ok(render(&page, StatusCode::OK))
}

/// `None`: this protocol is not served here.
fn room(
    console: &ConsoleSession,
    client: &Client,
    protocol: ProtocolName,
) -> Result<Option<ProtocolSetup>, PageError> {
    let ctx = console.ctx();
    let Some(served) = ctx.room(protocol) else { return Ok(None) };
    let xml = protocol != ProtocolName::Oauth2;
    let certificate =
        if xml { Some(xml_certificate(ctx).map_err(|e| console.accident(&e))?) } else { None };
    let id = protocol.as_str();
    let settings = served.setup(ctx.issuer(), client);
    let metadata = settings.iter().find(|it| it.label == "Metadata address");
    let metadata = metadata.and_then(|it| it.value.strip_prefix(ctx.issuer()));
    let signs_in = client.kind.speaks(protocol);
    Ok(Some(ProtocolSetup {
        id,
        title: if signs_in { labels::protocol(id) } else { "OAuth 2.0" },
        metadata: metadata.map(str::to_owned),
        snippets: snippets(ctx.issuer(), client, protocol),
        certificate: certificate.map(|der| to_pem(&der)),
        values: settings
            .into_iter()
            .enumerate()
            .map(|(nth, it)| ShownSetup {
                id: format!("{id}-{nth}"),
                label: it.label,
                value: it.value,
            })
            .collect(),
    }))
}
