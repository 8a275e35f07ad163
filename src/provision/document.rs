//! Rows in the words of the file: what plans compare and what an export writes.
use crate::store::applications::write::ClientRecord;
use crate::store::directory::organizations::OrganizationRecord;
use crate::store::directory::roles::RoleRecord;
use crate::store::directory::write::UserRecord;
use serde_json::{Value, json};

/// Keys in the order in which people like to read them.
pub(super) type EntryDocument = Vec<(&'static str, Value)>;

pub(super) fn of_organization(record: &OrganizationRecord) -> EntryDocument {
    vec![
        ("id", json!(record.id)),
        ("name", json!(record.name)),
        ("status", json!(record.status)),
        ("impersonation", json!({ "enabled": record.impersonation_enabled })),
    ]
}

pub(super) fn of_role(record: &RoleRecord) -> EntryDocument {
    // A migration may have written them in another order; it means nothing.
    let mut permissions = record.permissions.clone();
    permissions.sort_unstable();
    vec![
        ("name", json!(record.name)),
        ("permissions", json!(permissions)),
        ("rank", json!(record.rank)),
    ]
}

pub(super) fn of_user(record: &UserRecord, roles: &[String]) -> EntryDocument {
    vec![
        ("id", json!(record.id)),
        ("email", json!(record.email)),
        ("email_verified", json!(record.email_verified)),
        ("name", json!(record.name)),
        ("given_name", json!(record.given_name)),
        ("family_name", json!(record.family_name)),
        ("nickname", json!(record.nickname)),
        ("picture", json!(record.picture)),
        ("phone_number", json!(record.phone_number)),
        ("organization", json!(record.organization_id)),
        ("roles", json!(roles)),
        ("kind", json!(record.kind)),
        ("status", json!(record.status)),
        ("user_metadata", record.user_metadata.clone()),
        ("app_metadata", record.app_metadata.clone()),
        ("application", json!(record.created_by_client_id)),
        ("external_app_user_id", json!(record.external_app_user_id)),
        ("box", record.box_.clone()),
    ]
}

pub(super) fn of_client(record: &ClientRecord) -> EntryDocument {
    let own_section = record.saml.is_some() || record.wsfed.is_some();
    let redirect_uris = if own_section { json!([]) } else { json!(record.redirect_uris) };
    vec![
        ("client_id", json!(record.id)),
        ("name", json!(record.name)),
        ("organization", json!(record.organization_id)),
        ("status", json!(record.status)),
        ("kind", json!(record.kind)),
        ("first_party", json!(record.first_party)),
        ("token_endpoint_auth_method", json!(record.auth_method)),
        ("jwks", json!(record.jwks)),
        ("redirect_uris", redirect_uris),
        ("post_logout_redirect_uris", json!(record.post_logout_redirect_uris)),
        ("initiate_login_uri", json!(record.initiate_login_uri)),
        ("backchannel_logout_uri", json!(record.backchannel_logout_uri)),
        ("grant_types", json!(record.grant_types)),
        ("scopes", json!(record.scopes)),
        ("api_scopes", json!(record.api_scopes)),
        ("audiences", json!(record.audiences)),
        ("introspect", json!(record.introspect)),
        ("id_token_signed_response_alg", json!(record.id_token_algorithm)),
        ("access_token_lifetime", json!(record.access_token_lifetime)),
        (
            "impersonation",
            json!({
                "enabled": record.impersonation_enabled,
                "redeem": record.redeem,
                "unsolicited": record.unsolicited,
                "read_scopes": record.read_scopes,
                "read_only": record.read_only,
            }),
        ),
        ("saml", json!(record.saml)),
        ("wsfed", json!(record.wsfed)),
        ("box", json!(record.box_)),
    ]
}

/// The same without what is not given, as the file's reader takes it.
pub(super) fn given_of_client(record: &ClientRecord) -> EntryDocument {
    let is_given = |key: &str, value: &Value| match key {
        // The word for "by a secret, in either way" is that nothing is said.
        "token_endpoint_auth_method" => value != "client_secret",
        "redirect_uris" => value.as_array().is_some_and(|uris| !uris.is_empty()),
        _ => !value.is_null(),
    };
    of_client(record).into_iter().filter(|(key, value)| is_given(key, value)).collect()
}
