//! The documents that readers see: their size, and that every link in them leads somewhere.
#![expect(clippy::unwrap_used, reason = "a test may stop")]
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const MAX_README_BYTES: usize = 8 * 1024;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// README, the other documents at the top, and all of `docs/`.
fn documents() -> Vec<PathBuf> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "md") {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    walk(&root().join("docs"), &mut out);
    for entry in fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "md") {
            out.push(path);
        }
    }
    out
}

/// The text outside of code blocks.
fn prose(text: &str) -> String {
    let mut in_code = false;
    let mut out = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && !line.starts_with("    ") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The targets of `[text](target)` and `![text](target)`.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let rests = prose.split("](").skip(1);
    rests.map(|rest| rest.split(')').next().unwrap().to_owned()).collect()
}

/// The anchors that a Markdown viewer makes of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    let headings = headings.lines().filter_map(|line| line.strip_prefix('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept =
                title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_in_the_documents_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => document.clone(),
                file => document.parent().unwrap().join(file),
            };
            let leads_there = target.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor));
            if !leads_there {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn the_readme_is_short() {
    let size = fs::metadata(root().join("README.md")).unwrap().len();
    assert!(usize::try_from(size).unwrap() <= MAX_README_BYTES, "README.md has {size} bytes");
}

#[test]
fn every_document_of_docs_is_reached_from_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let listed: BTreeSet<String> = links(&readme).into_iter().collect();
    let missing: Vec<String> = documents()
        .iter()
        .filter_map(|path| path.strip_prefix(root()).ok())
        .map(|path| path.to_string_lossy().into_owned())
        .filter(|path| path.starts_with("docs/") && !listed.contains(path))
        .collect();
    assert!(missing.is_empty(), "not linked from README.md: {}", missing.join(", "));
}

/// The ids that a test's name begins with: `a05_k03_…` checks two.
fn case_ids(name: &str) -> impl Iterator<Item = String> {
    let parts = name.split('_').take_while(|part| {
        let digits = part.get(1..).unwrap_or_default();
        part.starts_with(|c| ('a'..='n').contains(&c))
            && (2..=3).contains(&digits.len())
            && digits.chars().all(|c| c.is_ascii_digit())
    });
    parts.map(|part| part.to_uppercase().replace('-', "")).collect::<Vec<_>>().into_iter()
}

#[test]
fn every_case_that_a_test_names_is_in_the_index() {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let index = fs::read_to_string(root().join("docs/development/security-cases.md")).unwrap();
    let rows = index.lines().filter_map(|line| line.strip_prefix("| "));
    let known: BTreeSet<String> =
        rows.map(|row| row.split(' ').next().unwrap().replace('-', "")).collect();
    let mut files = Vec::new();
    walk(&root().join("tests"), &mut files);
    walk(&root().join("src"), &mut files);
    let mut unknown = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for name in text.split("fn ").skip(1) {
            let name = name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            unknown.extend(case_ids(name).filter(|id| !known.contains(id)));
        }
    }
    assert!(known.len() > 500, "the index has {} rows", known.len());
    assert!(unknown.is_empty(), "not in the index: {unknown:?}");
}

/// A command as the document has it: `user reset-password USER`, and its flags.
fn documented_commands() -> BTreeSet<(String, BTreeSet<String>)> {
    let text = fs::read_to_string(root().join("docs/reference/commands.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `understudy "));
    rows.map(|row| {
        let (command, rest) = row.split_once('`').unwrap();
        let flags = rest.split('|').nth(1).unwrap();
        (command.to_owned(), flags.split_whitespace().map(|f| f.replace('`', "")).collect())
    })
    .collect()
}

