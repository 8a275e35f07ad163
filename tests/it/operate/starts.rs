//! A start that cannot succeed says so, in one sentence, and ends; one that may succeed waits.
use super::with;
use crate::support::node::{run, until};
use crate::support::{Node, TestDb};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Any 32 bytes that are not those of the tests.
const OTHER_KEY: &str = "YW5vdGhlci10ZXN0cy1tYXN0ZXIta2V5LTMyYnl0ZXM=";

/// A server that greets as Postgres does and refuses everybody: the `nth` caller gets `codes[nth]`, later ones the
/// last.
#[expect(clippy::disallowed_methods, reason = "lives as long as the test")]
async fn refusing(codes: &'static [&'static str]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://u:geheim@{}/d?sslmode=disable", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let nth = counter.fetch_add(1, Ordering::Relaxed);
            let mut greeting = [0; 1024];
            let _ = socket.read(&mut greeting).await;
            let code = codes[nth.min(codes.len() - 1)];
            let fields = format!("SFATAL\0VFATAL\0C{code}\0Mthis is {code}\0\0");
            let mut answer = vec![b'E'];
            answer.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
            answer.extend(fields.as_bytes());
            let _ = socket.write_all(&answer).await;
        }
    });
    (url, asked)
}

#[tokio::test]
async fn l19_another_master_key_ends_the_start_and_is_named() {
    let db = TestDb::create();
    for arguments in [&["serve"][..], &["serve", "--no-migrate"]] {
        let listen = crate::support::node::free_address();
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--listen", &listen]).collect();
        let said = with(&db.url, &[("UNDERSTUDY_MASTER_KEY", OTHER_KEY)], &arguments);
        assert_eq!(said.code, Some(2), "{said:?}");
        let last = said.err.lines().last().unwrap();
        assert!(last.contains("UNDERSTUDY_MASTER_KEY: is not the key"), "{said:?}");
        assert!(!said.err.contains(OTHER_KEY) && !said.out.contains(OTHER_KEY), "{said:?}");
    }
}

#[tokio::test]
async fn l19_a_missing_database_or_user_ends_the_start_and_is_named() {
    let db = TestDb::create();
    let (user, place) = db.url.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (host, _) = place.split_once('/').unwrap();
    for (url, words) in [
        (format!("postgres://{user}@{host}/no_such_database"), "there is no such database"),
        (format!("postgres://no_such_role@{place}"), "refuses the user or the password"),
    ] {
        let listen = crate::support::node::free_address();
        for arguments in [&["serve", "--listen", &listen][..], &["keys", "list"], &["migrate"]] {
            let said = run(&url, arguments);
            assert_eq!(said.code, Some(2), "{arguments:?} {said:?}");
            let sentence = said.err.lines().find(|line| line.contains("DATABASE_URL: ")).unwrap();
            assert!(sentence.contains(words), "{arguments:?} {said:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l19_a_refused_password_ends_the_start_and_is_not_repeated() {
    for codes in [&["28P01"], &["28000"]] {
        let (url, _) = refusing(codes).await;
        let listen = crate::support::node::free_address();
        let said = tokio::task::spawn_blocking(move || run(&url, &["serve", "--listen", &listen]));
        let said = said.await.unwrap();
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("DATABASE_URL: the database refuses"), "{said:?}");
        assert!(!said.err.contains("geheim") && !said.out.contains("geheim"), "{said:?}");
    }
}

/// It starts up, is full, shuts down: all that passes. When it then says that there is no such database, it does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l19_a_database_that_is_not_there_yet_is_waited_for_and_a_wrong_one_is_not() {
    let (url, asked) = refusing(&["57P03", "57P03", "53300", "57P01", "57P03", "3D000"]).await;
    let mut node = Node::launch(&url);
    until("it has asked often", 20, async || asked.load(Ordering::Relaxed) > 5).await;
    until("it ends", 20, async || node.ended().is_some()).await;
    assert_eq!(node.ended().unwrap().code(), Some(2), "{}", node.output());
    assert!(node.output().contains("DATABASE_URL: there is no such database"), "{}", node.output());

    let (url, asked) = refusing(&["57P03"]).await;
    let mut node = Node::launch(&url);
    until("it has asked often", 20, async || asked.load(Ordering::Relaxed) > 4).await;
    assert!(node.ended().is_none(), "{}", node.output());
    let told = node.output().matches("not ready yet").count();
    assert!(told == 1, "the same is told once and not each second: {}", node.output());
}

/// M-05: whoever's connections are cut while it starts waits, and blames nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m05_a_start_while_connections_are_cut_waits_and_blames_no_pooler() {
    let db = TestDb::create();
    let nodes: Vec<Node> = (0..4).map(|_| Node::launch(&db.url)).collect();
    for _ in 0..60 {
        db.cut().await;
    }
    for mut node in nodes {
        assert!(node.ended().is_none(), "{}", node.output());
        node.until_ready().await;
        assert!(!node.output().contains("pooler"), "{}", node.output());
    }
}

#[tokio::test]
async fn m08_a_request_that_cannot_be_read_is_no_error_of_ours() {
    let db = TestDb::create();
    let node = Node::launch_logging(&db.url, "info");
    node.until_ready().await;
    let address = node.url.strip_prefix("http://").unwrap();
    for bad in [
        "NONSENSE\r\n\r\n",
        "GET  HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "\u{1}\u{2}\r\n\r\n",
    ] {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        socket.write_all(bad.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
    }
    // A line that is written after them.
    assert_eq!(node.status("/nowhere").await, Some(404));
    until("it is told", 5, async || node.output().contains("/nowhere")).await;
    assert!(!node.output().contains("\"ERROR\""), "{}", node.output());
}
