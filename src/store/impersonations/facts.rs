//! The facts for the decision, in one read: actor, subject, application, and whether the feature is on; or a link.
use super::{ImpersonationRecord, Link, RecordRow, TABLE};
use crate::domain::api_scope::ApiScope;
use crate::domain::client::{Client, ClientKind};
use crate::domain::user::User;
use crate::domain::{ClientId, Status, Timestamp, UserId};
use crate::impersonation::RequestingApplication;
use crate::store::applications::clients::ApplicationAndOrganization;
use crate::store::directory::users::UserRow;
use crate::store::schema::{
    Written, applications, impersonations, moment, people, settings, written,
};
use crate::store::{Conn, DirectoryVersions, Moment, StoreError, id, word};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::RunQueryDsl;

diesel::alias!(people as actors: Actors, people as subjects: Subjects);
diesel::alias!(applications as requesting: Requesting);

/// The current users and application; `None` for one that does not exist.
#[derive(Clone)]
pub struct DecisionFacts {
    pub actor: Option<User>,
    pub subject: Option<User>,
    pub client: Option<Client>,
    /// The requesting application, if it is not `client`.
    pub requesting: Option<RequestingApplication>,
    pub feature_enabled: bool,
    /// The latest moment of [`crate::store::tokens::not_before`] that is about any of them.
    pub not_before: Option<Timestamp>,
    pub at: Moment,
}

impl DecisionFacts {
    /// Whether the facts are still true at `directory`, because none of their organizations has changed. A move to
    /// another organization changes the versions of both.
    pub fn hold_at(&self, directory: &DirectoryVersions) -> bool {
        let (Some(seen), Some(actor), Some(subject), Some(client)) =
            (&self.at.directory, &self.actor, &self.subject, &self.client)
        else {
            return false;
        };
        let asks = self.requesting.as_ref().and_then(|asks| asks.organization.as_ref());
        let owner = client.organization.as_ref().map(|organization| &organization.id);
        // The version of an application without an organization covers everything.
        let owners = [owner, asks].into_iter().flatten().map(Some);
        let homes = [actor.organization_id(), subject.organization_id()];
        homes.into_iter().chain(owners).all(|home| seen.agree(directory, home))
    }
}

/// A link, found by its ticket.
pub struct Ticket {
    pub record: ImpersonationRecord,
    pub link: Link,
    pub at: Moment,
}

/// Id, kind, first party, status; organization and its status; API scopes.
type RequestingColumns =
    (String, String, bool, String, Option<String>, Option<String>, Vec<String>);

type FactColumns = (
    bool,
    Moment,
    Option<Timestamp>,
    Option<ApplicationAndOrganization>,
    Option<UserRow>,
    Option<UserRow>,
    Option<RequestingColumns>,
);

struct NotBeforeOfAll;

impl Written for NotBeforeOfAll {
    type SqlType = Nullable<Timestamptz>;
    const SQL: &'static str = "(SELECT max(v.since) FROM vetoes v WHERE v.id IN (applications.id, requesting.id, actors.id, \
     actors.organization_id, subjects.id, subjects.organization_id, '*') AND CASE v.kind \
     WHEN 'client_not_before' THEN v.id IN (applications.id, requesting.id) \
     WHEN 'user_not_before' THEN v.id IN (actors.id, subjects.id) \
     WHEN 'organization_not_before' THEN v.id IN (actors.organization_id, subjects.organization_id) \
     WHEN 'everybody_not_before' THEN v.id = '*' END)";
}

fn person() -> <UserRow as Selectable<Pg>>::SelectExpression {
    <UserRow as Selectable<Pg>>::construct_selection()
}

fn requesting_application(columns: RequestingColumns) -> Result<RequestingApplication, StoreError> {
    const TABLE: &str = "clients";
    let (key, kind, first_party, status, organization, organization_status, scopes) = columns;
    let is_active = |text: &str| Ok::<_, StoreError>(word(TABLE, text, Status::parse)?.is_active());
    let home_is_active = organization_status.as_deref().map(is_active).transpose()?;
    Ok(RequestingApplication {
        id: id(TABLE, key)?,
        kind: word(TABLE, &kind, ClientKind::parse)?,
        first_party,
        organization: organization.map(|text| id(TABLE, text)).transpose()?,
        active: is_active(&status)? && home_is_active.unwrap_or(true),
        may_create: scopes.iter().any(|scope| scope == ApiScope::ImpersonationsCreate.as_str()),
    })
}

/// `other`: the requesting application, if it is not `client`.
pub async fn facts(
    mut conn: &Conn,
    actor: &UserId,
    subject: &UserId,
    client: &ClientId,
    other: Option<&ClientId>,
) -> Result<DecisionFacts, StoreError> {
    // No application has an empty id.
    let other = other.map_or("", ClientId::as_str).to_owned();
    let columns: FactColumns = settings::table
        .left_join(applications::table.on(applications::id.eq(client.to_string())))
        .left_join(actors.on(actors.field(people::id).eq(actor.to_string())))
        .left_join(subjects.on(subjects.field(people::id).eq(subject.to_string())))
        .left_join(requesting.on(requesting.field(applications::id).eq(other)))
        .select((
            settings::impersonation_enabled,
            moment(),
            written::<NotBeforeOfAll>(),
            Option::<ApplicationAndOrganization>::as_select(),
            actors.fields(person()).nullable(),
            subjects.fields(person()).nullable(),
            requesting
                .fields((
                    applications::id,
                    applications::kind,
                    applications::first_party,
                    applications::status,
                    applications::organization_id,
                    applications::organization_status,
                    applications::api_scopes,
                ))
                .nullable(),
        ))
        .first(&mut conn)
        .await?;
    let (feature_enabled, at, not_before, client, actor, subject, other) = columns;
    Ok(DecisionFacts {
        actor: actor.map(User::try_from).transpose()?,
        subject: subject.map(User::try_from).transpose()?,
        client: client.map(Client::try_from).transpose()?,
        requesting: other.map(requesting_application).transpose()?,
        feature_enabled,
        not_before,
        at,
    })
}

pub async fn find_by_ticket(
    mut conn: &Conn,
    ticket_hash: &[u8],
) -> Result<Option<Ticket>, StoreError> {
    let found: Option<(RecordRow, Moment)> = impersonations::table
        .filter(impersonations::ticket_hash.eq(ticket_hash))
        .select((RecordRow::as_select(), moment()))
        .first(&mut conn)
        .await
        .optional()?;
    let Some((row, at)) = found else { return Ok(None) };
    let record = ImpersonationRecord::try_from(row)?;
    let missing = || StoreError::Corrupt { table: TABLE, what: "a ticket without a link".into() };
    let link = record.link.clone().ok_or_else(missing)?;
    Ok(Some(Ticket { record, link, at }))
}
