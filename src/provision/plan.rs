//! What a file changes, for people to read before and after.
use super::document::EntryDocument;
use super::mistake::printable;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedAction {
    Create,
    Update,
    Delete,
    Unchanged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Settings,
    Organization,
    Role,
    User,
    Client,
}

/// A key that changes, with both values where they may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedField {
    pub name: String,
    pub values: Option<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub action: PlannedAction,
    pub what: What,
    pub id: String,
    pub fields: Vec<ChangedField>,
}

/// Everything that a file names, or with `--prune` does not name, and what becomes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub changes: Vec<Change>,
}

impl Plan {
    pub fn is_unchanged(&self) -> bool {
        self.changes.iter().all(|change| change.action == PlannedAction::Unchanged)
    }

    /// What changes, for programs: the same facts as the lines.
    pub fn values(&self) -> Vec<Value> {
        let changes =
            self.changes.iter().filter(|change| change.action != PlannedAction::Unchanged);
        changes.map(Change::value).collect()
    }

    fn count(&self, action: PlannedAction) -> usize {
        self.changes.iter().filter(|change| change.action == action).count()
    }
}

impl PlannedAction {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Change {
    fn value(&self) -> Value {
        let field = |field: &ChangedField| match &field.values {
            Some((before, after)) => json!({ "name": field.name, "from": before, "to": after }),
            None => json!({ "name": field.name }),
        };
        json!({
            "action": self.action.as_str(),
            "what": self.what.as_str(),
            "id": self.id,
            "fields": self.fields.iter().map(field).collect::<Vec<_>>(),
        })
    }
}

impl What {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Organization => "organization",
            Self::Role => "role",
            Self::User => "user",
            Self::Client => "client",
        }
    }
}

/// A line for each change, and the sum.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown(Listing::Full).fmt(f)
    }
}

/// Which changes are listed one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    Full,
    /// The first hundred: the sum says the rest.
    Short,
}

const MAX_LISTED: usize = 100;

/// A plan as a person reads it.
pub struct ShownPlan<'a> {
    plan: &'a Plan,
    listing: Listing,
}

impl Plan {
    pub fn shown(&self, listing: Listing) -> ShownPlan<'_> {
        ShownPlan { plan: self, listing }
    }
}

impl fmt::Display for ShownPlan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = &self.plan.changes;
        let changed = || changes.iter().filter(|change| change.action != PlannedAction::Unchanged);
        let total = changed().count();
        // One line more is no longer than the line that would say that it is left out.
        let listed = match self.listing {
            Listing::Short if total > MAX_LISTED + 1 => MAX_LISTED,
            Listing::Short | Listing::Full => total,
        };
        for change in changed().take(listed) {
            writeln!(f, "{change}")?;
        }
        if total > listed {
            writeln!(f, "… and {} more changes (--full lists them)", total - listed)?;
        }
        let count = |action| self.plan.count(action);
        write!(
            f,
            "{} to create, {} to update, {} to delete, {} unchanged",
            count(PlannedAction::Create),
            count(PlannedAction::Update),
            count(PlannedAction::Delete),
            count(PlannedAction::Unchanged),
        )
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = printable(&self.id);
        write!(f, "{:9} {:12} {id}", self.action.as_str(), self.what.as_str())?;
        for (nth, field) in self.fields.iter().enumerate() {
            f.write_str(if nth == 0 { "  " } else { ", " })?;
            match &field.values {
                Some((before, after)) => write!(f, "{}: {before} -> {after}", field.name)?,
                None => f.write_str(&field.name)?,
            }
        }
        Ok(())
    }
}

pub(super) fn change(
    what: What,
    id: &str,
    before: Option<&EntryDocument>,
    after: &EntryDocument,
) -> Change {
    let (action, fields) = match before {
        None => (PlannedAction::Create, Vec::new()),
        Some(before) => {
            let fields = differences(before, after);
            (
                if fields.is_empty() { PlannedAction::Unchanged } else { PlannedAction::Update },
                fields,
            )
        }
    };
    Change { action, what, id: id.to_owned(), fields }
}

/// Tells that a secret changes, not which.
pub(super) fn note_secret(change: &mut Change, is_new: bool, name: &str) {
    if is_new && change.action != PlannedAction::Create {
        change.action = PlannedAction::Update;
        change.fields.push(ChangedField { name: name.to_owned(), values: None });
    }
}

pub(super) fn differences(before: &EntryDocument, after: &EntryDocument) -> Vec<ChangedField> {
    let mut fields = Vec::new();
    for ((name, before), (_, after)) in before.iter().zip(after).filter(|(b, a)| b != a) {
        match (*name, before.as_object(), after.as_object()) {
            ("impersonation" | "saml" | "wsfed" | "box", Some(before), Some(after)) => {
                let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
                let of = |values: &'_ Map<String, Value>, key: &str| {
                    values.get(key).cloned().unwrap_or_default()
                };
                let inner = keys.into_iter().map(|key| (key, of(before, key), of(after, key)));
                let inner = inner.filter(|(_, before, after)| before != after);
                fields.extend(
                    inner.map(|(key, before, after)| {
                        field(format!("{name}.{key}"), &before, &after)
                    }),
                );
            }
            // Whatever applications keep there may be a secret.
            ("user_metadata" | "app_metadata", _, _) => {
                fields.push(ChangedField { name: (*name).to_owned(), values: None });
            }
            _ => fields.push(field((*name).to_owned(), before, after)),
        }
    }
    fields
}

fn field(name: String, before: &Value, after: &Value) -> ChangedField {
    const LONGEST: usize = 120;
    let show = |value: &Value| match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => printable(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            printable(&value.to_string())
        }
    };
    let (before, after) = (show(before), show(after));
    let short = before.len() <= LONGEST && after.len() <= LONGEST;
    ChangedField { name, values: short.then_some((before, after)) }
}
