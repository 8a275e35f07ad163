//! The image can be built: the build context that `.dockerignore` leaves is made, and the compiler reads it.
//!
//! Without Docker and without a network. What is compiled is what the Dockerfile compiles, checked instead of built:
//! a file that the source includes and the context lacks is an error there too.
#![expect(clippy::unwrap_used, reason = "a test may stop")]
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One line of a `.dockerignore`.
struct Rule {
    pattern: Vec<String>,
    lets_in: bool,
}

fn rules(text: &str) -> Vec<Rule> {
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (lets_in, path) = line.strip_prefix('!').map_or((false, line), |path| (true, path));
            let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
            Rule { pattern: parts.map(str::to_owned).collect(), lets_in }
        })
        .collect()
}

/// The last rule that fits a path, or a folder above it, decides.
fn is_in_context(rules: &[Rule], path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let mut inside = true;
    for rule in rules {
        if (1..=parts.len())
            .any(|end| parts.get(..end).is_some_and(|above| fits(&rule.pattern, above)))
        {
            inside = rule.lets_in;
        }
    }
    inside
}

fn fits(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            fits(rest, path) || path.split_first().is_some_and(|(_, below)| fits(pattern, below))
        }
        (Some((first, rest)), Some((part, below))) => name_fits(first, part) && fits(rest, below),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// `*` is any text and `?` one character, within one name.
