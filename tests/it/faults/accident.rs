//! A handler that panics, among those that do not.
use crate::support::server::parts_with;
use crate::support::{Browser, TestDb};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use futures_util::future::join_all;
use std::net::TcpListener;
use std::sync::mpsc;
use understudy::app;
use understudy::audit::{Event, EventKind};
use understudy::domain::caller::Caller;
use understudy::flows::Context;
use understudy::http::middleware::identify;
use understudy::store::{self, StoreError, Transactional as _};

/// Writes down what it does, and does not live to finish it.
async fn falls_over(ctx: web::Data<Context>) -> HttpResponse {
    let caller = Caller { ip: None, user_agent: None, request_id: None, bearer_client: None };
    let mut conn = ctx.store.conn().await.unwrap();
    let event = |kind| Event::new(kind, &caller);
    store::trail::append::append(&conn, &event(EventKind::LoginFailed)).await.unwrap();
    conn.transaction::<(), StoreError, _>(async |tx| {
        store::trail::append::append(tx, &event(EventKind::LoginSucceeded)).await?;
        panic!("a mistake of ours with a secret-4711 in it");
    })
    .await
    .unwrap();
    HttpResponse::Ok().finish()
}

/// The server with one more route, and one worker.
fn serve(db: &TestDb) -> (String, actix_web::dev::ServerHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let parts = parts_with(&db.url, &url, &[("UNDERSTUDY_RATE_LIMITS", "off")]);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let server = HttpServer::new(move || {
                let own = parts.clone();
                App::new()
                    .wrap(from_fn(identify))
                    .route("/falls-over", web::get().to(falls_over))
                    .configure(move |cfg| app::configure(cfg, &own))
            });
            let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
            sender.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    (url, receiver.recv().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j33_a_panic_is_500_for_its_own_request_and_for_no_other() {
    let db = TestDb::create();
    let (url, handle) = serve(&db);
    let browser = Browser::bare(&url);
    let events = "SELECT count(*) FROM audit_events WHERE type = ";
    let (tried, done) = (format!("{events}'login.failed'"), format!("{events}'login.succeeded'"));
    let before = (db.count(&tried).await, db.count(&done).await);
    // More of them than there are connections, and others at the same time.
    for round in 1..=3 {
        let (bad, good) = futures_util::join!(
            join_all((0..10).map(|_| browser.get("/falls-over"))),
            join_all((0..10).map(|_| browser.get("/account"))),
        );
        for page in bad {
            assert_eq!(page.status, 500, "{page:?}");
            assert_eq!(page.json()["error"], "server_error");
            assert!(!page.body.contains("4711") && !page.body.contains("panic"), "{page:?}");
            assert_eq!(page.header("x-request-id").unwrap().len(), 24);
            assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        }
        assert!(good.iter().all(|page| page.status == 302), "{good:?}");
        assert_eq!(db.count(&tried).await, before.0 + 10 * round, "what was written stays");
        assert_eq!(db.count(&done).await, before.1, "what was begun is undone");
    }
    let seen = browser.open("/falls-over").await;
    let number = seen.header("x-request-id").unwrap().to_owned();
    assert!(seen.status == 500 && seen.body.contains("Something went wrong here"), "{seen:?}");
    assert!(seen.body.contains(&number) && !seen.body.contains("4711"), "{seen:?}");
    drop(handle.stop(false));
}
