//! From YAML to plain values: `${NAME}` is replaced, and what JSON and Postgres have no place for is
//! named.
use super::mistake::{Notes, Path, printable};
use serde_json::{Map, Value};
use serde_norway::Value as Yaml;

/// `${NAME}` is the value of NAME, `${NAME:-text}` is `text` where there is none, `$${` is `${`.
pub(super) struct Substitution<'a> {
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    pub(super) notes: &'a Notes,
}

impl Substitution<'_> {
    pub(super) fn value(&self, yaml: Yaml, path: &Path) -> Value {
        match yaml {
            Yaml::Null => Value::Null,
            Yaml::Bool(flag) => Value::Bool(flag),
            Yaml::Number(number) => self.number(&number, path),
            Yaml::String(text) => Value::String(self.text(&text, path)),
            Yaml::Sequence(items) => {
                let numbered = items.into_iter().enumerate();
                numbered.map(|(nth, item)| self.value(item, &path.item(nth))).collect()
            }
            Yaml::Mapping(entries) => self.map(entries, path),
            Yaml::Tagged(_) => {
                self.notes.add(path.clone(), "has a tag (`!…`), which means nothing here");
                Value::Null
            }
        }
    }

    fn map(&self, entries: serde_norway::Mapping, path: &Path) -> Value {
        let mut map = Map::new();
        for (key, value) in entries {
            let Yaml::String(key) = key else {
                self.notes.add(path.clone(), "has a key that is no text (write it in quotes)");
                continue;
            };
            let path = path.key(&key);
            if key.contains('\0') {
                self.notes.add(path.clone(), "has a NUL character");
            }
            let value = self.value(value, &path);
            map.insert(key, value);
        }
        Value::Object(map)
    }

    fn number(&self, number: &serde_norway::Number, path: &Path) -> Value {
        let json = if let Some(whole) = number.as_i64() {
            Some(whole.into())
        } else if let Some(whole) = number.as_u64() {
            Some(whole.into())
        } else {
            number.as_f64().and_then(serde_json::Number::from_f64).map(Value::Number)
        };
        json.unwrap_or_else(|| {
            self.notes.add(path.clone(), "is no finite number");
            Value::Null
        })
    }

    fn text(&self, text: &str, path: &Path) -> String {
        let mut done = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            let inside = from.strip_prefix("${").unwrap_or(from);
            if let Some(before) = before.strip_suffix('$') {
                done.push_str(before);
                done.push_str("${");
                rest = inside;
                continue;
            }
            done.push_str(before);
            let Some((name, after)) = inside.split_once('}') else {
                self.notes
                    .add(path.clone(), "has `${` without `}` (write `$${` for the characters)");
                return done;
            };
            done.push_str(&self.variable(name, path));
            rest = after;
        }
        done.push_str(rest);
        if done.contains('\0') {
            self.notes.add(path.clone(), "has a NUL character");
        }
        done
    }

    fn variable(&self, inside: &str, path: &Path) -> String {
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !well_formed {
            let problem = "has `${…}` around something that names no environment variable \
                           (write `$${` for the characters)";
            self.notes.add(path.clone(), problem);
            return String::new();
        }
        let value = (self.env)(name).filter(|value| !value.is_empty());
        value.or_else(|| default.map(str::to_owned)).unwrap_or_else(|| {
            let problem = format!("the environment variable {} is not set", printable(name));
            self.notes.add(path.clone(), problem);
            String::new()
        })
    }
}

/// The opposite, for text that must come back as it is.
pub(super) fn escape(text: &str) -> String {
    text.replace("${", "$${")
}
