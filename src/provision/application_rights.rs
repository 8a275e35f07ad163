//! Who may see and change an application. Nobody grants a right that they do not have.
use crate::domain::api_scope::ApiScope;
use crate::domain::client::{AuthMethod, ClientKind};
use crate::domain::permission::{CLIENTS_WRITE, IMPERSONATE, IMPERSONATE_ADMIN};
use crate::domain::user::User;
use crate::store::applications::write::ClientRecord;
use serde_json::json;

/// Whether it shows who it is by a secret.
pub fn keeps_secret(record: &ClientRecord) -> bool {
    match AuthMethod::parse(&record.auth_method) {
        Some(
            AuthMethod::ClientSecret | AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost,
        ) => true,
        Some(AuthMethod::PrivateKeyJwt | AuthMethod::None) | None => false,
    }
}

/// Whether `reader` may know that it exists: of their organization, or staff of the operator.
pub(super) fn sees(reader: &User, record: &ClientRecord) -> bool {
    let own = record.organization_id.as_deref();
    reader.organization_id().is_none_or(|mine| own == Some(mine.as_str()))
}

/// The permissions that writing this application takes beside [`CLIENTS_WRITE`]: what its tokens may do with our
/// own APIs is handed on only by somebody who may do it.
pub fn needed_for(record: &ClientRecord) -> Vec<&'static str> {
    let acts = record.box_.as_ref().and_then(|settings| settings.as_object()).is_some_and(|it| {
        let keys = ["perform_actions_as_users", "on_behalf_of", "generate_user_access_tokens"];
        keys.iter().any(|key| it.get(*key) == Some(&json!(true)))
    });
    let mut needed = Vec::new();
    if record.kind == ClientKind::Global.as_str() {
        needed.push(IMPERSONATE_ADMIN);
    } else if acts {
        needed.push(IMPERSONATE);
    }
    let scopes = record.api_scopes.iter().filter_map(|name| ApiScope::parse(name));
    needed.extend(scopes.filter_map(ApiScope::permission));
    needed
}

/// Whether `user` may write it as it is. The global client is the operator's alone.
pub fn may_write(user: &User, record: &ClientRecord) -> bool {
    let global = record.kind == ClientKind::Global.as_str();
    user.permissions.holds(CLIENTS_WRITE)
        && needed_for(record).into_iter().all(|permission| user.permissions.holds(permission))
        && !(global && user.organization.is_some())
}
