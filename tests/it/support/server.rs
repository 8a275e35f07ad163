//! The real server on a free port of this machine, in a thread of this process.
use super::db::MASTER_KEY;
use super::{Browser, TestDb};
use std::net::TcpListener;
use std::sync::mpsc;
use understudy::app::watch::{self, Migrations, Watch};
use understudy::app::{self, ServerParts, Signals};
use understudy::config::{Overrides, ServerSettings, SettingsPurpose};
use understudy::telemetry::Metrics;

pub fn settings(url: &str, public_url: &str, extra: &[(&str, &str)]) -> ServerSettings {
    let vars = [
        ("DATABASE_URL", url),
        ("UNDERSTUDY_PUBLIC_URL", public_url),
        ("UNDERSTUDY_MASTER_KEY", MASTER_KEY),
    ];
    let vars = vars.iter().chain(extra).map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    ServerSettings::read(vars, Overrides::default(), SettingsPurpose::Serve).unwrap()
}

pub fn parts(url: &str, public_url: &str) -> ServerParts {
    parts_with(url, public_url, &[])
}

pub fn parts_with(url: &str, public_url: &str, extra: &[(&str, &str)]) -> ServerParts {
    let settings = settings(url, public_url, extra);
    app::parts(&settings, url, MASTER_KEY, Metrics::new().unwrap()).unwrap()
}

pub struct TestServer {
    pub db: TestDb,
    /// The public URL; no slash at the end.
    pub url: String,
    pub parts: ServerParts,
    handle: actix_web::dev::ServerHandle,
    thread: Option<std::thread::JoinHandle<()>>,
    watch: Option<Watch>,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings of its own; without limits, tests that send much say so.
    pub async fn start_with(extra: &[(&str, &str)]) -> Self {
        Self::start_on(TestDb::create(), extra).await
    }

    pub async fn start_on(db: TestDb, extra: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let parts = parts_with(&db.url, &url, extra);
        let ctx = parts.context(1).unwrap();
        let conn = ctx.store.conn().await.unwrap();
        parts.shared.keys.reload(&conn).await.unwrap();
        drop(conn);
        let watch = watch::start(&parts, Migrations::Leave).unwrap();
        let (sender, receiver) = mpsc::channel();
        let own = parts.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let server = app::serve(&own, listener, 1, Signals::Host).unwrap();
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        let handle = receiver.recv().unwrap();
        Self { db, url, parts, handle, thread: Some(thread), watch: Some(watch) }
    }

    /// As a signal does it: first the answers, then the watch.
    pub fn stop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        drop(self.watch.take());
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }
}
