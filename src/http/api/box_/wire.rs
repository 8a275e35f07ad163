//! Bodies that say what a user is to be. JSON by content, whatever the label: curl calls it a form, and one
//! SDK calls it nothing.
use super::error::BoxError;
use crate::domain::Status;
use crate::domain::box_profile::{BoxProfile, BoxStatus, Flag, TrackingCode};
use crate::domain::json::parse_object;
use crate::domain::text::is_plain_line;
use crate::flows::directory::manage_users::{NewUser, NewUserIn, Role, SecondAddress, UserChanges};
use actix_web::http::StatusCode;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const MAX_NAME_LEN: usize = 50;
const MAX_ID_LEN: usize = 255;
/// The longest address ([RFC 5321 §4.5.3.1]).
///
/// [RFC 5321 §4.5.3.1]: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1
const MAX_LOGIN_LEN: usize = 254;
const MAX_TRACKING_CODES: usize = 50;
/// `null` for any other is as if it were not there.
const MAY_BE_NULL: [&str; 2] = ["notification_email", "enterprise"];

/// One object, of which every member is taken by somebody: what is left over nobody knows.
struct BoxFields(Map<String, Value>);

impl BoxFields {
    fn read(body: &[u8]) -> Result<Self, BoxError> {
        let not_json = "the body is not one JSON object".to_owned();
        let members =
            parse_object(body).map_err(|_| BoxError::Body(StatusCode::BAD_REQUEST, not_json))?;
        let given = |(name, value): &(String, Value)| {
            !value.is_null() || MAY_BE_NULL.contains(&name.as_str())
        };
        Ok(Self(members.into_iter().filter(given).collect()))
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
        if text.chars().count() > longest || !is_plain_line(&text) {
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
        let Some(word) = self.line("status", MAX_ID_LEN)? else { return Ok(None) };
        let problem = "must be active, inactive, cannot_delete_edit or cannot_delete_edit_upload";
        Ok(Some(BoxStatus::parse(&word).ok_or_else(|| BoxError::field("status", problem))?))
    }

    fn role(&mut self) -> Result<Option<Role>, BoxError> {
        match self.line("role", MAX_ID_LEN)?.as_deref() {
            None => Ok(None),
            Some("user") => Ok(Some(Role::User)),
            Some("coadmin") => Ok(Some(Role::Coadmin)),
            Some(_) => Err(BoxError::field("role", "must be user or coadmin")),
        }
    }

    fn flags(&mut self) -> Result<BTreeMap<Flag, bool>, BoxError> {
        let each = Flag::ALL.into_iter().map(|flag| Ok((flag, self.flag(flag.name())?)));
        let each: Vec<(Flag, Option<bool>)> = each.collect::<Result<_, BoxError>>()?;
        Ok(each.into_iter().filter_map(|(flag, on)| Some((flag, on?))).collect())
    }

    fn tracking_codes(&mut self) -> Result<Option<Vec<TrackingCode>>, BoxError> {
        const NAME: &str = "tracking_codes";
        let Some(value) = self.0.remove(NAME) else { return Ok(None) };
        let problem = || BoxError::field(NAME, "must be at most 50 objects with name and value");
        let Value::Array(codes) = value else { return Err(problem()) };
        if codes.len() > MAX_TRACKING_CODES {
            return Err(problem());
        }
        let code = |value: Value| {
            let Value::Object(members) = value else { return Err(problem()) };
            let mut code = Self(members);
            let kind = code.line("type", MAX_ID_LEN)?;
            let name = code.filled("name", MAX_ID_LEN)?.ok_or_else(problem)?;
            let value = code.line("value", MAX_ID_LEN)?.ok_or_else(problem)?;
            let known = kind.is_none_or(|kind| kind == "tracking_code");
            if known && code.0.is_empty() {
                Ok(TrackingCode { name, value })
            } else {
                Err(problem())
            }
        };
        codes.into_iter().map(code).collect::<Result<_, _>>().map(Some)
    }

    fn login(&mut self) -> Result<Option<String>, BoxError> {
        let login = self.line("login", MAX_LOGIN_LEN)?;
        if login.as_deref().is_some_and(|login| !is_address(login)) {
            return Err(BoxError::field("login", "is no e-mail address"));
        }
        Ok(login)
    }

    /// `{"email"}`, or `null` for none any more.
    fn notification_email(&mut self) -> Result<Option<SecondAddress>, BoxError> {
        const NAME: &str = "notification_email";
        let email = match self.0.remove(NAME) {
            None => return Ok(None),
            Some(Value::Null) => return Ok(Some(SecondAddress::Removed)),
            Some(value) => value.get("email").and_then(Value::as_str).map(str::to_owned),
        };
        let fits = |email: &String| email.len() <= MAX_LOGIN_LEN && is_address(email);
        let email = email.filter(fits).ok_or_else(|| BoxError::field(NAME, "is no address"))?;
        Ok(Some(SecondAddress::Is(email)))
    }

    /// Flags that Box knows and that mean something else than what is so anyway are refused: nothing here
    /// would come of them.
    fn only_as_it_is(&mut self) -> Result<(), BoxError> {
        // Nobody gets mail, so nobody is told.
        self.flag("notify")?;
        if self.flag("is_password_reset_required")? == Some(true) {
            return Err(BoxError::field(
                "is_password_reset_required",
                "cannot be switched on here",
            ));
        }
        Ok(())
    }

    /// What can be changed about everybody.
    fn changes(&mut self) -> Result<UserChanges, BoxError> {
        Ok(UserChanges {
            name: self.filled("name", MAX_NAME_LEN)?,
            language: self.tag("language", 35)?,
            timezone: self.tag("timezone", 64)?,
            job_title: self.line("job_title", 100)?,
            phone: self.line("phone", 100)?,
            address: self.line("address", 255)?,
            space_amount: self.bytes("space_amount")?,
            status: self.status()?,
            flags: self.flags()?,
            tracking_codes: self.tracking_codes()?,
            ..UserChanges::default()
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
    let mut fields = BoxFields::read(body)?;
    let platform = fields.flag("is_platform_access_only")?.unwrap_or(false);
    let changes = fields.changes()?;
    let role = fields.role()?.unwrap_or(Role::User);
    let whose = if platform {
        if role == Role::Coadmin {
            return Err(BoxError::field("role", "an app user is no co-administrator"));
        }
        // `login` stays, and is refused: ours is made up.
        NewUserIn::Application { external_id: fields.filled("external_app_user_id", MAX_ID_LEN)? }
    } else {
        let needed = || BoxError::field("login", "is needed, but for an app user");
        NewUserIn::Organization { login: fields.login()?.ok_or_else(needed)?, role }
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

pub(super) fn changes(body: &[u8]) -> Result<UserChanges, BoxError> {
    let mut fields = BoxFields::read(body)?;
    let mut changes = fields.changes()?;
    changes.role = fields.role()?;
    changes.login = fields.login()?;
    changes.notification_email = fields.notification_email()?;
    fields.only_as_it_is()?;
    fields.finish()?;
    Ok(changes)
}

fn is_address(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let halves = text.split_once('@');
    halves
        .is_some_and(|(local, host)| !local.is_empty() && host.contains('.') && !host.contains('@'))
        && !text.chars().any(odd)
        && is_plain_line(text)
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
        assert!(matches!(new.whose, NewUserIn::Application { external_id: None }));
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
            ("is_sync_enabled", json!("true")),
            ("tracking_codes", json!({"name": "a", "value": "b"})),
            ("tracking_codes", json!(vec![json!({"name": "a", "value": "b"}); 51])),
            ("notification_email", json!(null)),
            ("enterprise", json!(null)),
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
    fn a_tracking_code_has_a_name_and_a_value_and_nothing_else() {
        let new = |code: Value| {
            let body =
                json!({"name": "N", "is_platform_access_only": true, "tracking_codes": [code]});
            new_user(body.to_string().as_bytes())
        };
        let whole = new(json!({"type": "tracking_code", "name": "house", "value": ""})).unwrap();
        let codes = [TrackingCode { name: "house".to_owned(), value: String::new() }];
        assert_eq!(whole.profile.tracking_codes, codes);
        for code in [
            json!("house"),
            json!({"name": "house"}),
            json!({"name": "", "value": "x"}),
            json!({"type": "user", "name": "a", "value": "b"}),
            json!({"name": "a", "value": "b", "more": 1}),
        ] {
            assert!(new(code.clone()).is_err(), "{code}");
        }
    }

    #[test]
    fn what_cannot_be_done_here_is_not_taken_for_done() {
        let name = |body: Value| match changes(body.to_string().as_bytes()) {
            Err(BoxError::Field { name, .. }) => name,
            Err(other) => panic!("{body}: {other:?}"),
            Ok(_) => String::new(),
        };
        for (field, value) in [
            ("enterprise", Value::Null),
            ("enterprise", json!({"id": "org_globex"})),
            ("is_password_reset_required", json!(true)),
            ("notification_email", json!("a@b.test")),
            ("notification_email", json!({"email": "nobody"})),
            ("login", json!("nobody")),
            ("external_app_user_id", json!("17")),
        ] {
            assert_eq!(name(json!({field: value})), field);
        }
        for (field, value) in [
            ("is_password_reset_required", json!(false)),
            ("notify", json!(true)),
            ("notification_email", Value::Null),
            ("notification_email", json!({"email": "a@b.test"})),
            ("is_exempt_from_device_limits", json!(true)),
            ("phone", Value::Null),
        ] {
            assert_eq!(name(json!({field: value})), "", "{field}");
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
