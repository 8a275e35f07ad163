//! Is this our user, or a support agent who acts as our user?
//!
//! Copy this file. The ID token and userinfo both carry the marks. Every application should read
//! them, show them on the page, and write the actor into its log.

use chrono::{DateTime, Utc};
use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};

/// The claims beyond the standard ones. A mark of the wrong type does not parse, and then the login
/// fails: better no session than one without its banner.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Marks {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impersonated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impersonator: Option<Impersonator>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Act>,
    #[serde(
        rename = "https://understudy.dev/claims/impersonation",
        skip_serializing_if = "Option::is_none"
    )]
    impersonation: Option<Impersonation>,
}

impl AdditionalClaims for Marks {}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Impersonator {
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// [RFC 8693 §4.1](https://www.rfc-editor.org/rfc/rfc8693#section-4.1)
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Act {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Impersonation {
    id: String,
    mode: String,
    exp: i64,
}

/// An impersonation of the user of this session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acting {
    /// The actor: a name, else an e-mail address, else an id.
    pub actor: String,
    pub impersonation_id: Option<String>,
    pub read_only: bool,
    /// The hard end. Nothing may keep the session alive beyond it.
    pub until: Option<DateTime<Utc>>,
}

impl Marks {
    /// Any one of the marks is enough.
    pub fn acting(&self) -> Option<Acting> {
        let marked = self.impersonated == Some(true)
            || self.impersonator.is_some()
            || self.act.is_some()
            || self.impersonation.is_some();
        marked.then(|| Acting {
            actor: self.actor(),
            impersonation_id: self.impersonation.as_ref().map(|it| it.id.clone()),
            read_only: self.impersonation.as_ref().is_some_and(|it| it.mode == "read_only"),
            until: self.impersonation.as_ref().and_then(|it| DateTime::from_timestamp(it.exp, 0)),
        })
    }

    fn actor(&self) -> String {
        let impersonator = self.impersonator.as_ref();
        impersonator
            .and_then(|it| it.name.clone())
            .or_else(|| impersonator.and_then(|it| it.email.as_deref()).map(called))
            .or_else(|| impersonator.map(|it| it.user_id.clone()))
            .or_else(|| self.act.as_ref().map(|act| act.sub.clone()))
            .filter(|actor| !actor.trim().is_empty())
            .unwrap_or_else(|| "Somebody".to_owned())
    }
}

/// "sam.support@example.com" reads better as "Sam Support"; "sam@example.com" stays as it is.
pub fn called(email: &str) -> String {
    let words: Vec<&str> = email.split('@').next().unwrap_or_default().split('.').collect();
    let is_name = words.len() > 1 && words.iter().all(|word| word.chars().all(char::is_alphabetic));
    if !is_name || words.iter().any(|word| word.is_empty()) {
        return email.to_owned();
    }
    let capital = |word: &&str| {
        let mut letters = word.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    words.iter().map(capital).collect::<Vec<_>>().join(" ")
}

/// The sentence of the banner.
pub fn sentence(acting: &Acting, user: &str) -> String {
    format!("{} is acting as {user}", acting.actor)
}

/// In whole minutes, rounded up: "0 minutes left" would be wrong while there is some.
pub fn time_left(until: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (until - now).num_seconds().max(0);
    match (seconds + 59) / 60 {
        0 => "time is up".to_owned(),
        1 => "1 minute left".to_owned(),
        minutes => format!("{minutes} minutes left"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn acting(claims: Value) -> Option<Acting> {
        serde_json::from_value::<Marks>(claims).unwrap().acting()
    }

    fn marked() -> Value {
        json!({
            "sid": "s1",
            "impersonated": true,
            "impersonator": {"user_id": "usr_sam", "email": "sam.support@understudy.example"},
            "act": {"iss": "http://127.0.0.1:8080", "sub": "usr_sam"},
            "https://understudy.dev/claims/impersonation":
                {"id": "imp_1", "mode": "read_only", "exp": 1_767_225_600},
        })
    }

    #[test]
    fn an_ordinary_login_has_no_banner() {
        assert_eq!(acting(json!({})), None);
        assert_eq!(acting(json!({"sid": "s1", "impersonated": false})), None);
    }

    #[test]
    fn the_banner_names_the_actor_and_the_user() {
        let acting = acting(marked()).unwrap();
        assert_eq!(sentence(&acting, "Alice Chen"), "Sam Support is acting as Alice Chen");
        assert!(acting.read_only);
        assert_eq!(acting.until.map(|until| until.timestamp()), Some(1_767_225_600));
    }

    #[test]
    fn an_address_that_spells_no_name_stays_an_address() {
        for email in
            ["sam@example.com", "sam.4@example.com", ".sam@example.com", "a..b@example.com"]
        {
            assert_eq!(called(email), email);
        }
    }

    #[test]
    fn a_name_is_nicer_than_an_address() {
        let mut claims = marked();
        claims["impersonator"]["name"] = json!("Sam Support");
        let acting = acting(claims).unwrap();
        assert_eq!(sentence(&acting, "Alice"), "Sam Support is acting as Alice");
    }

    #[test]
    fn one_mark_alone_is_enough() {
        assert_eq!(acting(json!({"impersonated": true})).unwrap().actor, "Somebody");
        assert_eq!(acting(json!({"act": {"sub": "usr_sam"}})).unwrap().actor, "usr_sam");
        for name in ["impersonator", "https://understudy.dev/claims/impersonation"] {
            assert!(acting(json!({ name: marked()[name] })).is_some(), "{name}");
        }
    }

    #[test]
    fn a_mark_of_the_wrong_type_is_no_login() {
        let mut claims = marked();
        claims["impersonated"] = json!("true");
        assert!(serde_json::from_value::<Marks>(claims).is_err());
    }

    #[test]
    fn the_time_left_is_rounded_up() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let left = |seconds| time_left(now + chrono::TimeDelta::seconds(seconds), now);
        assert_eq!(left(-5), "time is up");
        assert_eq!(left(1), "1 minute left");
        assert_eq!(left(60), "1 minute left");
        assert_eq!(left(61), "2 minutes left");
    }
}
