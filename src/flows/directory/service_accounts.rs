//! Manages service accounts: an authorized application gets a user in the organization; when the authorization
//! ends, that user is disabled, and all its tokens and impersonations end.
use crate::audit::{Event, EventKind};
use crate::crypto::hash::sha256;
use crate::crypto::random;
use crate::domain::UserId;
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::flows::impersonation::end_impersonation::{EndedBy, Which, end_matching};
use crate::store::directory::service_accounts::{self, NewAccount};
use crate::store::{self, Conn, StoreError, directory::box_users};

/// Mail to it goes nowhere, for ever ([RFC 2606 §2]): these users have no mailbox.
///
/// [RFC 2606 §2]: https://www.rfc-editor.org/rfc/rfc2606#section-2
const DOMAIN: &str = "appusers.invalid";

/// A login for a user who has none: it is shown, and opens nothing. As Box writes one:
/// `AppUser_<service id of the application>_<10 characters>`.
pub(in crate::flows) fn made_up_login(prefix: &str, client: &str) -> String {
    let drawn: String = random::client_id().chars().take(10).collect();
    format!("{prefix}_{}_{drawn}@{DOMAIN}", service_id(client))
}

/// The number of an application in generated logins: 11 digits of a hash of its client id. It is only for display,
/// so two applications may share one.
fn service_id(client: &str) -> u64 {
    const FIRST: u64 = 10_000_000_000;
    let hash = sha256(format!("box service id\n{client}").as_bytes());
    let start = hash.first_chunk::<8>().unwrap_or(&[0; 8]);
    FIRST + u64::from_be_bytes(*start) % (9 * FIRST)
}

/// A new id of a user who is made through the Box channel, where ids are numbers.
pub(in crate::flows) async fn draw_user_id(conn: &Conn) -> Result<UserId, StoreError> {
    loop {
        let id = random::decimal_id();
        if !box_users::is_id_taken(conn, &id).await? {
            return UserId::parse(id)
                .map_err(|e| StoreError::Corrupt { table: "users", what: e.to_string() });
        }
    }
}

/// Makes the accounts match the authorizations (idempotent).
///
/// All tokens of an application in an organization that withdraws its authorization become invalid.
pub async fn settle(conn: &Conn, by: &str) -> Result<(), StoreError> {
    for missing in service_accounts::list_missing(conn).await? {
        let id = draw_user_id(conn).await?.to_string();
        let login = made_up_login("AutomationUser", &missing.client);
        let canonical = store::directory::users::canonical_email(&login);
        let account =
            NewAccount { id: &id, missing: &missing, login: &login, canonical_login: &canonical };
        service_accounts::insert(conn, &account).await?;
        let event = event(by, (&id, &missing.client, &missing.organization));
        store::trail::append::append(conn, &event.with("action", "create")).await?;
    }
    for account in service_accounts::settle(conn).await? {
        // Also when it is let in again: what the application was given before stays dead, for its own users too.
        let whose = (account.client.as_str(), account.organization.as_str());
        store::tokens::not_before::put_for_users_made_by(conn, whose).await?;
        if account.status == "inactive" {
            end_all_of(conn, &account.id, by).await?;
        }
        let event = event(by, (&account.id, &account.client, &account.organization));
        let event = event.with("action", "update").with("status", account.status);
        store::trail::append::append(conn, &event).await?;
    }
    Ok(())
}

fn event(by: &str, (id, client, organization): (&str, &str, &str)) -> Event {
    Event {
        actor: Some(by.to_owned()),
        subject: Some(id.to_owned()),
        client: Some(client.to_owned()),
        organization: Some(organization.to_owned()),
        ..Event::new(EventKind::UserChanged, &Caller::default())
    }
}

async fn end_all_of(conn: &Conn, actor: &str, by: &str) -> Result<(), StoreError> {
    let Ok(actor) = UserId::parse(actor) else { return Ok(()) };
    let which = Which { actor: Some(actor), ..Which::default() };
    let by = EndedBy { actor: Some(by), reason: EndReason::ActorRevoked };
    end_matching(conn, &which, by, &Caller::default()).await?;
    Ok(())
}
