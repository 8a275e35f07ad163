//! The shape of `src/`, checked. No database; runs in seconds.
#![expect(clippy::unwrap_used, reason = "a test may stop")]
#[path = "architecture/graph.rs"]
mod graph;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Reading order of `src/lib.rs`. A module may use only modules further up.
const ORDER: &[&str] = &[
    "domain",
    "observability",
    "authentication",
    "impersonation",
    "crypto",
    "login",
    "audit",
    "store",
    "flows",
    "provision",
    "http",
    "protocols",
    "embedded",
    "config",
    "telemetry",
    "app",
    "cli",
];

/// Who may speak which outside language.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("diesel", &["store"]),
    ("ring::", &["crypto"]),
    ("aws_lc_rs", &["crypto"]),
    ("argon2::", &["crypto"]),
    ("actix_web", &["http", "protocols", "app", "cli"]),
    ("async fn", &["store", "flows", "http", "protocols", "provision", "app"]),
];

/// What each folder uses of the folders beside it.
const FOLDERS: &[(&str, &[&str])] = &[
    ("flows::directory", &["flows::impersonation", "flows::logout", "flows::tokens"]),
    ("flows::impersonation", &["flows::login", "flows::shared"]),
    (
        "flows::login",
        &[
            "flows::impersonation",
            "flows::logout",
            "flows::operations",
            "flows::shared",
            "flows::tokens",
        ],
    ),
    (
        "flows::logout",
        &["flows::directory", "flows::impersonation", "flows::login", "flows::tokens"],
    ),
    (
        "flows::operations",
        &["flows::impersonation", "flows::login", "flows::logout", "flows::shared"],
    ),
    ("flows::shared", &["flows::tokens"]),
    ("flows::tokens", &["flows::impersonation", "flows::login", "flows::shared"]),
    ("http::account", &["http::console", "http::pages", "http::ui"]),
    ("http::api", &["http::extract", "http::pages", "http::ui"]),
    ("http::console", &["http::pages", "http::ui"]),
    ("http::extract", &[]),
    ("http::pages", &["http::console", "http::extract", "http::ui"]),
    ("http::ui", &["http::extract"]),
    ("protocols::common", &[]),
    ("protocols::oauth2", &[]),
    ("protocols::samlp", &["protocols::common"]),
    ("protocols::wsfed", &["protocols::common"]),
    ("store::applications", &["store::connection", "store::directory"]),
    ("store::connection", &["store::directory"]),
    ("store::directory", &["store::connection", "store::tokens"]),
    (
        "store::impersonations",
        &[
            "store::applications",
            "store::connection",
            "store::directory",
            "store::installation",
            "store::tokens",
            "store::trail",
        ],
    ),
    ("store::installation", &["store::connection", "store::impersonations", "store::sessions"]),
    (
        "store::sessions",
        &[
            "store::connection",
            "store::directory",
            "store::impersonations",
            "store::installation",
            "store::tokens",
            "store::trail",
        ],
    ),
    (
        "store::tokens",
        &["store::connection", "store::directory", "store::impersonations", "store::trail"],
    ),
    ("store::trail", &["store::connection"]),
];

const MAX_LINES: usize = 400;

fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(dir: &Path, out: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.insert(path.clone(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut out);
    out
}

fn parts(path: &Path) -> Vec<String> {
    let relative = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    relative.with_extension("").iter().map(|p| p.to_string_lossy().into_owned()).collect()
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|m| *m == module)
}