fn name_fits(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            name.char_indices().any(|(at, _)| name_fits(rest, &name[at..])) || name_fits(rest, "")
        }
        Some(first) => name.chars().next().is_some_and(|found| {
            (first == '?' || first == found)
                && name_fits(&pattern[first.len_utf8()..], &name[found.len_utf8()..])
        }),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder`, by its path from the root.
fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if ["target", ".git", ".understudy", "node_modules"].iter().any(|skipped| name == *skipped)
        {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        } else {
            let path = entry.path();
            found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// What `docker build` would be sent, in a temporary folder of its own.
fn context() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("understudy-image-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let rules = rules(&fs::read_to_string(root().join(".dockerignore")).unwrap());
    let mut all = Vec::new();
    files(root(), &mut all);
    for path in all.iter().filter(|path| is_in_context(&rules, path)) {
        let to = folder.join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root().join(path), to).unwrap();
    }
    folder
}

fn dockerfile() -> String {
    fs::read_to_string(root().join("Dockerfile")).unwrap().replace("\\\n", " ")
}

/// The arguments of the `cargo` that the Dockerfile runs.
fn cargo_arguments(dockerfile: &str) -> Vec<String> {
    let command = dockerfile.lines().find_map(|line| line.split_once("cargo build ")).unwrap().1;
    let command = command.split("&&").next().unwrap();
    command.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn l01_the_image_can_be_built_from_what_the_build_context_holds() {
    let folder = context();
    let arguments = cargo_arguments(&dockerfile());
    assert!(arguments.iter().any(|argument| argument == "--locked"), "{arguments:?}");
    assert!(arguments.iter().any(|argument| argument == "--release"), "{arguments:?}");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let checked = Command::new(env!("CARGO"))
        .arg("check")
        // With the profile of the tests, whose dependencies are there already; the sources are the same.
        .args(arguments.iter().filter(|argument| *argument != "--release"))
        .env("CARGO_TARGET_DIR", root().join(target))
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    let licence = folder.join("LICENSE").is_file();
    let strays: Vec<_> = ["tests", "target", ".git", ".env", "node_modules", ".understudy"]
        .into_iter()
        .filter(|name| folder.join(name).exists())
        .collect();
    let _ = fs::remove_dir_all(&folder);
    assert!(checked.status.success(), "{said}");
    assert!(licence, "the image carries its licence");
    assert!(strays.is_empty(), "the context holds what the build does not read: {strays:?}");
}

#[test]
fn l01_the_rules_of_the_context_are_read_as_docker_reads_them() {
    let rules = rules("# all\n*\n!src\n!examples/*.yaml\n**/node_modules\n!deep/?.txt\n");
    for (path, inside) in [
        ("Cargo.toml", false),
        ("src/main.rs", true),
        ("src/a/b/c.rs", true),
        ("src/a/node_modules/x.js", false),
        ("examples/demo.yaml", true),
        ("examples/content/nginx.conf", false),
        ("examples/content/demo.yaml", false),
        ("deep/a.txt", true),
        ("deep/ab.txt", false),
        ("srcs/main.rs", false),
    ] {
        assert_eq!(is_in_context(&rules, path), inside, "{path}");
    }
}

#[test]
fn l01_the_image_runs_as_nobody_in_particular_and_says_what_it_is() {
    let text = dockerfile();
    assert!(text.lines().any(|line| line == "USER 10001:10001"));
    for label in ["title", "description", "licenses", "version", "revision"] {
        assert!(text.contains(&format!("org.opencontainers.image.{label}=")), "{label}");
    }
    for base in text.lines().filter_map(|line| line.strip_prefix("ARG ")?.split_once("_IMAGE=")) {
        // A digest, or a version with all its parts; never what moves.
        let exact = base.1.contains("@sha256:")
            || base.1.split(':').nth(1).is_some_and(|tag| tag.contains('.'));
        assert!(exact, "{base:?}");
    }
    let version = format!("ARG VERSION={}", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&version), "the image has the version of the program");
    for copied in text.lines().filter_map(|line| line.strip_prefix("COPY --from=build /build/")) {
        assert!(root().join(copied.split(' ').next().unwrap()).exists(), "{copied}");
    }
}

/// Runs a program that checks a file, where it is installed.
fn check(program: &str, arguments: &[&str]) {
    let Ok(output) = Command::new(program).args(arguments).current_dir(root()).output() else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

#[test]
fn the_alert_rules_are_rules_to_prometheus() {
    check("promtool", &["check", "rules", "examples/prometheus/alerts.yaml"]);
}

#[test]
fn the_unit_is_a_unit_to_systemd_and_leaves_little_open() {
    let unit = fs::read_to_string(root().join("examples/systemd/understudy.service")).unwrap();
    let program = "/usr/local/bin/understudy";
    assert!(unit.contains(&format!("ExecStart={program} serve --no-migrate\n")));
    for line in ["DynamicUser=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "UMask=0077"]
    {
        assert!(unit.lines().any(|known| known == line), "{line}");
    }
    // systemd looks whether the program is there.
    let folder = std::env::temp_dir().join(format!("understudy-unit-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let copy = folder.join("understudy.service");
    fs::write(&copy, unit.replace(program, "/bin/true")).unwrap();
    let copy = copy.to_str().unwrap();
    check("systemd-analyze", &["verify", "--man=no", copy]);
    check("systemd-analyze", &["security", "--offline=true", "--threshold=20", copy]);
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn the_kubernetes_base_is_built_by_kustomize_and_keeps_metrics_off_the_service() {
    check("kubectl", &["kustomize", "examples/kubernetes"]);
    let read =
        |name: &str| fs::read_to_string(root().join("examples/kubernetes").join(name)).unwrap();
    let listed = read("kustomization.yaml");
    for name in ["deployment.yaml", "migrate.yaml", "network.yaml"] {
        assert!(listed.contains(&format!("- {name}")), "{name}");
        assert!(!read(name).contains("latest"), "{name}");
    }
    let service = read("network.yaml");
    let service = service.split("---").find(|part| part.contains("kind: Service")).unwrap();
    assert!(!service.contains("9464") && !service.contains("management}"), "{service}");
    let pods = read("deployment.yaml") + &read("migrate.yaml");
    assert_eq!(pods.matches("enableServiceLinks: false").count(), 2);
    assert_eq!(pods.matches("readOnlyRootFilesystem: true").count(), 2);
}
