//! `metadata_file`: a file beside the one that is read, in place of `metadata`.
use super::mistake::{Notes, Path};
use serde_json::Value;

/// Puts the text of each named file where it could have been written.
pub(super) fn bring_in(
    top: &mut Value,
    notes: &Notes,
    file: &dyn Fn(&str) -> Result<String, String>,
) {
    let clients = top.get_mut("clients").and_then(Value::as_array_mut);
    for (nth, client) in clients.into_iter().flatten().enumerate() {
        let Some(saml) = client.get_mut("saml").and_then(Value::as_object_mut) else { continue };
        // What is no text stays, and is told of as an unknown key would be.
        let Some(name) = saml.get("metadata_file").and_then(Value::as_str) else { continue };
        let path = Path::default().key("clients").item(nth).key("saml").key("metadata_file");
        match file(name) {
            Err(problem) => notes.add(path, problem),
            Ok(_) if saml.contains_key("metadata") => {
                notes.add(path, "stands beside `metadata`; give one of them");
            }
            Ok(text) if text.contains('\0') => notes.add(path, "is no text file"),
            Ok(text) => {
                saml.insert("metadata".to_owned(), text.into());
            }
        }
        saml.remove("metadata_file");
    }
}
