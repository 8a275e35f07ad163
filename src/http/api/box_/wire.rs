//! Bodies that say what a user is to be. JSON by content, whatever the label: curl calls it a form, and one
//! SDK calls it nothing.
use super::error::BoxError;
use crate::crypto::json::parse_object;
use crate::domain::Status;
use crate::domain::box_profile::{BoxProfile, BoxStatus};
use crate::flows::manage_users::{Changes, NewUser, Role, Whose};
use actix_web::http::StatusCode;
use serde_json::{Map, Value};

const LONGEST_NAME: usize = 50;
const LONGEST_ID: usize = 255;
/// The longest address ([RFC 5321 §4.5.3.1]).
///
/// [RFC 5321 §4.5.3.1]: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1
const LONGEST_LOGIN: usize = 254;

/// One object, of which every member is taken by somebody: what is left over nobody knows.
struct Fields(Map<String, Value>);

impl Fields {
    fn read(body: &[u8]) -> Result<Self, BoxError> {
        let not_json = "the body is not one JSON object".to_owned();
        let members =
            parse_object(body).map_err(|_| BoxError::Body(StatusCode::BAD_REQUEST, not_json))?;
        Ok(Self(members.into_iter().filter(|(_, value)| !value.is_null()).collect()))
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>, BoxError> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        let flag = value.as_bool().ok_or_else(|| BoxError::field(name, "must be true or false"))?;
        Ok(Some(flag))
    }

    /// A line of at most `longest` characters. A number is no text: as an id it would be another one (F32).
    fn line(&mut self, name: &str, longest: usize) -> Result<Option<String>, BoxError> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        let Value::String(text) = value else {
            return Err(BoxError::field(name, "must be text"));
        };
        if text.chars().count() > longest || text.chars().any(char::is_control) {
            let problem = format!("must be a line of at most {longest} characters");
            return Err(BoxError::field(name, problem));
        }
        Ok(Some(text))
    }

    fn filled(&mut self, name: &str, longest: usize) -> Result<Option<String>, BoxError> {
        match self.line(name, longest)? {
            Some(text) if text.trim().is_empty() => Err(BoxError::field(name, "is empty")),
            text => Ok(text),
        }
    }

    /// Letters, digits and what names of languages and time zones have between them.
    fn tag(&mut self, name: &str, longest: usize) -> Result<Option<String>, BoxError> {
        let tag = self.filled(name, longest)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '+');
        if tag.as_ref().is_some_and(|tag| !tag.chars().all(fits)) {
            return Err(BoxError::field(name, "is none that is known"));
        }
        Ok(tag)
    }

    fn bytes(&mut self, name: &str) -> Result<Option<i64>, BoxError> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        let amount = value.as_i64().filter(|amount| *amount >= -1);
        let problem = "must be a number of bytes, or -1 for no limit";
        Ok(Some(amount.ok_or_else(|| BoxError::field(name, problem))?))
    }

    fn status(&mut self) -> Result<Option<BoxStatus>, BoxError> {
        let Some(word) = self.line("status", LONGEST_ID)? else { return Ok(None) };
        let problem = "must be active, inactive, cannot_delete_edit or cannot_delete_edit_upload";
        Ok(Some(BoxStatus::parse(&word).ok_or_else(|| BoxError::field("status", problem))?))
    }

    fn role(&mut self) -> Result<Option<Role>, BoxError> {
        match self.line("role", LONGEST_ID)?.as_deref() {
            None => Ok(None),
            Some("user") => Ok(Some(Role::User)),
            Some("coadmin") => Ok(Some(Role::Coadmin)),
            Some(_) => Err(BoxError::field("role", "must be user or coadmin")),
        }
    }

    /// What can be changed about everybody.
    fn changes(&mut self) -> Result<Changes, BoxError> {
        Ok(Changes {
            name: self.filled("name", LONGEST_NAME)?,
            language: self.tag("language", 35)?,
            timezone: self.tag("timezone", 64)?,
            job_title: self.line("job_title", 100)?,
            phone: self.line("phone", 100)?,
            address: self.line("address", 255)?,
            space_amount: self.bytes("space_amount")?,
            status: self.status()?,
            role: None,
        })
    }

    /// Nothing is taken for granted that nobody asked for: not `id`, not `password`, not `permissions` (F30).
    fn finish(self) -> Result<(), BoxError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(BoxError::field(name, "cannot be set")),
        }
    }
}

