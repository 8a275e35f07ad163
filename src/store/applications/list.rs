//! Lists and searches applications, of which there are hundreds, not millions.
use crate::domain::client::ClientKind;
use crate::domain::{ClientId, OrganizationId, Status, Timestamp};
use crate::store::{Conn, StoreError, word};
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

/// A filter; every field narrows.
#[derive(Debug, Clone, Default)]
pub struct ApplicationSearch {
    /// Literal part of name or id, case-insensitive.
    pub text: String,
    pub organization: Option<OrganizationId>,
    /// Any of these kinds; an empty list matches all.
    pub kinds: Vec<&'static str>,
    pub status: Option<Status>,
    /// The last one of the page before.
    pub after: Option<ClientId>,
    pub limit: i64,
}

/// An application in a list.
#[derive(Debug, Clone)]
pub struct FoundApplications {
    pub id: ClientId,
    pub name: String,
    pub kind: ClientKind,
    pub status: Status,
    pub organization: Option<String>,
    pub impersonation_enabled: bool,
    pub updated_at: Timestamp,
}

#[derive(QueryableByName)]
struct FoundApplicationRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Text>)]
    organization: Option<String>,
    #[diesel(sql_type = Bool)]
    impersonation_enabled: bool,
    #[diesel(sql_type = Timestamptz)]
    updated_at: Timestamp,
}

impl TryFrom<FoundApplicationRow> for FoundApplications {
    type Error = StoreError;

    fn try_from(row: FoundApplicationRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: crate::store::id("clients", row.id)?,
            name: row.name,
            kind: word("clients", &row.kind, ClientKind::parse)?,
            status: word("clients", &row.status, Status::parse)?,
            organization: row.organization,
            impersonation_enabled: row.impersonation_enabled,
            updated_at: row.updated_at,
        })
    }
}

/// Sorted by name, then by id.
pub async fn search(
    mut conn: &Conn,
    search: &ApplicationSearch,
) -> Result<Vec<FoundApplications>, StoreError> {
    let mut query = diesel::sql_query(
        "SELECT c.id, c.name, c.kind, c.status, o.name AS organization, c.impersonation_enabled, \
         c.updated_at FROM clients c LEFT JOIN organizations o ON o.id = c.organization_id WHERE true",
    )
    .into_boxed::<Pg>();
    let mut parameters = 0;
    let mut next = || {
        parameters += 1;
        format!("${parameters}")
    };
    let text = search.text.trim();
    if !text.is_empty() {
        let number = next();
        let clause = format!(
            " AND (strpos(lower(c.name), lower({number})) > 0 OR strpos(lower(c.id), lower({number})) > 0)"
        );
        query = query.sql(clause).bind::<Text, _>(text.to_owned());
    }
    if let Some(organization) = &search.organization {
        let clause = format!(" AND c.organization_id = {}", next());
        query = query.sql(clause).bind::<Text, _>(organization.as_str().to_owned());
    }
    if !search.kinds.is_empty() {
        let clause = format!(" AND c.kind = ANY({})", next());
        query = query.sql(clause).bind::<Array<Text>, _>(search.kinds.clone());
    }
    if let Some(status) = search.status {
        query = query.sql(format!(" AND c.status = {}", next())).bind::<Text, _>(status.as_str());
    }
    if let Some(after) = &search.after {
        let clause = format!(
            " AND (lower(c.name), c.id) > (SELECT lower(name), id FROM clients WHERE id = {})",
            next()
        );
        query = query.sql(clause).bind::<Text, _>(after.as_str().to_owned());
    }
    let clause = format!(" ORDER BY lower(c.name), c.id LIMIT {}", next());
    let rows: Vec<FoundApplicationRow> =
        query.sql(clause).bind::<BigInt, _>(search.limit).load(&mut conn).await?;
    rows.into_iter().map(FoundApplications::try_from).collect()
}

/// Additional columns of an application's page.
#[derive(Debug, Clone, QueryableByName)]
pub struct ApplicationCard {
    #[diesel(sql_type = Nullable<Text>)]
    pub organization: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: Timestamp,
    /// When its newest secret was created.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub secret_since: Option<Timestamp>,
    /// Its app users, which are deleted with it.
    #[diesel(sql_type = BigInt)]
    pub users: i64,
}

pub async fn card(
    mut conn: &Conn,
    client: &ClientId,
) -> Result<Option<ApplicationCard>, StoreError> {
    use diesel::OptionalExtension as _;
    let text = "SELECT o.name AS organization, c.created_at, c.updated_at, \
         (SELECT max(s.created_at) FROM client_secrets s WHERE s.client_id = c.id) AS secret_since, \
         (SELECT count(*) FROM users u WHERE u.created_by_client_id = c.id) AS users \
         FROM clients c LEFT JOIN organizations o ON o.id = c.organization_id WHERE c.id = $1";
    let card = diesel::sql_query(text).bind::<Text, _>(client.as_str());
    Ok(card.get_result(&mut conn).await.optional()?)
}

/// Whether an application other than `client` has this entity ID.
pub async fn is_entity_id_taken(conn: &Conn, client: &str, name: &str) -> Result<bool, StoreError> {
    is_taken(conn, "saml ->> 'entity_id'", (client, name)).await
}

/// Whether an application other than `client` has this realm.
pub async fn is_realm_taken(conn: &Conn, client: &str, name: &str) -> Result<bool, StoreError> {
    is_taken(conn, "wsfed ->> 'realm'", (client, name)).await
}

async fn is_taken(
    mut conn: &Conn,
    expression: &'static str,
    (client, name): (&str, &str),
) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Taken {
        #[diesel(sql_type = Bool)]
        taken: bool,
    }
    let text = format!(
        "SELECT EXISTS (SELECT FROM clients WHERE id <> $1 AND {expression} = $2) AS taken"
    );
    let query = diesel::sql_query(text).bind::<Text, _>(client).bind::<Text, _>(name);
    let found: Taken = query.get_result(&mut conn).await?;
    Ok(found.taken)
}
