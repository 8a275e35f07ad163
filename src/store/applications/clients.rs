//! `clients`, read through the view `applications`: with organization and secrets, in one row.
use crate::domain::api_scope::ApiScope;
use crate::domain::client::{
    AuthMethod, Client, ClientImpersonation, ClientKind, GrantType, SigningAlgorithm,
};
use crate::domain::protocol::Redeem;
use crate::domain::scope::Scopes;
use crate::domain::{ClientId, OrganizationId, Status, UserId};
use crate::store::connection::statement::{Statement, Value};
use crate::store::schema::applications;
use crate::store::{Conn, StoreError, directory::users, word};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::de::DeserializeOwned;
use std::sync::Arc;

const TABLE: &str = "clients";

#[derive(Queryable, Selectable)]
#[diesel(table_name = applications)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column")]
pub(in crate::store) struct ApplicationAndOrganization {
    id: String,
    organization_id: Option<String>,
    name: String,
    status: String,
    kind: String,
    first_party: bool,
    auth_method: String,
    jwks: Option<serde_json::Value>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    initiate_login_uri: Option<String>,
    backchannel_logout_uri: Option<String>,
    grant_types: Vec<String>,
    scopes: Vec<String>,
    api_scopes: Vec<String>,
    audiences: Vec<String>,
    introspect: bool,
    id_token_algorithm: String,
    access_token_lifetime: i32,
    impersonation_enabled: bool,
    redeem: String,
    unsolicited: bool,
    read_scopes: Vec<String>,
    read_only: bool,
    saml: Option<serde_json::Value>,
    wsfed: Option<serde_json::Value>,
    box_: Option<serde_json::Value>,
    organization_status: Option<String>,
    organization_impersonation_enabled: Option<bool>,
    secret_hashes: Vec<Vec<u8>>,
}

fn scopes(names: &[String]) -> Result<Scopes, StoreError> {
    Scopes::parse_stored(&names.join(" "))
        .map_err(|problem| StoreError::Corrupt { table: TABLE, what: problem.to_string() })
}

/// Parses the settings of a protocol.
fn section<T: DeserializeOwned>(
    value: Option<serde_json::Value>,
) -> Result<Option<Arc<T>>, StoreError> {
    let read = |value| {
        serde_json::from_value(value)
            .map(Arc::new)
            .map_err(|e| StoreError::Corrupt { table: TABLE, what: e.to_string() })
    };
    value.map(read).transpose()
}

impl TryFrom<ApplicationAndOrganization> for Client {
    type Error = StoreError;

    fn try_from(row: ApplicationAndOrganization) -> Result<Self, StoreError> {
        let organization = users::organization(
            TABLE,
            (row.organization_id, row.organization_status, row.organization_impersonation_enabled),
        )?;
        let grants = row.grant_types.iter().map(|name| word(TABLE, name, GrantType::parse));
        Ok(Self {
            id: crate::store::id(TABLE, row.id)?,
            name: row.name,
            organization,
            status: word(TABLE, &row.status, Status::parse)?,
            kind: word(TABLE, &row.kind, ClientKind::parse)?,
            first_party: row.first_party,
            auth_method: word(TABLE, &row.auth_method, AuthMethod::parse)?,
            secret_hashes: row.secret_hashes,
            jwks: row.jwks,
            redirect_uris: row.redirect_uris,
            post_logout_redirect_uris: row.post_logout_redirect_uris,
            initiate_login_uri: row.initiate_login_uri,
            backchannel_logout_uri: row.backchannel_logout_uri,
            grant_types: grants.collect::<Result<_, _>>()?,
            scopes: scopes(&row.scopes)?,
            // An unknown scope, written by a later release, is ignored.
            api_scopes: row.api_scopes.iter().filter_map(|name| ApiScope::parse(name)).collect(),
            audiences: row.audiences,
            introspect: row.introspect,
            id_token_algorithm: word(TABLE, &row.id_token_algorithm, SigningAlgorithm::parse)?,
            access_token_lifetime: row.access_token_lifetime.into(),
            impersonation: ClientImpersonation {
                enabled: row.impersonation_enabled,
                redeem: word(TABLE, &row.redeem, Redeem::parse)?,
                unsolicited: row.unsolicited,
                read_scopes: scopes(&row.read_scopes)?,
                read_only: row.read_only,
            },
            saml: section(row.saml)?,
            wsfed: section(row.wsfed)?,
            box_: section(row.box_)?,
        })
    }
}

pub async fn find(mut conn: &Conn, client: &ClientId) -> Result<Option<Client>, StoreError> {
    let row: Option<ApplicationAndOrganization> = applications::table
        .find(client.as_str())
        .select(ApplicationAndOrganization::as_select())
        .first(&mut conn)
        .await
        .optional()?;
    row.map(Client::try_from).transpose()
}

