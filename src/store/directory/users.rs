//! `users`, read through the view `people`: with organization and permissions, in one row.
use crate::domain::organization::Organization;
use crate::domain::user::{Profile, User, UserKind};
use crate::domain::{Status, Timestamp, UserId};
use crate::store::schema::{clock_now, credentials, people, users};
use crate::store::{Conn, StoreError, id, word};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use unicode_normalization::UnicodeNormalization as _;

#[derive(Queryable, Selectable)]
#[diesel(table_name = people)]
pub(in crate::store) struct UserRow {
    id: String,
    kind: String,
    status: String,
    email: Option<String>,
    email_verified: bool,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    nickname: Option<String>,
    picture: Option<String>,
    phone_number: Option<String>,
    organization_id: Option<String>,
    organization_status: Option<String>,
    organization_impersonation_enabled: Option<bool>,
    permissions: Vec<String>,
    created_by_client_id: Option<String>,
}

/// The columns of an organization that was joined, if there is one.
pub(in crate::store) fn organization(
    table: &'static str,
    columns: (Option<String>, Option<String>, Option<bool>),
) -> Result<Option<Organization>, StoreError> {
    let (Some(key), Some(status), Some(impersonation_enabled)) = columns else { return Ok(None) };
    let status = word(table, &status, Status::parse)?;
    Ok(Some(Organization { id: id(table, key)?, status, impersonation_enabled }))
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: id("users", row.id)?,
            kind: word("users", &row.kind, UserKind::parse)?,
            status: word("users", &row.status, Status::parse)?,
            organization: organization(
                "users",
                (
                    row.organization_id,
                    row.organization_status,
                    row.organization_impersonation_enabled,
                ),
            )?,
            profile: Profile {
                email: row.email,
                email_verified: row.email_verified,
                name: row.name,
                given_name: row.given_name,
                family_name: row.family_name,
                nickname: row.nickname,
                picture: row.picture,
                phone_number: row.phone_number,
            },
            permissions: row.permissions.into_iter().collect(),
            owner: row.created_by_client_id.map(|text| id("users", text)).transpose()?,
        })
    }
}

/// The form in which e-mail addresses are compared: NFC ([RFC 6532 §3.1]), because systems differ in how they
/// encode an `é`, and lower case.
///
/// [RFC 6532 §3.1]: https://www.rfc-editor.org/rfc/rfc6532#section-3.1
pub fn canonical_email(email: &str) -> String {
    let composed: String = email.trim().nfc().collect();
    composed.to_lowercase().nfc().collect()
}

pub async fn find(mut conn: &Conn, user: &UserId) -> Result<Option<User>, StoreError> {
    let row: Option<UserRow> = people::table
        .find(user.as_str())
        .select(UserRow::as_select())
        .first(&mut conn)
        .await
        .optional()?;
    row.map(User::try_from).transpose()
}

/// Finds a user for a sign-in, with their password hash if they have one, and the current time.
pub async fn find_for_sign_in(
    mut conn: &Conn,
    email: &str,
) -> Result<Option<(User, Option<String>, Timestamp)>, StoreError> {
    let row: Option<(UserRow, Option<String>, Timestamp)> = people::table
        .left_join(credentials::table.on(credentials::user_id.eq(people::id)))
        .filter(people::email_canonical.eq(canonical_email(email)))
        .select((UserRow::as_select(), credentials::password_hash.nullable(), clock_now()))
        .first(&mut conn)
        .await
        .optional()?;
    row.map(|(person, hash, now)| Ok((person.try_into()?, hash, now))).transpose()
}

/// The user with this login: one with a verified address, or an app user, whose address this server generated.
pub async fn find_id_by_login(mut conn: &Conn, email: &str) -> Result<Option<UserId>, StoreError> {
    let found: Option<String> = users::table
        .filter(users::email_canonical.eq(canonical_email(email)))
        .filter(users::email_verified.or(users::kind.eq(UserKind::AppUser.as_str())))
        .select(users::id)
        .first(&mut conn)
        .await
        .optional()?;
    found.map(|text| id("users", text)).transpose()
}

/// Records a sign-in of the user; impersonations are not recorded here.
pub async fn note_login(mut conn: &Conn, user: &UserId, at: Timestamp) -> Result<(), StoreError> {
    diesel::update(users::table.find(user.as_str()))
        .set((users::last_login_at.eq(at), users::login_count.eq(users::login_count + 1)))
        .execute(&mut conn)
        .await?;
    Ok(())
}

pub async fn set_password_hash(
    mut conn: &Conn,
    user: &UserId,
    hash: &str,
) -> Result<(), StoreError> {
    diesel::update(credentials::table.find(user.as_str()))
        .set(credentials::password_hash.eq(hash))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// The names of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserNames {
    pub name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub nickname: Option<String>,
}

pub async fn set_names(
    mut conn: &Conn,
    user: &UserId,
    names: &UserNames,
) -> Result<(), StoreError> {
    diesel::update(users::table.find(user.as_str()))
        .set((
            users::name.eq(&names.name),
            users::given_name.eq(&names.given_name),
            users::family_name.eq(&names.family_name),
            users::nickname.eq(&names.nickname),
            users::updated_at.eq(clock_now()),
        ))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Finds a user and locks the row until the transaction ends.
pub async fn find_and_lock(mut conn: &Conn, user: &UserId) -> Result<Option<User>, StoreError> {
    let row = users::table.find(user.as_str()).select(users::id).for_update();
    let locked: Option<String> = row.first(&mut conn).await.optional()?;
    if locked.is_none() { Ok(None) } else { find(conn, user).await }
}

pub async fn set_status(mut conn: &Conn, user: &UserId, status: Status) -> Result<(), StoreError> {
    diesel::update(users::table.find(user.as_str()))
        .set((users::status.eq(status.as_str()), users::updated_at.eq(clock_now())))
        .execute(&mut conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k52_an_address_is_the_same_however_its_letters_are_composed() {
        let composed = canonical_email("Ren\u{e9}@acme.test");
        for same in
            ["Rene\u{301}@acme.test", " REN\u{c9}@ACME.TEST\t", "\u{a0}rene\u{301}@acme.test\n"]
        {
            assert_eq!(canonical_email(same), composed, "{same:?}");
        }
        assert_ne!(canonical_email("rene@acme.test"), composed);
    }
}
