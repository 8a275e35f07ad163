//! What a service provider says about a logout; everything is read from what was verified.
use crate::crypto::xml::values::{collapse, date_time};
use crate::crypto::xml::{Element, Name, XmlError};
use crate::domain::Timestamp;
use crate::protocols::samlp::message::UnreadableMessage;
use crate::protocols::samlp::names::{saml, samlp};
use crate::protocols::samlp::request::{is_message_id, is_one_of};
use chrono::Duration;

pub(super) const REQUEST: Name = samlp("LogoutRequest");
pub(super) const RESPONSE: Name = samlp("LogoutResponse");

/// How far the clock of an application may be off (SDP-G01 asks for three to five minutes).
const SKEW: Duration = Duration::minutes(5);
const MAX_INDEXES: usize = 50;
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const PARTIAL: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";

/// Who speaks, where to, and what time it is here.
#[derive(Clone, Copy)]
pub(super) struct LogoutFrame<'a> {
    pub(super) entity_id: &'a str,
    /// Our own addresses.
    pub(super) addresses: &'a [String],
    /// A message that is signed says whom it is for.
    pub(super) signed: bool,
    pub(super) now: Timestamp,
}

/// [SAML core §3.7.1].
///
/// [SAML core §3.7.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
pub(super) struct SamlLogoutRequest {
    pub(super) id: String,
    /// What the application calls the user.
    pub(super) name: String,
    /// `SessionIndex`, as often as it is given; none means every session.
    pub(super) logins: Vec<String>,
}

fn broken(_: XmlError) -> UnreadableMessage {
    UnreadableMessage("The SAML message is not understood.")
}

pub(super) fn request(
    element: Element<'_>,
    frame: LogoutFrame<'_>,
) -> Result<SamlLogoutRequest, UnreadableMessage> {
    check(element, frame)?;
    if let Some(end) = element.filled("NotOnOrAfter")
        && frame.now >= moment(&end)? + SKEW
    {
        return Err(UnreadableMessage("The sign-out request has expired."));
    }
    let name = element.child(saml("NameID")).map_err(broken)?.ok_or(UnreadableMessage(
        "The sign-out request does not say in plain text whom it is about.",
    ))?;
    let indexes = element.children_named(samlp("SessionIndex")).take(MAX_INDEXES + 1);
    let logins: Vec<String> = indexes.map(|one| trimmed(one)).collect::<Result<_, _>>()?;
    if logins.len() > MAX_INDEXES {
        return Err(UnreadableMessage("The sign-out request names too many sessions."));
    }
    Ok(SamlLogoutRequest { id: id(element)?, name: trimmed(name)?, logins })
}

/// The message that is answered, and whether the application's sessions are over.
pub(super) fn response(
    element: Element<'_>,
    frame: LogoutFrame<'_>,
) -> Result<(String, bool), UnreadableMessage> {
    check(element, frame)?;
    let answered = collapse(element.required("InResponseTo").map_err(broken)?);
    let status = element.required_child(samlp("Status")).map_err(broken)?;
    let code = status.required_child(samlp("StatusCode")).map_err(broken)?;
    let second = code.child(samlp("StatusCode")).map_err(broken)?;
    let partial =
        second.is_some_and(|second| second.collapsed("Value").as_deref() == Some(PARTIAL));
    Ok((answered, code.collapsed("Value").as_deref() == Some(SUCCESS) && !partial))
}

/// What every message carries (SAML core §3.2).
fn check(element: Element<'_>, frame: LogoutFrame<'_>) -> Result<(), UnreadableMessage> {
    if element.attribute("Version") != Some("2.0") {
        return Err(UnreadableMessage("The SAML message is of another version than 2.0."));
    }
    id(element)?;
    let issuer = element.required_child(saml("Issuer")).map_err(broken)?;
    if trimmed(issuer)? != frame.entity_id {
        return Err(UnreadableMessage("The SAML message is from another application."));
    }
    match element.filled("Destination") {
        Some(to) if is_one_of(&to, frame.addresses) => {}
        None if !frame.signed => {}
        Some(_) | None => {
            return Err(UnreadableMessage("The SAML message is for another address."));
        }
    }
    let made_at = moment(element.required("IssueInstant").map_err(broken)?)?;
    if (frame.now - made_at).abs() > SKEW {
        return Err(UnreadableMessage(
            "The SAML message is too old, or the application's clock is wrong.",
        ));
    }
    Ok(())
}

fn id(element: Element<'_>) -> Result<String, UnreadableMessage> {
    let id = collapse(element.required("ID").map_err(broken)?);
    let problem = UnreadableMessage("The SAML message has an ID that is none.");
    if is_message_id(&id) { Ok(id) } else { Err(problem) }
}

fn trimmed(element: Element<'_>) -> Result<String, UnreadableMessage> {
    Ok(element.text().map_err(broken)?.trim().to_owned())
}

fn moment(text: &str) -> Result<Timestamp, UnreadableMessage> {
    date_time(text).ok_or(UnreadableMessage("The SAML message has a time that is none."))
}
