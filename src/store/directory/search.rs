//! Searches users by a part of name, e-mail address or id, a page at a time.
//!
//! The statement depends on the search, and Postgres plans it each time, because a plan for a rare word is slow for
//! a common one.
use crate::domain::user::UserKind;
use crate::domain::{OrganizationId, Status, Timestamp, UserId};
use crate::store::{Conn, StoreError, word};
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::SqlQuery;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

/// A filter; every field narrows.
#[derive(Debug, Clone, Default)]
pub struct UserSearch {
    /// Each word is found literally in name, e-mail address or id, case-insensitive. A word without three letters
    /// or digits in a row is found only where a word begins.
    pub text: String,
    pub organization: Option<OrganizationId>,
    pub role: Option<String>,
    pub status: Option<Status>,
    /// The last one of the page before.
    pub after: Option<UserId>,
    pub limit: i64,
}

/// A row of the list.
#[derive(Debug, Clone)]
pub struct FoundUsers {
    pub id: UserId,
    pub kind: UserKind,
    pub status: Status,
    pub name: Option<String>,
    pub email: Option<String>,
    pub organization: Option<String>,
    pub roles: Vec<String>,
    pub last_login_at: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct FoundUserRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    organization: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    roles: Vec<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_login_at: Option<Timestamp>,
}

impl TryFrom<FoundUserRow> for FoundUsers {
    type Error = StoreError;

    fn try_from(row: FoundUserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: crate::store::id("users", row.id)?,
            kind: word("users", &row.kind, UserKind::parse)?,
            status: word("users", &row.status, Status::parse)?,
            name: row.name,
            email: row.email,
            organization: row.organization,
            roles: row.roles,
            last_login_at: row.last_login_at,
        })
    }
}

/// Sorted by name, then by id.
///
/// First a look at those who come first: what many people have fills the page at once. Otherwise everybody who
/// fits is found by the indexes, and sorted then. Left to itself, Postgres reads everybody in order until the
/// page is full, and that is all of them where only the last ones fit.
pub async fn search(conn: &Conn, search: &UserSearch) -> Result<Vec<FoundUsers>, StoreError> {
    let first = page(conn, search, Among::TheFirst).await?;
    let is_full = i64::try_from(first.len()).is_ok_and(|found| found >= search.limit);
    if is_full || !search.chooses() { Ok(first) } else { page(conn, search, Among::All).await }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Among {
    /// The next [`NEAR`] in order.
    TheFirst,
    All,
}

/// Rows that can be read in a few milliseconds.
const NEAR: i64 = 3000;

impl UserSearch {
    /// Whether it is not simply the next ones in order.
    fn chooses(&self) -> bool {
        words(&self.text).next().is_some() || self.role.is_some() || self.status.is_some()
    }
}

/// A statement that grows, and its parameters.
struct SearchStatement {
    query: diesel::query_builder::BoxedSqlQuery<'static, Pg, SqlQuery>,
    parameters: usize,
}

impl SearchStatement {
    fn add(self, sql: &str) -> Self {
        Self { query: self.query.sql(sql), ..self }
    }

    /// `before`, the parameter, `after`.
    fn text(self, before: &str, value: impl Into<String>, after: &str) -> Self {
        let parameters = self.parameters + 1;
        let sql = format!("{before}${parameters}{after}");
        Self { query: self.query.sql(sql).bind::<Text, _>(value.into()), parameters }
    }

    fn number(self, before: &str, value: i64) -> Self {
        let parameters = self.parameters + 1;
        let sql = format!("{before}${parameters}");
        Self { query: self.query.sql(sql).bind::<BigInt, _>(value), parameters }
    }

    /// Adds the order by name.
    fn in_order(mut self, search: &UserSearch) -> Self {
        if let Some(organization) = &search.organization {
            self = self.text(" AND organization_id = ", organization.as_str(), "");
        }
        if let Some(after) = &search.after {
            let before = " AND (sort_key, id) > (SELECT sort_key, id FROM users WHERE id = ";
            self = self.text(before, after.as_str(), ")");
        }
        self
    }

    fn chosen(mut self, search: &UserSearch, among: Among) -> Self {
        let phone = phone_digits(&search.text);
        self = self.add(if phone.is_some() { " AND ((true" } else { "" });
        for word in words(&search.text) {
            self = self.text(" AND search LIKE lower(", pattern(word), ")");
            // Follows from the pattern; it is there for its index.
            if let Some(sign) = sign(word).filter(|_| among == Among::All) {
                self = self.text(" AND odd_beginnings(search) @> ARRAY[", sign, "]");
            }
        }
        if let Some(digits) = phone {
            // The expression of the index `users_phone`.
            let digits_of = ") OR (phone_number IS NOT NULL AND \
                 regexp_replace(phone_number, '[^0-9]', '', 'g') LIKE ";
            self = self.text(digits_of, format!("%{digits}%"), "))");
        }
        if let Some(role) = &search.role {
            let before = " AND id IN (SELECT user_id FROM user_roles WHERE role = ";
            self = self.text(before, role.as_str(), ")");
        }
        if let Some(status) = search.status {
            self = self.text(" AND status = ", status.as_str(), "");
        }
        self
    }
}

async fn page(
    mut conn: &Conn,
    search: &UserSearch,
    among: Among,
) -> Result<Vec<FoundUsers>, StoreError> {
    let begun = diesel::sql_query(
        "SELECT u.id, u.kind, u.status, u.name, u.email, o.name AS organization, u.last_login_at, \
         ARRAY(SELECT r.role FROM user_roles r WHERE r.user_id = u.id ORDER BY r.role) AS roles \
         FROM (SELECT * FROM (SELECT * FROM users WHERE true",
    );
    let statement =
        SearchStatement { query: begun.into_boxed::<Pg>(), parameters: 0 }.in_order(search);
    let statement = match among {
        Among::TheFirst => statement
            .number(" ORDER BY sort_key, id LIMIT ", NEAR.max(search.limit))
            .add(") near WHERE true")
            .chosen(search, among),
        // `OFFSET 0` keeps the order out of the plan of what is inside.
        Among::All => statement.chosen(search, among).add(" OFFSET 0) found"),
    };
    let statement = statement
        .number(" ORDER BY sort_key, id LIMIT ", search.limit)
        .add(") u LEFT JOIN organizations o ON o.id = u.organization_id ORDER BY u.sort_key, u.id");
    let rows: Vec<FoundUserRow> = statement.query.load(&mut conn).await?;
    rows.into_iter().map(FoundUsers::try_from).collect()
}

/// The words of a search, in any order; everything after the sixth is one word.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.trim().splitn(6, char::is_whitespace).map(str::trim).filter(|word| !word.is_empty())
}

