//! Whether a node is ready is soon seen, and is about what it can answer.
use crate::support::node::until;
use crate::support::{TestDb, TestServer};

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

async fn ready(server: &TestServer) -> u16 {
    server.browser().get("/health/ready").await.status
}

/// A disk without room, as far as a test can have one: no file may grow.
#[tokio::test]
async fn m04_a_node_whose_database_has_no_room_is_not_ready() {
    let db = TestDb::create();
    let server = TestServer::start_on(db, OFF).await;
    until("it is ready", 5, async || ready(&server).await == 200).await;
    let name = server.db.name.clone();
    server.db.sql(&format!("ALTER DATABASE {name} SET temp_file_limit = '64kB'")).await;
    // Settings of a database are those of new connections.
    server.db.cut().await;
    until("it is not ready", 5, async || ready(&server).await == 503).await;
    server.db.sql(&format!("ALTER DATABASE {name} RESET temp_file_limit")).await;
    server.db.cut().await;
    until("it is ready again", 10, async || ready(&server).await == 200).await;
}

/// Others take the last connections: what has its own goes on answering.
#[tokio::test]
async fn m04_a_node_that_answers_stays_ready_while_others_hold_the_last_connections() {
    let db = TestDb::create();
    let role = format!("few_{}", db.name);
    db.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
    ))
    .await;
    db.sql(&format!("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")).await;
    let (_, place) = db.url.split_once('@').unwrap();
    let url = format!("postgres://{role}@{place}");
    let server =
        TestServer::start_on(TestDb { name: "no_such_database".to_owned(), url }, OFF).await;
    until("it is ready", 5, async || ready(&server).await == 200).await;
    let token = server.global_token().await;
    let works = async || {
        let asked = server.browser().request(reqwest::Method::GET, "/api/impersonations");
        server.browser().send(asked.bearer_auth(&token)).await.status
    };
    assert_eq!(works().await, 200);
    // From now on there is no new connection, and those of the watch are gone.
    db.sql(&format!("ALTER ROLE {role} CONNECTION LIMIT 0")).await;
    let idle_watch = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}' AND query LIKE '%clock_timestamp%'"
    );
    db.sql(&idle_watch).await;
    let begun = std::time::Instant::now();
    until("a while has passed", 10, async || begun.elapsed().as_secs() >= 4).await;
    assert_eq!(works().await, 200);
    assert_eq!(ready(&server).await, 200);
}
