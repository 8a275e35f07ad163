//! K-59: the first silent question after an impersonation is not answered with the actor's account.
use super::*;

const ASKS: &str = "/authorize?response_type=code&client_id=orders&scope=openid\
                    &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";

async fn silently(browser: &Browser, more: &str) -> Page {
    browser.open(&format!("{ASKS}&prompt=none{more}")).await
}

#[track_caller]
fn is_login_required(page: &Page) {
    assert_eq!(page.location_param("error").as_deref(), Some("login_required"), "{page:?}");
}

async fn subject(server: &TestServer, page: &Page) -> String {
    let code = page.location_param("code").unwrap_or_else(|| panic!("{page:?}"));
    let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    let claims = crate::support::words::claims(tokens["id_token"].as_str().unwrap());
    claims["sub"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn k59_after_an_impersonation_a_silent_question_is_refused_once() {
    for how in ["the clock", "stop", "delete", "an administrator"] {
        let server = TestServer::start().await;
        let sam = server.sam_as_alice("orders").await;
        assert_eq!(subject(&server, &silently(&sam, "").await).await, "usr_alice");
        match how {
            "the clock" => server.db.advance("31 minutes").await,
            "stop" => {
                let page = sam.open("/me/impersonation").await.form("/impersonation/stop");
                let (csrf, id) = (page.field("csrf").unwrap(), page.field("id").unwrap());
                let form = [("csrf", csrf.as_str()), ("id", id.as_str())];
                sam.post_form("/impersonation/stop", &form).await;
            }
            "delete" => {
                let request = sam.request(Method::DELETE, "/me/impersonation");
                sam.send(request.header("x-requested-with", "fetch")).await;
            }
            _ => {
                let end = "UPDATE impersonations SET status = 'ended', ended_at = clock_now(), \
                           end_reason = 'stopped_by_admin' WHERE status = 'active'";
                server.db.sql(end).await;
            }
        }
        is_login_required(&silently(&sam, "").await);
        assert_eq!(subject(&server, &silently(&sam, "").await).await, "usr_sam", "{how}");
        assert_eq!(server.db.count(NOTHING_RUNS).await, 0);
    }
}

#[tokio::test]
async fn k59_a_hint_that_names_the_actor_is_a_word() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let code = sam.open(ASKS).await.location_param("code").unwrap();
    let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    let link = server.link("orders").await;
    let csrf = sam.open(&link).await.form(&link).field("csrf").unwrap();
    sam.post_form(&link, &[("csrf", &csrf)]).await;
    server.db.advance("31 minutes").await;
    let page = silently(&sam, &format!("&id_token_hint={hint}")).await;
    assert_eq!(subject(&server, &page).await, "usr_sam");
}

#[tokio::test]
async fn k59_an_open_question_is_answered_and_settles_it() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("orders").await;
    server.db.advance("31 minutes").await;
    assert_eq!(subject(&server, &sam.open(ASKS).await).await, "usr_sam");
    assert_eq!(subject(&server, &silently(&sam, "").await).await, "usr_sam");
}
