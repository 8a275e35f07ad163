//! What the routes of several rooms share.

/// A path with and without a slash at its end: administrators of applications write addresses both ways.
pub fn with_slash(path: &str) -> Vec<String> {
    vec![path.to_owned(), format!("{path}/")]
}
