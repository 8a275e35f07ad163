//! Names of headers, as an API behind a proxy may read them.

/// CGI and WSGI make `X_HTTP_Method`, `X-HTTP-Method` and `x.http.method` one variable, so every character that is no
/// letter or digit counts as `-`.
pub fn normalized(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(letter).collect()
}
