//! Up, down, up again; by several at once; and all or nothing.
use crate::support::node::until;
use crate::support::{Node, TestDb};
use futures_util::future::join_all;
use understudy::store::connection::pool::{migrate, revert_last};

const APPLIED: &str = "SELECT count(*) FROM __diesel_schema_migrations";

/// Columns, constraints, indexes, functions and triggers, in words.
async fn shape(db: &TestDb) -> Vec<String> {
    let rows = db
        .rows(
            "SELECT concat_ws(' ', table_name, column_name, udt_name, is_nullable, column_default, \
               collation_name, generation_expression) \
               FROM information_schema.columns WHERE table_schema = 'public' \
             UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) \
               FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
             UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
             UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal \
             UNION ALL SELECT pg_get_viewdef(oid) FROM pg_class \
               WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace \
             UNION ALL SELECT r::text FROM roles r ORDER BY 1",
        )
        .await;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Whatever is left of ours.
const LEFT: &str = "SELECT coalesce(string_agg(name, ' '), '') FROM (\
    SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace \
      AND relname NOT LIKE '\\_\\_diesel%' \
    UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
    UNION ALL SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace \
      AND typname NOT LIKE '%diesel%') AS things";

#[tokio::test]
async fn up_and_down_and_up_again_is_the_same() {
    let db = TestDb::empty();
    let names = migrate(&db.url).await.unwrap();
    assert!(!names.is_empty());
    let before = shape(&db).await;
    assert!(before.len() > 300, "{}", before.len());
    assert!(migrate(&db.url).await.unwrap().is_empty(), "nothing is left to do");
    for name in names.iter().rev() {
        assert_eq!(revert_last(&db.url).await.unwrap(), *name);
    }
    assert_eq!(db.text(LEFT).await, "");
    assert_eq!(migrate(&db.url).await.unwrap(), names);
    assert_eq!(shape(&db).await, before);
}

#[tokio::test]
async fn i18_three_that_migrate_at_once_take_turns() {
    let db = TestDb::empty();
    let runs = join_all((0..3).map(|_| migrate(&db.url))).await;
    let mut done: Vec<usize> = runs.into_iter().map(|run| run.unwrap().len()).collect();
    done.sort_unstable();
    assert_eq!(done[..2], [0, 0]);
    assert_eq!(db.count(APPLIED).await, i64::try_from(done[2]).unwrap());
}

#[tokio::test]
async fn i18_three_nodes_that_start_at_once_share_one_schema_and_one_set_of_keys() {
    let db = TestDb::empty();
    let nodes = [(); 3].map(|()| Node::launch(&db.url));
    join_all(nodes.iter().map(Node::until_ready)).await;
    let current = "SELECT string_agg(purpose || ' ' || algorithm || ' ' || state, ', ' \
        ORDER BY purpose, algorithm, state) FROM signing_keys";
    assert_eq!(
        db.text(current).await,
        "bewit HS256 current, bewit HS256 next, token ES256 current, token ES256 next, token EdDSA current, \
         token EdDSA next, token RS256 current, token RS256 next, xml RS256 current, xml RS256 next"
    );
    let mut answers = Vec::new();
    for node in &nodes {
        answers.push(node.browser().get("/.well-known/jwks.json").await.json());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn i19_a_migration_that_fails_leaves_nothing_behind() {
    let db = TestDb::empty();
    // Somebody else's table in the way, met half-way through.
    db.sql("CREATE TABLE refresh_tokens (theirs text)").await;
    migrate(&db.url).await.unwrap_err();
    assert_eq!(db.text(LEFT).await, "refresh_tokens refresh_tokens _refresh_tokens");
    let node = Node::launch(&db.url);
    until("it lives", 10, async || node.status("/health/live").await == Some(200)).await;
    assert_eq!(node.status("/health/ready").await, Some(503));
    db.sql("DROP TABLE refresh_tokens").await;
    node.until_ready().await;
}