pub(super) fn new_user(body: &[u8]) -> Result<NewUser, BoxError> {
    let mut fields = Fields::read(body)?;
    let platform = fields.flag("is_platform_access_only")?.unwrap_or(false);
    let changes = fields.changes()?;
    let role = fields.role()?.unwrap_or(Role::User);
    let whose = if platform {
        if role == Role::Coadmin {
            return Err(BoxError::field("role", "an app user is no co-administrator"));
        }
        // `login` stays, and is refused: ours is made up.
        Whose::Application { external_id: fields.filled("external_app_user_id", LONGEST_ID)? }
    } else {
        let needed = || BoxError::field("login", "is needed, but for an app user");
        let login = fields.line("login", LONGEST_LOGIN)?.ok_or_else(needed)?;
        if !is_address(&login) {
            return Err(BoxError::field("login", "is no e-mail address"));
        }
        Whose::Organization { login, role }
    };
    fields.finish()?;
    let mut profile = BoxProfile::default();
    changes.apply(&mut profile);
    Ok(NewUser {
        name: changes.name.ok_or_else(|| BoxError::field("name", "is needed"))?,
        whose,
        status: changes.status.map_or(Status::Active, |status| status.status),
        profile,
    })
}

pub(super) fn changes(body: &[u8]) -> Result<Changes, BoxError> {
    let mut fields = Fields::read(body)?;
    let mut changes = fields.changes()?;
    changes.role = fields.role()?;
    fields.finish()?;
    Ok(changes)
}

fn is_address(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let halves = text.split_once('@');
    halves
        .is_some_and(|(local, host)| !local.is_empty() && host.contains('.') && !host.contains('@'))
        && !text.chars().any(odd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn refused(body: &Value) -> String {
        match new_user(body.to_string().as_bytes()).err() {
            Some(BoxError::Field { name, .. }) => name,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn an_app_user_needs_a_name_and_gets_defaults() {
        let body = r#"{"name": "Ned Stark", "is_platform_access_only": true}"#;
        let new = new_user(body.as_bytes()).unwrap();
        assert!(matches!(new.whose, Whose::Application { external_id: None }));
        assert_eq!((new.name.as_str(), new.profile), ("Ned Stark", BoxProfile::default()));
        assert_eq!(refused(&json!({"is_platform_access_only": true})), "name");
    }

    #[test]
    fn f30_what_may_not_be_set_is_refused_by_name() {
        for (name, value) in [
            ("login", json!("ned@winterfell.test")),
            ("is_admin", json!(true)),
            ("tenant_id", json!("org_globex")),
            ("id", json!("usr_alice")),
            ("password", json!("x")),
            ("permissions", json!(["impersonate"])),
            ("role", json!("coadmin")),
            ("role", json!("admin")),
            ("kind", json!("person")),
            ("created_by_client_id", json!("other")),
        ] {
            let mut body = json!({"name": "Ned", "is_platform_access_only": true});
            body[name] = value;
            assert_eq!(refused(&body), name);
        }
    }

    #[test]
    fn every_field_has_its_limits() {
        for (name, value) in [
            ("name", json!("n".repeat(51))),
            ("name", json!(" ")),
            ("name", json!(7)),
            ("name", json!("a\nb")),
            ("job_title", json!("j".repeat(101))),
            ("phone", json!("1".repeat(101))),
            ("address", json!("a".repeat(256))),
            ("language", json!("<en>")),
            ("timezone", json!("")),
            ("space_amount", json!(-2)),
            ("space_amount", json!("7")),
            ("status", json!("deleted")),
            ("external_app_user_id", json!(17)),
            ("is_platform_access_only", json!("yes")),
        ] {
            let mut body = json!({"name": "Ned", "is_platform_access_only": true});
            body[name] = value;
            assert_eq!(refused(&body), name);
        }
        for login in ["", "ned", "ned@", "@x.test", "n d@x.test", "ned@x@y.test", "ned@localhost"] {
            assert_eq!(refused(&json!({"name": "Ned", "login": login})), "login", "{login}");
        }
    }

    #[test]
    fn a_body_is_one_object() {
        for body in ["", "[]", "name=Ned", "{\"name\":1", "{\"name\":\"a\",\"name\":\"b\"}", "{}{}"]
        {
            assert!(matches!(new_user(body.as_bytes()), Err(BoxError::Body(..))), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (new_user(&bytes).is_ok(), changes(&bytes).is_ok());
        }
    }
}