/// Top-level modules named in `use crate::…`, braces included, or inline as `crate::…`.
fn uses(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => found.push(word(rest)),
            Some(list) => {
                let (mut depth, mut start) = (0, true);
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && c.is_alphabetic() => {
                            found.push(word(&list[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

/// `needle` as a word of its own: `ring::` but not `String::`.
fn says(line: &str, needle: &str) -> bool {
    line.match_indices(needle)
        .any(|(i, _)| !line[..i].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn modules_use_only_what_is_above_them() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(own) = rank(&parts(&path)[0]) else { continue };
        for used in uses(&text) {
            if rank(&used).is_some_and(|r| r > own) {
                wrong.push(format!("{} uses crate::{used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point down:\n{}", wrong.join("\n"));
}

#[test]
fn rooms_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let parts = parts(&path);
        if parts[0] != "protocols" || parts.len() < 3 || parts[1] == "common" {
            continue;
        }
        for rest in text.split("protocols::").skip(1) {
            let other = word(rest);
            if other != parts[1] && other != "common" {
                wrong.push(format!("{} uses room {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn source_graph() -> graph::Graph {
    graph::read(&root().join("src"), &sources())
}

#[test]
fn no_file_uses_another_that_leads_back_to_it() {
    let found = graph::circles(&source_graph().uses);
    let found: Vec<String> = found
        .iter()
        .map(|circle| circle.iter().map(|it| it.join("::")).collect::<Vec<_>>().join(", "))
        .collect();
    assert!(found.is_empty(), "these files use each other in a circle:\n{}", found.join("\n"));
}

#[test]
fn a_circle_of_files_is_found() {
    let module = |name: &str| vec![name.to_owned()];
    let uses = |names: &[&str]| names.iter().map(|name| module(name)).collect::<BTreeSet<_>>();
    let graph = BTreeMap::from([
        (module("a"), uses(&["b"])),
        (module("b"), uses(&["c"])),
        (module("c"), uses(&["b", "d"])),
        (module("d"), uses(&[])),
    ]);
    assert_eq!(graph::circles(&graph), [uses(&["b", "c"])]);
}

#[test]
fn folders_use_only_the_folders_that_are_listed() {
    let folders = ["flows", "store", "http", "protocols"];
    let folder = |module: &graph::Module| match module.as_slice() {
        [top, inner, ..] if folders.contains(&top.as_str()) => {
            let path = root().join("src").join(top).join(inner);
            path.is_dir().then(|| format!("{top}::{inner}"))
        }
        _ => None,
    };
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, used) in source_graph().uses {
        let Some(from) = folder(&module) else { continue };
        let same_top = |to: &String| to.split("::").next() == from.split("::").next();
        let used = used.iter().filter_map(folder).filter(|to| *to != from).filter(same_top);
        let used: Vec<_> = used.collect();
        arrows.entry(from.clone()).or_default().extend(used);
    }
    let listed: BTreeMap<String, BTreeSet<String>> = FOLDERS
        .iter()
        .map(|(from, to)| ((*from).to_owned(), to.iter().map(|to| (*to).to_owned()).collect()))
        .collect();
    assert_eq!(arrows, listed, "FOLDERS lists what each folder uses");
}

/// A name that has two meanings makes a reader look up which of them is meant. Types inside functions and macros are
/// not counted: they are read where they stand.
#[test]
fn every_type_has_a_name_of_its_own() {
    let twice: Vec<_> =
        source_graph().types.into_iter().filter(|(_, homes)| homes.len() > 1).collect();
    assert!(twice.is_empty(), "defined more than once: {twice:#?}");
}

#[test]
fn only_flows_touch_the_store() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| {
            !matches!(parts(path)[0].as_str(), "store" | "flows" | "provision" | "app" | "cli")
        })
        .filter(|(path, _)| !parts(path).iter().any(|part| part == "grants"))
        .filter(|(_, text)| uses(text).iter().any(|used| used == "store"))
        .map(|(path, _)| format!("{} reaches for the database", path.display()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outside_languages_stay_in_their_module() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let top = parts(&path)[0].clone();
        for (needle, homes) in ONLY_IN {
            // rustls is told to use ring by a path of its own, which is no use of ring by us.
            let text = text.replace("rustls::crypto::ring::", "");
            let spoken =
                text.lines().filter(|l| !l.trim_start().starts_with("//")).any(|l| says(l, needle));
            if spoken && !homes.contains(&top.as_str()) {
                wrong.push(format!("{} speaks `{needle}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_outgrows_a_reader() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| !path.ends_with("store/schema.rs"))
        .filter(|(_, text)| text.lines().count() > MAX_LINES)
        .map(|(path, text)| format!("{} has {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| path.ends_with("mod.rs"))
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no module doc:\n{}", silent.join("\n"));
}

/// What must not be foreseen comes from the operating system, each time anew: nothing that is seeded once.
#[test]
fn i23_there_is_one_source_of_randomness() {
    let seeded = ["rand::", "fastrand", "thread_rng", "StdRng", "SmallRng", "ChaCha", "seed_from"];
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let text = text.replace("ring::rand::", "").replace("aws_lc_rs::rand::", "");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code.filter(|line| seeded.iter().any(|needle| line.contains(needle))) {
            wrong.push(format!("{}: {line}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let random = fs::read_to_string(root().join("src/crypto/random.rs")).unwrap();
    assert!(random.contains("SystemRandom::new().fill("), "ring asks the operating system");
}

/// Where the first difference is must not tell: secrets and what is made of them are compared by `ring` and
/// `subtle`. The exceptions are nobody's secrets.
#[test]
fn i25_no_secret_is_compared_byte_by_byte() {
    let known = [
        "kept.hash != seal.hash",
        "read.hash.as_slice() == checkpoint.hash",
        // The name of a hash algorithm, and a scope.
        "only == hash",
        "known == token",
        // What a key is for, in words.
        "purpose == ",
        // Typed twice by the same person.
        "password != form.get(\"repeated\")",
        // Two spellings of what one person typed.
        "normal.as_str() != password",
        // What a file of the operator's says, beside what is stored.
        "before.and_then(|b| b.password_hash.as_deref()) != Some(hash)",
        "stored_secrets != std::slice::from_ref(hash)",
    ];
    let names = ["secret", "mac", "tag", "hash", "token", "password", "bewit", "code_verifier"];
    let is_secret = |side: &str| {
        let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let last = side.rsplit(|c: char| word(c) && c != '.').find(|part| !part.is_empty());
        let last = last.unwrap_or_default().rsplit('.').next().unwrap_or_default();
        names.contains(&last)
    };
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let code = text.split("#[cfg(test)]").next().unwrap();
        if path.ends_with("tests.rs") || path.iter().any(|part| part == "tests") {
            continue;
        }
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for sign in [" == ", " != "] {
                let Some((left, right)) = line.split_once(sign) else { continue };
                let right = right.split([' ', ')', ';', ',']).next().unwrap();
                let excused = known.iter().any(|known| line.contains(known));
                if (is_secret(left) || is_secret(right)) && !excused {
                    wrong.push(format!("{}: {line}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    assert!(read("src/crypto/mac.rs").contains("hmac::verify(&self.0"));
    assert!(read("src/crypto/hash.rs").contains("left.ct_eq(right)"));
}

/// Nodes tell each other nothing: what one has changed, the others read.
#[test]
fn j24_nothing_depends_on_a_notification() {
    for (path, text) in sources() {
        for word in ["LISTEN ", "NOTIFY ", "pg_notify", "notifications("] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Name and version of every package that is built.
fn locked() -> Vec<(String, Vec<u64>)> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let value = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(&format!("{name} = \"")))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]").skip(1).map(|package| {
        let name = value(package, "name").unwrap();
        if name != env!("CARGO_PKG_NAME") {
            // From the registry, and with the sum of what was there when it was chosen.
            let source = value(package, "source").unwrap_or_default();
            assert!(source.starts_with("registry+"), "{name} comes from {source:?}");
            assert_eq!(value(package, "checksum").map(|sum| sum.len()), Some(64), "{name}");
        }
        let version = value(package, "version").unwrap();
        let core = version.split(['-', '+']).next().unwrap();
        (name, core.split('.').map(|part| part.parse().unwrap()).collect())
    });
    packages.collect()
}

/// The floors are those below which an advisory is open; what has no fix is not there.
#[test]
fn i27_no_package_is_older_than_its_last_advisory() {
    let floors: [(&str, &[u64]); 11] = [
        ("diesel", &[2, 3, 10]),
        ("ring", &[0, 17, 12]),
        ("quick-xml", &[0, 41]),
        ("actix-http", &[3]),
        ("h2", &[0, 4, 16]),
        ("rustls", &[0, 23, 18]),
        ("rustls-webpki", &[0, 103, 13]),
        ("aws-lc-sys", &[0, 39]),
        ("tokio-postgres", &[0, 7, 18]),
        ("time", &[0, 3, 47]),
        ("idna", &[1, 0]),
    ];
    let locked = locked();
    for (name, version) in &locked {
        let floor = floors.iter().find(|(floored, _)| floored == name);
        let high = floor.is_none_or(|(_, floor)| version.as_slice() >= *floor);
        assert!(high, "{name} {version:?} is older than {floor:?}");
        assert!(!["xml-rs", "openssl", "native-tls"].contains(&name.as_str()), "{name}");
    }
    // `rsa` is in the tests and the demo only, where it verifies with public keys: deny.toml says by whom.
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let ours = manifest.split("[dev-dependencies]").next().unwrap();
    assert!(!ours.contains("\nopenidconnect") && !ours.contains("\nrsa"));
    let deny = fs::read_to_string(root().join("deny.toml")).unwrap();
    assert!(
        deny.contains("[advisories]") && !deny.contains("ignore"),
        "no exception without a test"
    );
}
