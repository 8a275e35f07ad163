//! A user, as Box writes one.
use super::listing::BoxQuery;
use crate::domain::Timestamp;
use crate::domain::box_profile::{BoxUser, Flag};
use crate::domain::permission::{Permissions, USERS_WRITE};
use crate::domain::user::UserKind;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

/// What is written when no fields are asked for.
const USUAL: [&str; 17] = [
    "type",
    "id",
    "name",
    "login",
    "created_at",
    "modified_at",
    "language",
    "timezone",
    "space_amount",
    "space_used",
    "max_upload_size",
    "status",
    "job_title",
    "phone",
    "address",
    "avatar_url",
    "notification_email",
];
/// Those that have to be asked for.
const MORE: [&str; 12] = [
    "is_platform_access_only",
    "external_app_user_id",
    "role",
    "enterprise",
    "is_sync_enabled",
    "can_see_managed_users",
    "is_external_collab_restricted",
    "is_exempt_from_device_limits",
    "is_exempt_from_login_verification",
    "tracking_codes",
    "my_tags",
    "hostname",
];
/// No content is kept here: for resource servers to look at.
const MAX_UPLOAD_SIZE: i64 = 16_106_127_360;

/// Which fields a query wants: the usual ones, or `type`, `id` and those that it names, each once.
///
/// Names that no user has are passed over, as Box does: SDKs send the fields of other types too.
pub(super) fn fields(query: &BoxQuery) -> Vec<&'static str> {
    let Some(wanted) = query.fields() else { return USUAL.to_vec() };
    let named = USUAL.iter().chain(&MORE).filter(|name| wanted.contains(**name));
    let mut names = vec!["type", "id"];
    names.extend(named.filter(|name| !matches!(**name, "type" | "id")));
    names
}

pub(super) fn user(found: &BoxUser, fields: &[&str]) -> Value {
    let members = fields.iter().map(|name| ((*name).to_owned(), value(found, name)));
    members.collect::<Map<_, _>>().into()
}

fn value(found: &BoxUser, name: &str) -> Value {
    let (user, profile) = (&found.user, &found.profile);
    if let Some(flag) = Flag::ALL.into_iter().find(|flag| flag.name() == name) {
        return json!(profile.flag(flag));
    }
    let phone = Some(&profile.phone).filter(|phone| !phone.is_empty());
    match name {
        "type" => json!("user"),
        "id" => json!(user.id),
        "name" => json!(user.display_name()),
        "login" => json!(user.profile.email),
        "created_at" => time(found.created_at),
        "modified_at" => time(found.modified_at),
        "language" => json!(profile.language),
        "timezone" => json!(profile.timezone),
        "space_amount" => json!(profile.space_amount),
        "space_used" => json!(0),
        "max_upload_size" => json!(MAX_UPLOAD_SIZE),
        "status" => json!(found.status().as_str()),
        "job_title" => json!(profile.job_title),
        "phone" => json!(phone.or(user.profile.phone_number.as_ref()).map_or("", String::as_str)),
        "address" => json!(profile.address),
        "avatar_url" => json!(user.profile.picture.as_deref().unwrap_or_default()),
        "is_platform_access_only" => json!(user.kind == UserKind::AppUser),
        "external_app_user_id" => json!(found.external_id),
        "role" => json!(role(&user.permissions)),
        "enterprise" => match user.organization_id() {
            Some(id) => json!({ "type": "enterprise", "id": id }),
            None => Value::Null,
        },
        "notification_email" => profile
            .notification_email
            .as_ref()
            .map_or(Value::Null, |email| json!({ "email": email, "is_confirmed": false })),
        "tracking_codes" => profile
            .tracking_codes
            .iter()
            .map(|code| json!({ "type": "tracking_code", "name": code.name, "value": code.value }))
            .collect(),
        "my_tags" => json!([]),
        // `hostname`: of links to files, of which there are none.
        _ => Value::Null,
    }
}

/// Our roles are any; Box has three words for them.
fn role(permissions: &Permissions) -> &'static str {
    let everything = crate::domain::permission::ALL.iter().all(|one| permissions.holds(one));
    if everything {
        "admin"
    } else if permissions.holds(USERS_WRITE) {
        "coadmin"
    } else {
        "user"
    }
}

/// RFC 3339 with an offset, never `Z`: there are parsers that know only that.
fn time(at: Timestamp) -> Value {
    at.to_rfc3339_opts(SecondsFormat::Secs, false).into()
}
