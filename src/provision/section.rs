//! One mapping of the file, read key by key; a key that nobody asked for is a mistake.
use super::mistake::{Notes, Path, printable};
use crate::domain::spelling::nearest;
use crate::domain::text::is_plain_line;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::HashSet;

pub(super) struct FileSection<'a> {
    entries: &'a Map<String, Value>,
    path: Path,
    notes: &'a Notes,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> FileSection<'a> {
    pub(super) fn new(value: &'a Value, path: Path, notes: &'a Notes) -> Option<Self> {
        let Some(entries) = value.as_object() else {
            notes.add(path, "must be a mapping (`key: value`)");
            return None;
        };
        Some(Self { entries, path, notes, known: RefCell::default() })
    }

    /// A key without a value is one that was left out.
    fn get(&self, key: &'static str) -> Option<&'a Value> {
        self.known.borrow_mut().push(key);
        self.entries.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn gives(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|value| !value.is_null())
    }

    pub(super) fn wrong(&self, key: &str, problem: impl Into<String>) {
        self.notes.add(self.path.key(key), problem);
    }

    pub(super) fn wrong_item(&self, key: &str, nth: usize, problem: impl Into<String>) {
        self.notes.add(self.path.key(key).item(nth), problem);
    }

    pub(super) fn missing(&self, key: &str) {
        self.notes.add(self.path.clone(), format!("`{key}` is missing"));
    }

    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        match self.get(key)?.as_str() {
            Some("") => self.wrong(key, "is empty"),
            Some(text) => return Some(text.to_owned()),
            None => self.wrong(key, "must be text (write it in quotes)"),
        }
        None
    }

    pub(super) fn required(&self, key: &'static str) -> Option<String> {
        if !self.gives(key) {
            self.known.borrow_mut().push(key);
            self.missing(key);
            return None;
        }
        self.text(key)
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let flag = self.get(key)?;
        if flag.as_bool().is_none() {
            self.wrong(key, "must be true or false");
        }
        flag.as_bool()
    }

    pub(super) fn whole_number(&self, key: &'static str) -> Option<i32> {
        let number = self.get(key)?;
        let whole = number.as_i64().and_then(|number| i32::try_from(number).ok());
        if whole.is_none() {
            self.wrong(key, "must be a whole number");
        }
        whole
    }

    /// A list of numbers from 0 to 65535.
    pub(super) fn small_numbers(&self, key: &'static str) -> Option<Vec<u16>> {
        let numbers = self.get(key)?.as_array().and_then(|items| {
            let number = |item: &Value| u16::try_from(item.as_u64()?).ok();
            items.iter().map(number).collect::<Option<Vec<_>>>()
        });
        if numbers.is_none() {
            self.wrong(key, "must be a list of whole numbers from 0 to 65535");
        }
        numbers
    }

    /// A list of text, without doubles, in its order; each with its place in the file.
    pub(super) fn numbered(&self, key: &'static str) -> Option<Vec<(usize, String)>> {
        let Value::Array(items) = self.get(key)? else {
            self.wrong(key, "must be a list");
            return None;
        };
        let (mut seen, mut texts) = (HashSet::new(), Vec::new());
        for (nth, item) in items.iter().enumerate() {
            match item.as_str() {
                None => self.wrong_item(key, nth, "must be text (write it in quotes)"),
                Some("") => self.wrong_item(key, nth, "is empty"),
                Some(text) if seen.insert(text) => texts.push((nth, text.to_owned())),
                Some(_) => {}
            }
        }
        Some(texts)
    }

    /// A list of text of which each passes `check`.
    pub(super) fn checked<E: ToString>(
        &self,
        key: &'static str,
        check: impl Fn(&str) -> Result<(), E>,
    ) -> Option<Vec<String>> {
        let mut good = Vec::new();
        for (nth, text) in self.numbered(key)? {
            match check(&text) {
                Ok(()) => good.push(text),
                Err(problem) => {
                    let problem = format!("`{}` {}", printable(&text), problem.to_string());
                    self.wrong_item(key, nth, problem);
                }
            }
        }
        Some(good)
    }

    /// Text that passes `check`.
    pub(super) fn checked_text<E: ToString>(
        &self,
        key: &'static str,
        check: impl Fn(&str) -> Result<(), E>,
    ) -> Option<String> {
        let text = self.text(key)?;
        if let Err(problem) = check(&text) {
            self.wrong(key, format!("`{}` {}", printable(&text), problem.to_string()));
        }
        Some(text)
    }

    /// One of a few words.
    pub(super) fn word(&self, key: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(key)?;
        let word = words.iter().copied().find(|word| *word == text);
        if word.is_none() {
            let text = printable(&text);
            self.wrong(key, format!("`{text}` is none of: {}", words.join(", ")));
        }
        word
    }

    /// Any mapping, as it is.
    pub(super) fn object(&self, key: &'static str) -> Option<Value> {
        let value = self.get(key)?;
        if !value.is_object() {
            self.wrong(key, "must be a mapping (`key: value`)");
            return None;
        }
        Some(value.clone())
    }

    pub(super) fn section(&self, key: &'static str) -> Option<FileSection<'a>> {
        FileSection::new(self.get(key)?, self.path.key(key), self.notes)
    }

    pub(super) fn sections(&self, key: &'static str) -> Vec<FileSection<'a>> {
        let items = match self.get(key) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.wrong(key, "must be a list");
                return Vec::new();
            }
        };
        let path = self.path.key(key);
        let numbered = items.iter().enumerate();
        numbered
            .filter_map(|(nth, item)| FileSection::new(item, path.item(nth), self.notes))
            .collect()
    }

    /// Call it when every key has been asked for.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for key in self.entries.keys().filter(|key| !known.contains(&key.as_str())) {
            let mut known = known.clone();
            known.sort_unstable();
            known.dedup();
            let meant = nearest(key, known.iter().copied());
            let meant = meant.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let problem = format!("unknown key{meant}; the keys here are: {}", known.join(", "));
            self.wrong(key, problem);
        }
    }
}

/// A name or another line that people read.
pub(super) fn check_line(text: &str) -> Result<(), &'static str> {
    if is_plain_line(text) { Ok(()) } else { Err("has a character that cannot be shown") }
}
