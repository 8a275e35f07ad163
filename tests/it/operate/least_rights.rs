//! Commands under the role that serves.
use super::with;
use crate::support::TestDb;
use crate::support::node::{program, run_with};

const LEAST: &str = include_str!("../../../scripts/least-rights.sql");

/// The URL of a role that may read and write rows of `db`, and nothing else.
async fn least(db: &TestDb) -> String {
    let role = format!("least_{}", db.name);
    db.sql(&format!("CREATE ROLE {role} LOGIN")).await;
    db.sql(&LEAST.replace(":role", &role)).await;
    let (_, place) = db.url.split_once('@').unwrap();
    format!("postgres://{role}@{place}")
}

#[tokio::test]
async fn l06_every_command_but_migrate_works_under_the_least_rights_role() {
    let db = TestDb::create();
    let url = least(&db).await;
    let ask = [
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
    for arguments in [
        &["keys", "list"][..],
        &["client", "list"],
        &["client", "end-tokens", "legacy"],
        &["user", "add", "--email", "dana@acme.test"],
        &["user", "reset-password", "dana@acme.test"],
        &["sessions", "end", "--user", "dana@acme.test"],
        &["audit", "export"],
        &["export"],
        &ask,
        &["keys", "rotate"],
        &["keys", "replace", "--compromised"],
        &["restored"],
        // The one before has sealed what the test's database came with.
        &["audit", "verify"],
    ] {
        let said = with(&url, &[], arguments);
        assert!(said.success, "{arguments:?}: {said:?}");
    }
    for dry in [&["apply", "--dry-run", "-f", "-"][..], &["apply", "-f", "-"]] {
        let mut command = program(&url, "http://127.0.0.1:1");
        let said = run_with(
            {
                command.args(dry);
                command
            },
            "version: 1\norganizations: [{id: org_new, name: New}]\n",
        );
        assert!(said.success, "{dry:?}: {said:?}");
    }
    let said = with(&url, &[], &["bootstrap"]);
    assert!(said.err.contains("administers this installation already"), "{said:?}");
}

#[tokio::test]
async fn l06_a_right_that_is_missing_is_named() {
    let db = TestDb::create();
    let url = least(&db).await;
    let role = format!("least_{}", db.name);
    db.sql(&format!("REVOKE SELECT ON signing_keys FROM {role}")).await;
    let said = with(&url, &[], &["keys", "list"]);
    assert!(!said.success && said.err.contains("signing_keys"), "{said:?}");
    assert!(!said.err.contains("cannot be reached"), "{said:?}");
    let said = with(&url, &[], &["migrate", "--revert-last"]);
    assert!(!said.success && said.err.contains("the role that owns it"), "{said:?}");
    assert!(!said.err.contains("cannot be reached"), "{said:?}");
}
