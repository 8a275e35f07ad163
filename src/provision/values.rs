//! Values that the sections of several protocols share.
use super::mistake::printable;
use super::section::FileSection;
use crate::crypto::xml::is_xml_text;
use crate::domain::federation::USER_FIELDS;
use crate::domain::registered_uri::check_web;
use serde_json::{Map, Value, json};

pub(super) fn read_addresses(section: &FileSection<'_>, key: &'static str) -> Vec<String> {
    let addresses = section.checked(key, check_web);
    match &addresses {
        None if !section.gives(key) => section.missing(key),
        Some(addresses) if addresses.is_empty() => section.wrong(key, "must hold an address"),
        None | Some(_) => {}
    }
    addresses.unwrap_or_default()
}

/// The name that the application knows, and the field of the user that it is filled from.
pub(super) fn read_attributes(section: &FileSection<'_>) -> Value {
    let fields = || USER_FIELDS.iter().map(|(field, _, _)| *field);
    let attributes = section.object("attributes").unwrap_or_else(|| json!({}));
    for (name, field) in attributes.as_object().into_iter().flatten() {
        let known = field.as_str().is_some_and(|field| fields().any(|known| known == field));
        if !known {
            let known = fields().collect::<Vec<_>>().join(", ");
            let problem = format!("`{}` is filled from none of: {known}", printable(name));
            section.wrong("attributes", problem);
        } else if name.is_empty() || !is_xml_text(name) {
            section.wrong("attributes", "has a name that XML cannot carry");
        }
    }
    attributes
}

pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            map.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
        }
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)) => other,
    }
}