#[test]
fn the_documented_commands_and_flags_are_those_of_the_program() {
    let mut definition = understudy::cli::definition();
    definition.build();
    let defined: BTreeSet<(String, BTreeSet<String>)> =
        understudy::cli::shell::commands_of(&definition)
            .iter()
            .map(|command| {
                let name = command.get_bin_name().unwrap().trim_start_matches("understudy ");
                let places = command.get_positionals().map(|place| place.get_id().as_str());
                let words = std::iter::once(name.to_owned()).chain(places.map(str::to_uppercase));
                let flags = command.get_arguments().filter_map(clap::Arg::get_long);
                let own = flags.filter(|flag| !["help", "version", "json", "quiet"].contains(flag));
                let flags = own.map(|flag| format!("--{flag}")).collect();
                (words.collect::<Vec<_>>().join(" "), flags)
            })
            .collect();
    let documented = documented_commands();
    let wrong: Vec<_> = defined.symmetric_difference(&documented).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The words of a document that stand between backticks, outside of code blocks.
fn code_words(text: &str) -> Vec<String> {
    let prose = prose(text);
    prose.split('`').skip(1).step_by(2).map(|word| word.replace('\n', " ")).collect()
}

/// Every source file with the modules of its path: `src/flows/login/mod.rs` is `flows`, `login`.
fn source_files() -> Vec<(Vec<String>, String)> {
    fn walk(dir: &Path, above: &[String], out: &mut Vec<(Vec<String>, String)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let mut modules = above.to_vec();
            if name != "mod" {
                modules.push(name);
            }
            if path.is_dir() {
                walk(&path, &modules, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push((modules, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut out = Vec::new();
    walk(&root().join("src"), &[], &mut out);
    out
}

/// `text` defines `item`: a function, a type, a constant, or a value of an enum.
fn defines(text: &str, item: &str) -> bool {
    let keywords = ["fn", "struct", "enum", "trait", "type", "const", "static", "static mut"];
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let is_defined = |keyword: &str| {
        let definition = format!("{keyword} {item}");
        text.match_indices(&definition).any(|(at, found)| ends(&text[at + found.len()..]))
    };
    let is_value = || {
        let mut lines = text.lines().map(str::trim_start);
        lines.any(|line| {
            line.strip_prefix(item).is_some_and(|rest| rest.starts_with([',', '(', ' ']))
        })
    };
    keywords.iter().any(|keyword| is_defined(keyword))
        || (item.starts_with(char::is_uppercase) && is_value())
}

/// Some file of `src/` has the path `module::Type::function` or `module`, of which the beginning may be left out.
fn is_in_the_source(path: &str, files: &[(Vec<String>, String)]) -> bool {
    let mut parts: Vec<&str> = path.split("::").collect();
    let is_end = |modules: &[String], parts: &[&str]| {
        modules.len() >= parts.len()
            && modules.iter().rev().zip(parts.iter().rev()).all(|(module, part)| module == part)
    };
    if files.iter().any(|(modules, _)| is_end(modules, &parts)) {
        return true;
    }
    let item = parts.pop().unwrap();
    let owner = parts.pop_if(|part| part.starts_with(char::is_uppercase));
    files.iter().any(|(modules, text)| {
        is_end(modules, &parts)
            && defines(text, item)
            && owner
                .is_none_or(|owner| defines(text, owner) || text.contains(&format!(" {owner} {{")))
    })
}

#[test]
fn every_file_and_function_of_the_architecture_page_exists() {
    let files = source_files();
    let mut wrong = Vec::new();
    for page in ["docs/development/architecture.md", "src/ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for word in code_words(&text) {
            let tops = ["src/", "tests/", "scripts/", "docs/", "templates/", "migrations/"];
            let is_path = tops.iter().any(|top| word.starts_with(top)) && !word.contains(' ');
            if is_path && !root().join(&word).exists() {
                wrong.push(format!("{page}: {word}"));
            }
            let is_item = word.contains("::")
                && !word.contains("crate")
                && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':'));
            if is_item && !is_in_the_source(&word, &files) {
                wrong.push(format!("{page}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "named, but not there:\n{}", wrong.join("\n"));
}

#[test]
fn every_type_of_the_glossary_exists() {
    let text = fs::read_to_string(root().join("docs/development/glossary.md")).unwrap();
    let files = source_files();
    let (mut terms, mut wrong) = (0, Vec::new());
    for row in text.lines().filter_map(|line| line.strip_prefix("| **")) {
        terms += 1;
        let carriers = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let missing =
            code_words(carriers).into_iter().filter(|word| !is_in_the_source(word, &files));
        wrong.extend(missing.map(|word| format!("{row}: {word}")));
    }
    assert!(terms > 40, "the glossary has {terms} terms");
    assert!(wrong.is_empty(), "named, but not there:\n{}", wrong.join("\n"));
}

#[test]
fn the_picture_of_the_modules_is_current() {
    let script = root().join("scripts/module-picture.py");
    let run = std::process::Command::new("python3").arg(script).arg("--check").output();
    let run = run.expect("python3 draws the picture");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}
