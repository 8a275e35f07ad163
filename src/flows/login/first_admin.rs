//! Creates the first administrator of an installation.
//!
//! There is no default account. While there is no administrator, the server prints a code once, by which a person
//! becomes the administrator. It works once, for an hour.
use super::change_password::{self, check_new};
use super::failed_attempts::{Attempt, FailureKeys};
use super::sign_in::PURPOSE;
use crate::audit::{Event, EventKind};
use crate::authentication::throttle::RetryAfter;
use crate::crypto::{hash, random};
use crate::domain::caller::Caller;
use crate::domain::role::ADMIN;
use crate::domain::text::is_plain_line;
use crate::domain::{Status, Timestamp, UserId};
use crate::flows::{Context, Failure};
use crate::store::directory::box_users::LOGIN_IS_UNIQUE;
use crate::store::directory::roles::lock_and_count_administrators;
use crate::store::directory::users::canonical_email;
use crate::store::directory::write::UserRecord;
use crate::store::{self, Conn, StoreError, Transactional as _};
use chrono::Duration;
use serde_json::json;

const LIFETIME: Duration = Duration::hours(1);

/// Whether a valid code is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingSetup {
    Keep,
    Replace,
}

/// Creates a code to print, if there is no administrator and no valid code.
pub async fn make_code(ctx: &Context, waiting: WaitingSetup) -> Result<Option<String>, StoreError> {
    let mut conn = ctx.store.conn().await?;
    conn.transaction(async |tx| {
        // Nodes that start together wait for each other on this.
        if lock_and_count_administrators(tx).await?.all > 0 {
            return Ok(None);
        }
        let now = store::installation::settings::now(tx).await?;
        if waiting == WaitingSetup::Keep
            && store::sessions::setup_codes::is_waiting(tx, now).await?
        {
            return Ok(None);
        }
        let code = random::secret();
        store::sessions::setup_codes::replace(tx, &hash::hash_secret(&code), now + LIFETIME)
            .await?;
        Ok(Some(code))
    })
    .await
}

/// The text that is printed with a code.
pub fn invitation(issuer: &str, code: &str) -> String {
    format!(
        "\nNobody administers this installation yet. Within an hour, open\n\n    {issuer}/setup\n\n\
         and enter this code, which works once and is not shown again:\n\n    {code}\n"
    )
}

