use super::SettingMistake;
use crate::domain::spelling::nearest;
use secrecy::SecretString;
use std::collections::BTreeMap;

/// All names we know. [`RawSettings::new`] refuses any other that begins with our prefix: a misspelt setting
/// that is silently ignored is a setting that somebody believes in.
const NAMES: &[&str] = &[
    "DATABASE_URL",
    "UNDERSTUDY_DATABASE_CONNECTIONS",
    "UNDERSTUDY_PUBLIC_URL",
    "UNDERSTUDY_LISTEN",
    "UNDERSTUDY_MANAGEMENT_LISTEN",
    "UNDERSTUDY_MASTER_KEY",
    "UNDERSTUDY_MASTER_KEY_FILE",
    "UNDERSTUDY_JWT_AUDIENCE_ALIASES",
    "UNDERSTUDY_TRUSTED_PROXIES",
    "UNDERSTUDY_LOG",
    "UNDERSTUDY_LOG_FORMAT",
    "UNDERSTUDY_RATE_LIMITS",
    "UNDERSTUDY_STEP_UP_MINUTES",
    "UNDERSTUDY_KEEP_SESSIONS_DAYS",
    "UNDERSTUDY_KEEP_IMPERSONATIONS_DAYS",
    "UNDERSTUDY_SMTP_URL",
    "UNDERSTUDY_MAIL_FROM",
];
const PREFIX: &str = "UNDERSTUDY_";

/// The environment as it came, and the mistakes found in it so far.
pub(super) struct RawSettings {
    values: BTreeMap<&'static str, String>,
    mistakes: Vec<SettingMistake>,
}

impl RawSettings {
    pub fn new(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut raw = Self { values: BTreeMap::new(), mistakes: Vec::new() };
        for (name, value) in vars {
            if let Some(known) = NAMES.iter().find(|known| **known == name) {
                if !value.trim().is_empty() {
                    raw.values.insert(known, value);
                }
            } else if has_our_prefix(&name) {
                let what = nearest(&name, NAMES.iter().copied()).map_or_else(
                    || "no such setting".to_owned(),
                    |near| format!("no such setting; did you mean {near}?"),
                );
                raw.mistakes.push(SettingMistake { name, what });
            }
        }
        raw
    }

    pub fn wrong(&mut self, name: &str, what: impl Into<String>) {
        self.mistakes.push(SettingMistake { name: name.to_owned(), what: what.into() });
    }

    /// Says "missing" only where nothing was given: a bad value has been named already.
    pub fn missing(&mut self, name: &str, what: &str) {
        if !self.mistakes.iter().any(|mistake| mistake.name.starts_with(name)) {
            self.wrong(name, format!("missing: {what}"));
        }
    }

    pub fn take(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    pub fn parsed<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.given_or(name, None, parse)
    }

    /// `flag` wins over the environment.
    pub fn given_or<T>(
        &mut self,
        name: &str,
        flag: Option<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let env = self.take(name);
        match parse(flag.or(env)?.trim()) {
            Ok(value) => Some(value),
            Err(what) => {
                self.wrong(name, what);
                None
            }
        }
    }

    /// `check` answers in fixed words, so that a mistake cannot repeat the secret.
    pub fn secret(
        &mut self,
        name: &str,
        check: impl FnOnce(&str) -> Result<(), &'static str>,
    ) -> Option<SecretString> {
        let value = self.take(name)?;
        match check(value.trim()) {
            Ok(()) => Some(SecretString::from(value.trim())),
            Err(what) => {
                self.wrong(name, what);
                None
            }
        }
    }

    pub fn into_mistakes(self) -> Vec<SettingMistake> {
        self.mistakes
    }

    pub fn finish<T>(self, settings: T) -> Result<T, Vec<SettingMistake>> {
        if self.mistakes.is_empty() { Ok(settings) } else { Err(self.mistakes) }
    }
}

fn has_our_prefix(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}
