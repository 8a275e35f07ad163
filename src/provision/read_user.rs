//! The section `users`.
use super::file::{LeftOut, WantedPassword, WantedUser};
use super::names::{EntryNames, check_id, read_reset, read_status, twice, unknown};
use super::section::FileSection;
use super::section::check_line;
use crate::crypto::password;
use crate::domain::box_profile::BoxProfile;
use crate::domain::text::is_plain_line;
use crate::store::directory::users::canonical_email;
use crate::store::directory::write::UserRecord;
use serde_json::{Value, json};
use std::collections::HashSet;

pub(super) const KINDS: [&str; 3] = ["person", "service_account", "app_user"];

#[derive(Default)]
struct SeenUsers {
    ids: HashSet<String>,
    emails: HashSet<String>,
}

pub(super) fn read_all(top: &FileSection<'_>, names: &EntryNames) -> Vec<WantedUser> {
    let mut seen = SeenUsers::default();
    let sections = top.sections("users").into_iter();
    sections.map(|section| read_one(section, names, &mut seen)).collect()
}

fn read_one(section: FileSection<'_>, names: &EntryNames, seen: &mut SeenUsers) -> WantedUser {
    let id = section.text("id");
    check_id(&section, "id", id.as_deref().unwrap_or_default(), &mut seen.ids);
    let email = read_email(&section, &mut seen.emails);
    if !section.gives("id") && !section.gives("email") {
        section.missing("email");
    }
    let kind = section.word("kind", &KINDS).unwrap_or("person");
    let (status, left_out) = read_status(&section);
    let left_out = LeftOut {
        user_metadata: !section.gives("user_metadata"),
        app_metadata: !section.gives("app_metadata"),
        box_: !section.gives("box"),
        reset: read_reset(&section, "password_reset", ["password", "password_hash"]),
        ..left_out
    };
    let verified = section.flag("email_verified").unwrap_or(true);
    let record = UserRecord {
        id: id.clone().unwrap_or_default(),
        organization_id: names.organization(&section),
        kind: kind.to_owned(),
        status,
        email_canonical: email.as_deref().map(canonical_email),
        // The operator who writes an address down vouches for it.
        email_verified: email.is_some() && verified,
        email,
        name: section.checked_text("name", check_line),
        given_name: section.checked_text("given_name", check_line),
        family_name: section.checked_text("family_name", check_line),
        nickname: section.checked_text("nickname", check_line),
        picture: section.checked_text("picture", check_picture),
        phone_number: section.checked_text("phone_number", check_line),
        user_metadata: metadata(&section, "user_metadata"),
        app_metadata: metadata(&section, "app_metadata"),
        created_by_client_id: read_owner(&section, kind, names),
        external_app_user_id: read_external_id(&section),
        box_: read_box(&section),
    };
    let roles = read_roles(&section, names);
    let password = read_password(&section, kind);
    if section.text("totp_secret").is_some() {
        section.wrong("totp_secret", "second factors come with a later version; leave it out");
    }
    section.finish();
    WantedUser { id, record, roles, password, left_out }
}

fn read_email(section: &FileSection<'_>, seen: &mut HashSet<String>) -> Option<String> {
    let email = section.text("email")?;
    let parts = email.split_once('@');
    let addressed = parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
    let odd = |c: char| c.is_control() || c.is_whitespace();
    if !addressed || email.chars().any(odd) || !is_plain_line(&email) || email.len() > 320 {
        section.wrong("email", "is no e-mail address");
    } else if !seen.insert(canonical_email(&email)) {
        section.wrong("email", twice(&email));
    }
    Some(email)
}

/// The application that an app user belongs to.
fn read_owner(section: &FileSection<'_>, kind: &str, names: &EntryNames) -> Option<String> {
    let client = section.text("application")?;
    if kind != "app_user" {
        section.wrong("application", format!("a {kind} belongs to no application"));
    } else if !names.clients.contains(&client) {
        section.wrong("application", unknown("client", &client));
    }
    Some(client)
}

fn read_external_id(section: &FileSection<'_>) -> Option<String> {
    let id = section.text("external_app_user_id")?;
    if !section.gives("application") {
        section.wrong("external_app_user_id", "needs an `application`");
    } else if id.chars().count() > 255 {
        section.wrong("external_app_user_id", "is longer than 255 characters");
    } else if let Err(problem) = check_line(&id) {
        section.wrong("external_app_user_id", problem);
    }
    Some(id)
}

fn read_box(section: &FileSection<'_>) -> Value {
    let profile = section.object("box").unwrap_or_else(|| json!({}));
    if let Err(problem) = serde_json::from_value::<BoxProfile>(profile.clone()) {
        section.wrong("box", format!("is not what the Box-shaped API keeps: {problem}"));
    } else if !is_shown(&profile) {
        section.wrong("box", "has a character that cannot be shown");
    }
    profile
}

/// Whether every text in it is a line that can be read.
fn is_shown(value: &Value) -> bool {
    match value {
        Value::String(text) => is_plain_line(text),
        Value::Array(items) => items.iter().all(is_shown),
        Value::Object(members) => members.values().all(is_shown),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn metadata(section: &FileSection<'_>, key: &'static str) -> Value {
    section.object(key).unwrap_or_else(|| json!({}))
}

/// It is shown by applications, so it must lead to a picture and run nothing.
fn check_picture(uri: &str) -> Result<(), &'static str> {
    let web = url::Url::parse(uri).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
    if web { Ok(()) } else { Err("must be an https address") }
}

fn read_roles(section: &FileSection<'_>, names: &EntryNames) -> Vec<String> {
    let mut roles = Vec::new();
    for (nth, role) in section.numbered("roles").unwrap_or_default() {
        if !names.roles.contains(&role) {
            section.wrong_item("roles", nth, unknown("role", &role));
        }
        roles.push(role);
    }
    roles.sort_unstable();
    roles
}

fn read_password(section: &FileSection<'_>, kind: &str) -> Option<WantedPassword> {
    let plain = section.text("password");
    let hash = section.text("password_hash");
    let key = if plain.is_some() { "password" } else { "password_hash" };
    if plain.is_some() && hash.is_some() {
        section.wrong("password_hash", "stands beside `password`; give one of them");
    }
    if (plain.is_some() || hash.is_some()) && kind != "person" {
        section.wrong(key, format!("a {kind} has no login, so no password"));
    }
    if plain.as_ref().is_some_and(|plain| plain.len() > password::MAX_BYTES) {
        section.wrong("password", format!("is longer than {} bytes", password::MAX_BYTES));
    }
    if hash.as_ref().is_some_and(|hash| !password::is_usable(hash)) {
        section.wrong(
            "password_hash",
            "is no hash of argon2, bcrypt (`$2b$10$…`), PBKDF2 (`$pbkdf2-sha256$i=…$…`) or scrypt (`$scrypt$ln=…$…`), \
             or takes longer than a second to verify",
        );
    }
    plain
        .map(|plain| WantedPassword::Plain(plain.into()))
        .or_else(|| hash.map(WantedPassword::Hash))
}