/// A pattern of `LIKE` that finds `text` as it stands: anywhere, when it has a trigram to be found by, else
/// where a word begins.
fn pattern(text: &str) -> String {
    let mut pattern = String::from(if has_trigram(text) { "%" } else { "% " });
    for letter in text.chars() {
        if matches!(letter, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// The digits by which `text` is looked for as a part of a phone number; `None` when it cannot be one.
///
/// One number is written in many ways: `+41 44 668 18 00`, `0041 (0)44 668 18 00`, `044 668 18 00`. So what is
/// compared is digits alone, without the zeros that are dialled before them.
fn phone_digits(text: &str) -> Option<String> {
    let is_written_so = |c: char| c.is_ascii_digit() || c.is_whitespace() || "+-()./".contains(c);
    if !text.chars().all(is_written_so) {
        return None;
    }
    let digits = text.replace("(0)", "").replace(|c: char| !c.is_ascii_digit(), "");
    let digits = digits.trim_start_matches('0');
    (digits.len() >= MIN_PHONE_DIGITS).then(|| digits.to_owned())
}

/// Fewer digits match almost every number.
const MIN_PHONE_DIGITS: usize = 4;

/// Whether Postgres can make a trigram of `text`, wherever it stands, that few people have. It looks at letters
/// and digits alone, with two spaces before each word and one behind; how the first word begins and the last
/// one ends is not known here. The two spaces with one letter are in almost everybody.
fn has_trigram(text: &str) -> bool {
    let mut runs = text.split(|c: char| !c.is_alphanumeric()).map(|run| run.chars().count());
    let first = runs.next().unwrap_or(0);
    let ends = runs.clone().next().is_none();
    first >= if ends { 3 } else { 2 } || runs.any(|length| length >= 3)
}

/// The sign that a text without a trigram begins with: few words begin so.
fn sign(text: &str) -> Option<char> {
    text.chars().next().filter(|first| !first.is_alphanumeric() && !has_trigram(text))
}

/// The users that match `text`, with their organizations; at most `limit`, unordered.
pub async fn ids(
    mut conn: &Conn,
    text: &str,
    limit: i64,
) -> Result<Vec<(String, Option<String>)>, StoreError> {
    #[derive(QueryableByName)]
    struct Candidate {
        #[diesel(sql_type = Text)]
        id: String,
        #[diesel(sql_type = Nullable<Text>)]
        organization_id: Option<String>,
    }
    let search = UserSearch { text: text.to_owned(), ..UserSearch::default() };
    let begun = diesel::sql_query("SELECT id, organization_id FROM users WHERE true");
    let statement = SearchStatement { query: begun.into_boxed::<Pg>(), parameters: 0 };
    let statement = statement.chosen(&search, Among::All).number(" LIMIT ", limit);
    let found: Vec<Candidate> = statement.query.load(&mut conn).await?;
    Ok(found.into_iter().map(|it| (it.id, it.organization_id)).collect())
}

/// Additional columns of a user's page.
#[derive(Debug, Clone, QueryableByName)]
pub struct UserCard {
    #[diesel(sql_type = Nullable<Text>)]
    pub organization: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    pub roles: Vec<String>,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: Timestamp,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_login_at: Option<Timestamp>,
    #[diesel(sql_type = BigInt)]
    pub login_count: i64,
}

pub async fn card(mut conn: &Conn, user: &UserId) -> Result<Option<UserCard>, StoreError> {
    use diesel::OptionalExtension as _;
    let text = "SELECT o.name AS organization, u.created_at, u.last_login_at, u.login_count, \
         ARRAY(SELECT r.role FROM user_roles r WHERE r.user_id = u.id ORDER BY r.role) AS roles \
         FROM users u LEFT JOIN organizations o ON o.id = u.organization_id WHERE u.id = $1";
    let card = diesel::sql_query(text).bind::<Text, _>(user.as_str());
    Ok(card.get_result(&mut conn).await.optional()?)
}

/// An option of a select field.
#[derive(Debug, Clone, QueryableByName)]
pub struct ApplicationChoice {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Text)]
    pub name: String,
}

/// Organizations by name, at most `limit`.
pub async fn organizations(
    mut conn: &Conn,
    limit: i64,
) -> Result<Vec<ApplicationChoice>, StoreError> {
    let text = "SELECT id, name FROM organizations ORDER BY lower(name), id LIMIT $1";
    Ok(diesel::sql_query(text).bind::<BigInt, _>(limit).load(&mut conn).await?)
}

/// Roles by name, at most `limit`.
pub async fn roles(mut conn: &Conn, limit: i64) -> Result<Vec<ApplicationChoice>, StoreError> {
    let text = "SELECT name AS id, name FROM roles ORDER BY rank DESC, name LIMIT $1";
    Ok(diesel::sql_query(text).bind::<BigInt, _>(limit).load(&mut conn).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h33_what_means_something_to_like_is_found_as_it_stands() {
        assert_eq!(pattern("100%"), "%100\\%%");
        assert_eq!(pattern("a_b\\c"), "% a\\_b\\\\c%");
        assert_eq!(pattern("al"), "% al%");
        assert_eq!(pattern("%"), "% \\%%");
    }

    #[test]
    fn n21_a_phone_number_is_compared_by_its_digits() {
        for text in ["+41 44 668 18 00", "0041 (0)44 668 18 00", "+41446681800"] {
            assert_eq!(phone_digits(text).as_deref(), Some("41446681800"), "{text}");
        }
        assert_eq!(phone_digits("044/668.18-00").as_deref(), Some("446681800"));
        for text in ["", "alice", "12", "000", "a1234", "+", "1234x"] {
            assert_eq!(phone_digits(text), None, "{text}");
        }
    }

    #[test]
    fn h33_what_has_no_trigram_is_found_where_a_word_begins() {
        for text in ["ali", "al.", "_sure", "re\\", "00%", "(.*)abc", "ali-"] {
            assert!(has_trigram(text), "{text}");
        }
        for text in ["", "a", "al", "%", "--", "(.*)", "a--", "***", "a_b", "_x", "1=1", "@al"] {
            assert!(!has_trigram(text), "{text}");
        }
        assert_eq!(
            (sign("%%"), sign("%a"), sign("a%"), sign("%abc")),
            (Some('%'), Some('%'), None, None)
        );
    }
}
