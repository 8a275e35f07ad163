//! Many people at once over the same connections.
use crate::support::{Browser, Page, TestServer};
use futures_util::future::join_all;
use reqwest::Method;
use reqwest::cookie::CookieStore as _;
use serde_json::Value;

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];
const PEOPLE: &[(&str, &str, &str)] = &[
    ("sam@understudy.test", "sam-password", "Sam Support"),
    ("riley@acme.test", "riley-password", "Riley Reyes"),
    ("ada@understudy.test", "ada-password", "Ada Admin"),
    ("max@understudy.test", "max-password", "Max Manager"),
    ("alice@acme.test", "alice-password", "Alice Chen"),
    ("bob@acme.test", "bob-password", "Bob Okafor"),
];

struct Person {
    cookies: String,
    token: String,
    name: &'static str,
    id: String,
}

async fn person(
    server: &TestServer,
    (email, password, name): (&str, &str, &'static str),
) -> Person {
    let (browser, jar) = Browser::with_jar(&server.url);
    assert_eq!(browser.sign_in(email, password).await.status, 303);
    let path = "/authorize?response_type=code&client_id=orders&scope=openid+profile\
        &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    let code = browser.get(path).await.location_param("code").unwrap();
    let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    let id = crate::support::words::claims(tokens["id_token"].as_str().unwrap());
    let cookies = jar.cookies(&server.url.parse().unwrap()).unwrap();
    let cookies = cookies.to_str().unwrap().to_owned();
    Person { cookies, token, name, id: id["sub"].as_str().unwrap().to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i11_nobody_ever_sees_anothers_data() {
    let server = TestServer::start_with(OFF).await;
    let mut people = Vec::new();
    for who in PEOPLE {
        people.push(person(&server, *who).await);
    }
    // One client: its connections are shared by all, as a proxy's are.
    let shared = Browser::bare(&server.url);
    let asked = (0..600).map(|nth: usize| {
        // Not by turns, and the same at every run.
        let person = &people[(nth * 7919 + nth / 7) % people.len()];
        let (shared, by_token) = (&shared, nth.is_multiple_of(3));
        async move {
            let page = if by_token {
                shared
                    .send(shared.request(Method::GET, "/userinfo").bearer_auth(&person.token))
                    .await
            } else {
                let request =
                    shared.request(Method::GET, "/account").header("cookie", &person.cookies);
                shared.send(request.header("accept", "text/html")).await
            };
            check(&page, person, by_token);
        }
    });
    // A few dozen at the same moment.
    let mut asked = asked.collect::<Vec<_>>();
    while !asked.is_empty() {
        let rest = asked.split_off(asked.len().min(40));
        join_all(std::mem::replace(&mut asked, rest)).await;
    }
}

fn check(page: &Page, person: &Person, by_token: bool) {
    assert_eq!(page.status, 200, "{}: {}", person.name, page.body);
    if by_token {
        let told: Value = page.json();
        assert_eq!(
            (told["sub"].as_str(), told["name"].as_str()),
            (Some(person.id.as_str()), Some(person.name))
        );
        return;
    }
    for (_, _, name) in PEOPLE {
        assert_eq!(page.body.contains(name), *name == person.name, "{} sees {name}", person.name);
    }
}
