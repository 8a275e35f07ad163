//! One person more, by what an operator types.
use super::file::File;
use super::mistake::Mistake;
use super::read::read_draft;
use super::substitute::escape;
use serde_json::json;

/// A person to be added. They choose their password themselves.
#[derive(Debug, Default, Clone)]
pub struct PlannedUser {
    pub id: String,
    pub email: String,
    pub name: Option<String>,
    pub organization: Option<String>,
    pub roles: Vec<String>,
}

/// A file with this person alone, so that they are read by the rules of every other file.
///
/// # Errors
///
/// What is wrong with what was typed.
pub fn new_user(user: &PlannedUser) -> Result<File, Vec<Mistake>> {
    let roles: Vec<String> = user.roles.iter().map(|role| escape(role)).collect();
    let document = json!({
        "version": 1,
        "users": [{
            "id": escape(&user.id),
            "email": escape(&user.email),
            // The operator knows the person, and not that the address is theirs.
            "email_verified": false,
            "name": user.name.as_deref().map(escape),
            "organization": user.organization.as_deref().map(escape),
            "roles": roles,
        }],
    });
    read_draft(&document.to_string(), |_| None, |_| Err("no files are read here".to_owned()))
}
