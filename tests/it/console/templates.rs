//! What the templates may not do, read from their text.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn templates() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|it| it == "html") {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["templates", "examples/demo/templates"] {
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    assert!(found.len() > 15, "the templates are not read any more");
    found
}

/// What stands before each `{{ … }}` of a text, with the expression.
fn expressions(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find("{{").map(|it| at + it) {
        let end = start + text[start..].find("}}").unwrap();
        found.push((&text[..start], text[start + 2..end].trim()));
        at = end;
    }
    found
}

#[test]
fn h07_nothing_leaves_a_template_unescaped() {
    for (path, text) in templates() {
        for forbidden in ["|safe", "| safe", "escape(\"none\")", "{% filter", "|escape"] {
            assert!(!text.contains(forbidden), "{}: {forbidden}", path.display());
        }
    }
}

#[test]
fn h07_every_value_in_a_tag_stands_between_quotes() {
    for (path, text) in templates() {
        for (before, expression) in expressions(&text) {
            let opens = |nth: &usize| {
                before[nth + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
            };
            let last = before.rmatch_indices('<').map(|(nth, _)| nth).find(opens);
            // Before the first tag there is only text.
            let Some(last) = last else { continue };
            let tag = &before[last..];
            // Blocks of the template language inside a tag are no text of it.
            if tag.contains('>') && !tag.contains("=\"") || tag[1..].split('"').count() % 2 == 0 {
                continue;
            }
            assert!(tag.contains('>'), "{}: {expression} in {tag}", path.display());
        }
    }
}

#[test]
fn h07_no_value_becomes_a_script_a_style_or_a_handler() {
    for (path, text) in templates() {
        for forbidden in [" style=\"", " srcdoc=", "<style", "javascript:", " on"] {
            for (nth, _) in text.match_indices(forbidden) {
                let rest = &text[nth..];
                let handler = forbidden == " on";
                let name = rest[1..].split(['=', ' ', '>', '<', '\n']).next().unwrap();
                let is_handler = handler
                    && rest[1..].starts_with("on")
                    && rest[1 + name.len()..].starts_with('=');
                assert!(
                    handler && !is_handler,
                    "{}: {}",
                    path.display(),
                    &rest[..rest.len().min(40)]
                );
            }
        }
        for (nth, _) in text.match_indices("<script") {
            let tag = text[nth..].split('>').next().unwrap();
            assert!(tag.contains(" src=\""), "{}: a script of its own", path.display());
            assert!(text[nth + tag.len()..].starts_with("></script>"), "{}", path.display());
        }
    }
}

/// What stands first in an address: each is a local path that the program makes, an asset, or a URL that was
/// checked where it was registered. A new one is looked at before it gets in here.
const ADDRESSES: &[&str] = &[
    "access.html href href",
    "web_message.html src script",
    "application.html href here",
    "application.html href href",
    "application_form.html action here",
    "application_form.html action upload.action",
    "application_form.html href up",
    "application_kinds.html href kind.href",
    "application_secret.html action here",
    "application_secret.html href here",
    "application_secret_once.html href here",
    "application_setup.html href href",
    "applications.html href href",
    "audit.html href href",
    "audit.html src follow_js",
    "base.html action frame.stop",
    "base.html href page.css",
    "base.html href page.logo",
    "base.html src banner.bar_js",
    "base.html src page.countdown_js",
    "base.html src page.logo",
    "base.html src page.times_js",
    "confirm.html action action",
    "confirm.html src page.once_js",
    "farewell.html action letter.url",
    "farewell.html href next",
    "farewell.html src letter.url",
    "farewell.html src script",
    "filters.html action form.action",
    "filters.html href form.action",
    "form_post.html action action",
    "form_post.html src page.form_post_js",
    "frame.html href console.css",
    "frame.html href item.href",
    "frame.html src console.js",
    "frame.html src page.logo",
    "frame.html src page.once_js",
    "go.html src page.once_js",
    "handed_over.html href again",
    "handed_over.html href up",
    "impersonation.html action row.href",
    "impersonation.html href href",
    "impersonation.html src page.countdown_js",
    "impersonations_history.html href row.href",
    "impersonations_running.html action row.href",
    "impersonations_running.html href row.href",
    "impersonations_running.html src page.countdown_js",
    "keys.html href href",
    "keys_replace.html href up",
    "keys_rotate.html href up",
    "kit.html href href",
    "kit.html href tab.href",
    "logout.html action action",
    "message.html href action.href",
    "organization.html action here",
    "organization.html href all_people",
    "organization.html href here",
    "organizations.html href row.people",
    "password.html src page.once_js",
    "preview.html action here",
    "role.html action here",
    "role.html href all_holders",
    "roles.html href row.href",
    "sign_in_as.html action here",
    "sign_in_as.html formaction here",
    "step_up.html action here",
    "step_up.html href back",
    "stopped.html href action.href",
    "sure.html action action",
    "sure.html href here",
    "timeline.html href href",
    "user.html action end.action",
    "user.html action here",
    "user.html href access.all_by",
    "user.html href access.all_of",
    "user.html href all_events",
    "user.html href here",
    "user.html href it.href",
    "user.html href row.href",
];

#[test]
fn h07_an_address_is_a_local_path_or_was_checked() {
    let mut unknown = BTreeSet::new();
    for (path, text) in templates() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for attribute in ["href", "action", "formaction", "src"] {
            let marked = format!(" {attribute}=\"");
            for (nth, _) in text.match_indices(&marked) {
                let value = text[nth + marked.len()..].split('"').next().unwrap();
                if value.starts_with('/') && !value.starts_with("//") || value.starts_with('#') {
                    continue;
                }
                let made = value.strip_prefix("{{").and_then(|rest| rest.split_once("}}"));
                let made = made.map_or(value, |(expression, _)| expression.trim());
                let known = format!("{name} {attribute} {made}");
                if !ADDRESSES.contains(&known.as_str()) {
                    unknown.insert(known);
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}