/// The relying party of `realm`, compared byte for byte. `None` also when two have it.
pub async fn find_by_realm(mut conn: &Conn, realm: &str) -> Result<Option<ClientId>, StoreError> {
    struct ByRealm;
    const BY_REALM: &str = "SELECT min(id) FROM clients WHERE kind = 'wsfed' \
         AND wsfed ->> 'realm' = ? HAVING count(*) = 1";
    let values = [Value::Text(realm)];
    let found: Option<String> =
        Statement::<ByRealm, diesel::sql_types::Text>::new(BY_REALM, &values)
            .get_result(&mut conn)
            .await
            .optional()?;
    found.map(|id| crate::store::id(TABLE, id)).transpose()
}

/// The active relying party with this reply URL, byte for byte; of several the first by id.
pub async fn find_by_reply_url(mut conn: &Conn, url: &str) -> Result<Option<ClientId>, StoreError> {
    struct ByReplyUrl;
    const BY_REPLY_URL: &str = "SELECT id FROM clients WHERE kind = 'wsfed' AND status = 'active' \
         AND (? = ANY (redirect_uris) OR ? = ANY (post_logout_redirect_uris)) ORDER BY id LIMIT 1";
    let values = [Value::Text(url), Value::Text(url)];
    let found: Option<String> =
        Statement::<ByReplyUrl, diesel::sql_types::Text>::new(BY_REPLY_URL, &values)
            .get_result(&mut conn)
            .await
            .optional()?;
    found.map(|id| crate::store::id(TABLE, id)).transpose()
}

/// The service provider with this entity ID, byte for byte. `None` also when two have it.
pub async fn find_by_entity_id(
    mut conn: &Conn,
    entity_id: &str,
) -> Result<Option<ClientId>, StoreError> {
    struct ByEntityId;
    const BY_ENTITY_ID: &str = "SELECT min(id) FROM clients WHERE kind = 'saml' \
         AND saml ->> 'entity_id' = ? HAVING count(*) = 1";
    let values = [Value::Text(entity_id)];
    let found: Option<String> =
        Statement::<ByEntityId, diesel::sql_types::Text>::new(BY_ENTITY_ID, &values)
            .get_result(&mut conn)
            .await
            .optional()?;
    found.map(|id| crate::store::id(TABLE, id)).transpose()
}

/// The active applications that users of `organization` can sign in to: its own and the operator's, at most
/// `limit`, by name.
pub async fn list_open_to(
    mut conn: &Conn,
    organization: Option<&OrganizationId>,
    limit: i64,
) -> Result<Vec<Client>, StoreError> {
    let theirs = applications::organization_id.is_null().or(applications::organization_id
        .is_not_distinct_from(organization.map(OrganizationId::as_str)));
    let rows: Vec<ApplicationAndOrganization> = applications::table
        .filter(applications::status.eq("active"))
        .filter(applications::kind.eq_any(["web", "spa", "native", "saml", "wsfed"]))
        .filter(theirs)
        .order((applications::name, applications::id))
        .limit(limit)
        .select(ApplicationAndOrganization::as_select())
        .load(&mut conn)
        .await?;
    rows.into_iter().map(Client::try_from).collect()
}

/// The ids of the applications that `user` signed in to, latest first; then of those that an actor signed in to as
/// them.
pub async fn last_used_by(mut conn: &Conn, user: &UserId) -> Result<Vec<String>, StoreError> {
    struct LastUsed;
    const LAST_USED: &str = "SELECT client_id FROM ( \
             SELECT c.client_id, c.created_at, true AS by_themselves \
             FROM sessions s JOIN authorization_codes c ON c.session_id = s.id \
             WHERE s.user_id = ? AND s.impersonation_id IS NULL \
         UNION ALL \
             SELECT p.client_id, p.created_at, true \
             FROM sessions s JOIN session_participants p ON p.session_id = s.id \
             WHERE s.user_id = ? AND s.impersonation_id IS NULL \
         UNION ALL \
             (SELECT i.client_id, i.created_at, false FROM impersonations i \
             WHERE i.subject_id = ? ORDER BY i.id DESC LIMIT 20) \
         ) used GROUP BY client_id ORDER BY bool_or(by_themselves) DESC, max(created_at) DESC LIMIT 20";
    let user = || Value::Text(user.as_str());
    Ok(Statement::<LastUsed, diesel::sql_types::Text>::new(LAST_USED, &[user(), user(), user()])
        .load(&mut conn)
        .await?)
}

/// Whether an active application that runs in browsers has a redirect URI at `origin`.
pub async fn any_in_browsers_at(mut conn: &Conn, origin: &str) -> Result<bool, StoreError> {
    struct AnyAt;
    const TEXT: &str = "SELECT EXISTS (SELECT FROM clients WHERE status = 'active' \
         AND kind IN ('spa', 'native') AND EXISTS (SELECT FROM unnest(redirect_uris) AS uri \
         WHERE uri = ? OR starts_with(uri, ? || '/')))";
    let values = [Value::Text(origin), Value::Text(origin)];
    Ok(Statement::<AnyAt, diesel::sql_types::Bool>::new(TEXT, &values)
        .get_result(&mut conn)
        .await?)
}
