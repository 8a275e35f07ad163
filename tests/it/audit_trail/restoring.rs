//! L-10: a dump goes on in another cluster.
use crate::support::TestDb;
use crate::support::node::run;
use crate::support::trail::{BROKEN, forge, head, seal, sealed_trail, verify};
use std::process::{Command, Stdio};
use understudy::embedded::Cluster;

const DATABASE: &str = "restored";

/// A fresh cluster with what a dump of `db` holds.
fn restored(db: &TestDb) -> (Cluster, TestDb) {
    let cluster = Cluster::throwaway().unwrap();
    cluster.create_database(DATABASE).unwrap();
    let url = cluster.url(DATABASE);
    let mut dump = Command::new("pg_dump")
        .args(["--format=custom", "--no-owner", &db.url])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let restore = Command::new("pg_restore")
        .args(["--exit-on-error", "--no-owner", "--dbname", &url])
        .stdin(dump.stdout.take().unwrap())
        .status()
        .unwrap();
    assert!(restore.success() && dump.wait().unwrap().success());
    (cluster, TestDb { name: "in_another_cluster".to_owned(), url })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l10_after_a_restore_into_a_new_cluster_the_trail_goes_on_in_a_new_epoch() {
    let db = sealed_trail().await;
    // The transaction counter of this cluster is far ahead.
    db.sql("INSERT INTO audit_events (type) VALUES ('logout')").await;
    let kept = head(&verify(&db));
    let (_cluster, there) = restored(&db);
    // What happened after the dump is lost.
    db.sql("INSERT INTO audit_events (type) VALUES ('logout')").await;
    seal(&db).await;
    let lost = head(&verify(&db));

    let said = run(&there.url, &["restored"]);
    assert!(said.success && said.out.contains("begins an epoch with seal 5:"), "{said:?}");
    let said = verify(&there);
    assert!(said.success, "{said:?}");
    assert!(said.out.contains("epoch 2 begins with seal 5, after number "), "{said:?}");
    there.sql("INSERT INTO audit_events (type) VALUES ('logout')").await;
    assert_eq!(seal(&there).await, 1);
    assert!(run(&there.url, &["audit", "verify", "--head", &kept]).success);
    let other = run(&there.url, &["audit", "verify", "--head", &lost]);
    assert_eq!(other.code, Some(BROKEN), "that seal is not in the backup: {other:?}");
    // The epoch is under the seal like everything else.
    forge(&there, "UPDATE audit_checkpoints SET epoch = 1 WHERE number >= 5").await;
    assert_eq!(verify(&there).code, Some(BROKEN));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l10_without_a_word_of_the_restore_the_trail_goes_on_too() {
    let db = sealed_trail().await;
    let (_cluster, there) = restored(&db);
    assert!(verify(&there).success);
    there.sql("INSERT INTO audit_events (type) VALUES ('logout')").await;
    assert_eq!(seal(&there).await, 1);
    let said = verify(&there);
    assert!(said.success && said.out.contains("whole up to seal 5"), "{said:?}");
    assert!(!said.out.contains("epoch"), "{said:?}");
}