/// Whether there is no administrator.
pub async fn is_needed(ctx: &Context) -> Result<bool, StoreError> {
    Ok(!store::directory::roles::has_administrator(&*ctx.store.conn().await?).await?)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetUpRefusal {
    #[error("there is an administrator already")]
    NotNeeded,
    #[error("the code is wrong, used or expired")]
    WrongCode,
    #[error("too many attempts")]
    Throttled(RetryAfter),
    #[error("this is no e-mail address")]
    BadEmail,
    #[error("this is no name")]
    BadName,
    #[error("the e-mail address is taken")]
    EmailTaken,
    #[error("{0}")]
    Password(change_password::PasswordRefusal),
}

/// The submitted form.
pub struct FirstAdministrator {
    pub code: String,
    pub email: String,
    pub name: String,
    pub password: String,
}

/// Creates the first administrator, as staff of the operator. They sign in like any user.
pub async fn set_up(
    ctx: &Context,
    typed: FirstAdministrator,
    caller: &Caller,
) -> Result<UserId, Failure<SetUpRefusal>> {
    let (email, name) = (typed.email.trim(), typed.name.trim());
    check(email, name, &typed.password).map_err(Failure::Refused)?;
    let code = hash::hash_secret(typed.code.trim());
    // 256 bits cannot be guessed; a count over all addresses would only let others lock out the administrator.
    let keys = FailureKeys::by_network(PURPOSE, "the first administrator", caller);
    let (attempt, now) = {
        let mut conn = ctx.store.conn().await?;
        let attempt = keys.begin(ctx, &mut conn).await?;
        let attempt = attempt.map_err(|wait| Failure::Refused(SetUpRefusal::Throttled(wait)))?;
        let now = store::installation::settings::now(&conn).await?;
        // Before anything is hashed for them: strangers without a code cost nothing.
        if !store::sessions::setup_codes::is_live(&conn, &code, now).await? {
            return Err(wrong_code(&mut conn, attempt, caller).await?);
        }
        (attempt, now)
    };
    // No connection is held while a password is hashed.
    let hashed = ctx.shared.passwords.hash(typed.password).await.map_err(|_| Failure::Busy)?;
    let too_long = SetUpRefusal::Password(change_password::PasswordRefusal::TooLong);
    let hashed = hashed.ok_or(Failure::Refused(too_long))?;
    let record = record(email, name, now);
    let mut conn = ctx.store.conn().await?;
    let made =
        conn.transaction(async |tx| write(tx, &record, (&code, &hashed), caller).await).await;
    match made {
        Ok(id) => Ok(id),
        Err(Failure::Refused(SetUpRefusal::WrongCode)) => {
            Err(wrong_code(&mut conn, attempt, caller).await?)
        }
        Err(Failure::Internal(taken)) if taken.violates(LOGIN_IS_UNIQUE) => {
            Err(Failure::Refused(SetUpRefusal::EmailTaken))
        }
        Err(other) => Err(other),
    }
}

/// Counts and records a code that does not work.
async fn wrong_code(
    conn: &mut Conn,
    attempt: Attempt<'_>,
    caller: &Caller,
) -> Result<Failure<SetUpRefusal>, StoreError> {
    let event = Event::new(EventKind::LoginFailed, caller);
    let event = event.because("wrong code at the set-up of the first administrator");
    attempt.failed(conn, &event).await?;
    Ok(Failure::Refused(SetUpRefusal::WrongCode))
}

fn check(email: &str, name: &str, password: &str) -> Result<(), SetUpRefusal> {
    let plain = |text: &str| !text.chars().any(char::is_whitespace) && is_plain_line(text);
    let is_email = email
        .split_once('@')
        .is_some_and(|(box_, host)| !box_.is_empty() && !host.is_empty() && !host.contains('@'));
    if !is_email || !plain(email) || email.chars().count() > 320 {
        return Err(SetUpRefusal::BadEmail);
    }
    if name.chars().count() > super::change_profile::MAX_NAME_LEN || !is_plain_line(name) {
        return Err(SetUpRefusal::BadName);
    }
    check_new(password, [email, name]).map_err(SetUpRefusal::Password)
}

fn record(email: &str, name: &str, now: Timestamp) -> UserRecord {
    UserRecord {
        id: random::id("usr", now),
        organization_id: None,
        kind: "person".to_owned(),
        status: Status::Active.as_str().to_owned(),
        email: Some(email.to_owned()),
        email_canonical: Some(canonical_email(email)),
        email_verified: false,
        name: (!name.is_empty()).then(|| name.to_owned()),
        given_name: None,
        family_name: None,
        nickname: None,
        picture: None,
        phone_number: None,
        user_metadata: json!({}),
        app_metadata: json!({}),
        created_by_client_id: None,
        external_app_user_id: None,
        box_: json!({}),
    }
}

async fn write(
    tx: &Conn,
    record: &UserRecord,
    (code, password_hash): (&[u8], &str),
    caller: &Caller,
) -> Result<UserId, Failure<SetUpRefusal>> {
    if lock_and_count_administrators(tx).await?.all > 0 {
        return Err(Failure::Refused(SetUpRefusal::NotNeeded));
    }
    if !store::sessions::setup_codes::redeem(tx, code).await? {
        return Err(Failure::Refused(SetUpRefusal::WrongCode));
    }
    store::directory::box_users::insert(tx, record).await?;
    store::directory::roles::give(tx, &record.id, ADMIN).await?;
    store::directory::write::put_password_hash(tx, &record.id, password_hash).await?;
    let event = Event {
        actor: Some(record.id.clone()),
        subject: Some(record.id.clone()),
        ..Event::new(EventKind::UserChanged, caller)
    };
    let event = event.with("action", "create").with("role", ADMIN);
    store::trail::append::append(tx, &event.because("the first administrator")).await?;
    UserId::parse(record.id.as_str())
        .map_err(|e| StoreError::Corrupt { table: "users", what: e.to_string() }.into())
}
