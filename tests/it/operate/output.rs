//! `--json`, `--quiet`, `audit export`, completions and the manual page.
use super::with;
use crate::support::TestDb;
use crate::support::node::{program, run, run_with};
use serde_json::Value;

const FILE: &str = "version: 1\norganizations: [{id: org_new, name: New}]\n";

fn fed(db: &TestDb, arguments: &[&str], input: &str) -> crate::support::node::Said {
    let mut command = program(&db.url, "http://127.0.0.1:1");
    command.args(arguments);
    run_with(command, input)
}

const IMPERSONATE: &[&str] = &[
    "impersonate",
    "--actor",
    "usr_sam",
    "--subject",
    "usr_alice",
    "--application",
    "legacy",
    "--reason",
    "NW-1",
];

#[tokio::test]
async fn every_command_that_prints_has_one_json_document_with_json() {
    let db = TestDb::create();
    for (arguments, key) in [
        (&["migrate"][..], "/migrated"),
        (&["apply", "--dry-run", "-f", "-"], "/changes/0/id"),
        (&["apply", "-f", "-"], "/changes/0/action"),
        (&["export"], "/users/0/id"),
        (&["schema"], "/properties/clients"),
        (IMPERSONATE, "/url"),
        (&["client", "list"], "/clients/0/client_id"),
        (&["client", "end-tokens", "legacy"], "/client_id"),
        (&["keys", "list"], "/keys/0/id"),
        (&["keys", "rotate"], "/signing/0"),
        (&["keys", "replace", "--compromised"], "/ended"),
        (&["user", "add", "--email", "dana@acme.test"], "/url"),
        (&["user", "reset-password", "dana@acme.test"], "/url"),
        (&["sessions", "end", "--user", "dana@acme.test"], "/ended/sessions"),
        (&["restored"], "/head"),
        (&["audit", "verify"], "/verdict"),
    ] {
        let said = fed(&db, &[arguments, &["--json"]].concat(), FILE);
        assert!(said.success, "{arguments:?}: {said:?}");
        let value: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        assert!(value.pointer(key).is_some(), "{arguments:?}: {value}");
    }
    let said = run(&db.url, &["--json", "client", "end-tokens", "nobody"]);
    let error: Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!((said.code, error["exit_code"].as_i64()), (Some(1), Some(1)));
    assert!(error["error"].as_str().unwrap().contains("nobody"), "{error}");
    let exported = run(&db.url, &["export", "--json"]).out;
    let said = fed(&db, &["apply", "--dry-run", "--json", "-f", "-"], &exported);
    let plan: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!(plan["changes"], serde_json::json!([]), "what is exported is what is there");
    assert_eq!(run(&db.url, &["serve", "--json"]).code, Some(2));
}

#[tokio::test]
async fn quiet_leaves_out_confirmations_and_not_results() {
    let db = TestDb::create();
    for arguments in [
        &["migrate"][..],
        &["apply", "-f", "-"],
        &["client", "end-tokens", "legacy"],
        &["keys", "rotate"],
        &["sessions", "end", "--user", "usr_alice"],
    ] {
        let said = fed(&db, &[arguments, &["--quiet"]].concat(), FILE);
        assert!(said.success && said.out.is_empty(), "{arguments:?}: {said:?}");
    }
    for arguments in [
        &["user", "reset-password", "alice@acme.test"][..],
        &["user", "add", "--email", "eve@acme.test"],
        IMPERSONATE,
    ] {
        let said = fed(&db, &[arguments, &["--quiet"]].concat(), "");
        assert!(said.success, "{arguments:?}: {said:?}");
        let lines: Vec<&str> = said.out.lines().collect();
        assert!(
            matches!(lines[..], [link] if link.starts_with("http://127.0.0.1:1/")),
            "the link and nothing else: {arguments:?}: {said:?}"
        );
    }
    for arguments in [IMPERSONATE, &["client", "list"], &["keys", "list"], &["export"]] {
        let said = fed(&db, &[arguments, &["-q"]].concat(), "");
        assert!(said.success && !said.out.is_empty(), "{arguments:?}: {said:?}");
    }
}

