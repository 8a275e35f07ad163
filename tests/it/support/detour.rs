//! A way to Postgres through the test: what goes along it can be held up or lost.
use super::TestDb;
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// A URL by which `db` is reached on a port of its own; `carry` gets the two ends of each connection.
#[expect(clippy::disallowed_methods, reason = "lives as long as the test")]
pub async fn detour(db: &TestDb, carry: impl Fn(TcpStream, UnixStream) + Send + 'static) -> String {
    let (user, place) = db.url.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (sockets, name) = place.split_once('/').unwrap();
    let sockets = percent_encoding::percent_decode_str(sockets).decode_utf8().unwrap();
    let socket = format!("{sockets}/.s.PGSQL.5432");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((ours, _)) = listener.accept().await {
            let Ok(theirs) = UnixStream::connect(&socket).await else { continue };
            carry(ours, theirs);
        }
    });
    format!("postgres://{user}@{address}/{name}?sslmode=disable")
}