#[tokio::test]
async fn applications_are_listed_without_secrets_or_control_characters() {
    let db = TestDb::create();
    db.sql("UPDATE clients SET name = E'Legacy\\x1b[31m' WHERE id = 'legacy'").await;
    let said = with(&db.url, &[("UNDERSTUDY_MASTER_KEY", "")], &["client", "list"]);
    assert!(said.success, "{said:?}");
    assert_eq!(
        i64::try_from(said.out.lines().count()).unwrap(),
        db.count("SELECT count(*) + 1 FROM clients").await
    );
    assert!(said.out.starts_with("CLIENT ID") && said.out.contains("legacy"), "{said:?}");
    assert!(!said.out.contains('\u{1b}') && !said.out.contains("secret"), "{said:?}");
}

#[tokio::test]
async fn an_export_of_the_trail_has_every_event_in_order_and_is_one_itself() {
    let db = TestDb::create();
    db.sql(
        "INSERT INTO audit_events (type, actor, subject, reason) \
         SELECT 'login.succeeded', 'usr_alice', 'usr_alice', '=1+1' FROM generate_series(1, 2500)",
    )
    .await;
    let events = db.count("SELECT count(*) FROM audit_events").await;
    let said = with(&db.url, &[("UNDERSTUDY_MASTER_KEY", "")], &["audit", "export"]);
    assert!(said.success, "{said:?}");
    let seqs: Vec<i64> = said
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_i64().unwrap())
        .collect();
    assert_eq!(i64::try_from(seqs.len()).unwrap(), events);
    assert!(seqs.is_sorted());
    let csv = run(&db.url, &["audit", "export", "--format", "csv", "--user", "alice@acme.test"]);
    assert!(csv.out.starts_with("seq,at,type,") && csv.out.contains("\"'=1+1\""), "formulas");
    assert_eq!(csv.out.lines().filter(|line| line.contains("login.succeeded")).count(), 2500);
    let trail = "SELECT string_agg(actor || ' ' || (detail->>'format') || ' ' || (detail->>'filter'), ', ' \
        ORDER BY seq) FROM audit_events WHERE type = 'audit.exported'";
    assert_eq!(db.text(trail).await, "cli jsonl , cli csv user=usr_alice");
    let only = ["audit", "export", "--type", "audit.exported", "--from", "2020-01-01", "--to"];
    let none = run(&db.url, &[&only[..], &["2020-02-01T00:00:00+01:00"]].concat());
    assert!(none.success && none.out.is_empty(), "{none:?}");
    let both = run(&db.url, &[&only[..], &["2999-01-01"]].concat());
    assert_eq!(both.out.lines().count(), 3, "{both:?}");
    for wrong in [&["--format", "xml"][..], &["--from", "yesterday"], &["--to", "2026-02-30"]] {
        assert_eq!(run(&db.url, &[&["audit", "export"], wrong].concat()).code, Some(2));
    }
    let nobody = run(&db.url, &["audit", "export", "--user", "nobody@acme.test"]);
    assert_eq!(nobody.code, Some(1));
}

#[test]
fn completions_and_the_manual_page_name_every_command() {
    let nothing = "postgres://nowhere.invalid/x";
    let definition = understudy::cli::definition();
    let names: Vec<&str> = definition.get_subcommands().map(clap::Command::get_name).collect();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = run(nothing, &["completions", shell]);
        assert!(said.success && names.iter().all(|name| said.out.contains(name)), "{shell}");
    }
    assert_eq!(run(nothing, &["completions", "csh"]).code, Some(2));
    let man = run(nothing, &["man"]);
    assert!(man.success && man.out.contains(".TH"), "{man:?}");
    let plain = man.out.replace("\\-", "-");
    for words in ["RESET-PASSWORD", "--dry-run", "Exit codes", "--quiet"] {
        assert!(plain.contains(words), "{words}");
    }
}
