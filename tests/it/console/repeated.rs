//! K-15: the button of a page that asks for the password is pressed twice. Both posts carry the cookie that the first
//! one replaces; whichever answer the browser keeps, its person is signed in and where the first one led.
use super::applications::Filled;
use super::button;
use crate::support::{Browser, Page, TestServer};
use reqwest::Method;

const TWO_HOURS: &str = "UPDATE sessions SET authenticated_at = authenticated_at - interval '2 hours', \
                         created_at = created_at - interval '2 hours'";

/// Somebody of the directory; the cookie is sent by hand, because a browser keeps the old one for both posts.
async fn cookie_of(server: &TestServer, name: &str) -> String {
    let browser = server.browser();
    let answer =
        browser.sign_in(&format!("{name}@understudy.test"), &format!("{name}-password")).await;
    own_cookie(&answer).unwrap_or_else(|| panic!("not signed in: {answer:?}"))
}

/// The own session in the cookies that an answer sets.
fn own_cookie(answer: &Page) -> Option<String> {
    cookies(answer).into_iter().find(|pair| pair.starts_with("understudy="))
}

fn cookies(answer: &Page) -> Vec<String> {
    let set = answer.headers.get_all("set-cookie").iter();
    set.map(|it| it.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

async fn open(server: &TestServer, cookies: &str, path: &str) -> Page {
    let browser = Browser::bare(&server.url);
    let request = browser.request(Method::GET, path).header("cookie", cookies);
    browser.send(request.header("accept", "text/html")).await
}

async fn post(server: &TestServer, cookies: &str, path: &str, form: &[(&str, &str)]) -> Page {
    let browser = Browser::bare(&server.url);
    let request = browser.request(Method::POST, path).header("cookie", cookies);
    browser.send(request.header("accept", "text/html").form(form)).await
}

/// The same post twice, at once or one after the other.
async fn twice(
    server: &TestServer,
    together: &str,
    (cookies, path): (&str, &str),
    form: &[(&str, &str)],
) -> [Page; 2] {
    if together == "at once" {
        let posts = (post(server, cookies, path, form), post(server, cookies, path, form));
        return futures_util::future::join(posts.0, posts.1).await.into();
    }
    let first = post(server, cookies, path, form).await;
    [first, post(server, cookies, path, form).await]
}

/// Both answers set one and the same session, which is good, also later; the old cookie opens nothing.
async fn is_signed_in(server: &TestServer, old: &str, answers: &[Page; 2]) -> String {
    let next = answers.each_ref().map(|answer| {
        own_cookie(answer).unwrap_or_else(|| panic!("no cookie: {} {}", answer.status, answer.body))
    });
    assert_eq!(next[0], next[1], "whichever answer the browser keeps");
    assert_ne!(next[0], old);
    assert_eq!(open(server, old, "/account").await.status, 302, "the old cookie opens nothing");
    assert_eq!(open(server, old, "/console").await.status, 302);
    server.db.advance("1 minute").await;
    assert_eq!(open(server, &next[0], "/account").await.status, 200);
    next[0].clone()
}

#[tokio::test]
async fn k15_continue_as_with_a_password_pressed_twice_leads_to_one_impersonation() {
    for together in ["at once", "one after the other"] {
        let server = TestServer::start().await;
        let old = cookie_of(&server, "sam").await;
        server.db.sql(TWO_HOURS).await;
        let link = server.link("orders").await;
        let form = Filled::read(&open(&server, &old, &link).await, &link);
        let form = [("csrf", form.get("csrf")), ("step_up_password", "sam-password")];
        let answers = twice(&server, together, (&old, &link), &form).await;
        for answer in &answers {
            assert_eq!(answer.status, 303, "{together}: {}", answer.body);
        }
        assert_eq!(answers[0].location(), answers[1].location(), "{together}");
        let acted = answers.each_ref().map(|answer| {
            cookies(answer).into_iter().find(|pair| !pair.starts_with("understudy=")).unwrap()
        });
        assert_eq!(acted[0], acted[1], "{together}");
        let own = is_signed_in(&server, &old, &answers).await;
        let me = open(&server, &format!("{own}; {}", acted[0]), "/me/impersonation").await;
        assert!(me.body.contains("Alice Chen"), "{together}: {}", me.body);
        let sessions = "SELECT count(*) FROM sessions WHERE impersonated";
        assert_eq!(server.db.count(sessions).await, 1, "{together}");
    }
}

#[tokio::test]
async fn k15_a_code_with_a_password_pressed_twice_leads_to_one_link() {
    for together in ["at once", "one after the other"] {
        let server = TestServer::start().await;
        let old = cookie_of(&server, "sam").await;
        let code = code(&server, &old).await;
        server.db.sql(TWO_HOURS).await;
        let csrf = open(&server, &old, "/go").await.form("/go").field("csrf").unwrap();
        let form = [("csrf", &*csrf), ("code", &code), ("step_up_password", "sam-password")];
        let answers = twice(&server, together, (&old, "/go"), &form).await;
        for answer in &answers {
            assert_eq!(answer.status, 303, "{together}: {}", answer.body);
        }
        assert_eq!(answers[0].location(), answers[1].location(), "{together}");
        let links = "SELECT count(*) FROM impersonations WHERE status = 'link_issued'";
        assert_eq!(server.db.count(links).await, 1, "{together}");
        let own = own_cookie(&answers[1]).unwrap();
        let page = open(&server, &own, answers[1].location()).await;
        assert_eq!(page.status, 200, "{together}: {}", page.body);
        is_signed_in(&server, &old, &answers).await;
    }
}

/// A code that the console shows to the person of this cookie.
async fn code(server: &TestServer, cookie: &str) -> String {
    let here = "/console/users/usr_alice/sign-in-as";
    let action = format!("{here}/code");
    let page = open(server, cookie, &format!("{here}?application=portal")).await;
    let csrf = button(&page, &action);
    let form = [("csrf", &*csrf), ("application", "portal")];
    let shown = post(server, cookie, &action, &form).await;
    let code = shown.body.split("id=\"code\"").nth(1).unwrap().split_once('>').unwrap().1;
    code.split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn k15_a_code_pressed_twice_without_a_password_leads_to_one_link_for_a_minute() {
    let server = TestServer::start().await;
    let (old, other) = (cookie_of(&server, "sam").await, cookie_of(&server, "sam").await);
    let code = code(&server, &old).await;
    let csrf =
        async |cookie: &str| open(&server, cookie, "/go").await.form("/go").field("csrf").unwrap();
    let (mine, theirs) = (csrf(&old).await, csrf(&other).await);
    let form = [("csrf", &*mine), ("code", &*code)];
    let answers = twice(&server, "at once", (&old, "/go"), &form).await;
    assert_eq!(answers[0].location(), answers[1].location());
    // A code is for one session and one minute: anything else is a code that does not work.
    let elsewhere = post(&server, &other, "/go", &[("csrf", &theirs), ("code", &code)]).await;
    assert_eq!(elsewhere.status, 400, "{}", elsewhere.body);
    server.db.advance("61 seconds").await;
    assert_eq!(post(&server, &old, "/go", &form).await.status, 400);
    let links = "SELECT count(*) FROM impersonations";
    assert_eq!(server.db.count(links).await, 1);
}

#[tokio::test]
async fn k15_a_password_changed_twice_is_changed_and_its_owner_stays() {
    for together in ["at once", "one after the other"] {
        let server = TestServer::start().await;
        let old = cookie_of(&server, "sam").await;
        let page = open(&server, &old, "/account/password").await;
        let csrf = page.form("/account/password").field("csrf").unwrap();
        let form = |new: &'static str| {
            [
                ("csrf", csrf.clone()),
                ("current_password", "sam-password".to_owned()),
                ("new_password", new.to_owned()),
                ("repeated", new.to_owned()),
            ]
        };
        let good = form("a-new-password");
        let good: Vec<_> = good.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answers = twice(&server, together, (&old, "/account/password"), &good).await;
        for answer in &answers {
            assert_eq!(answer.status, 303, "{together}: {}", answer.body);
            assert_eq!(answer.location(), "/account/password?done=changed", "{together}");
        }
        // The old cookie changes nothing to anything else.
        let other = form("another-password");
        let other: Vec<_> = other.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refused = post(&server, &old, "/account/password", &other).await;
        assert_eq!(refused.status, 400, "{together}: {}", refused.body);
        is_signed_in(&server, &old, &answers).await;
        let changes = "SELECT count(*) FROM audit_events WHERE type = 'user.password_changed'";
        assert_eq!(server.db.count(changes).await, 1, "{together}");
    }
}

#[tokio::test]
async fn k15_a_console_form_with_a_password_pressed_twice_is_done() {
    for together in ["at once", "one after the other"] {
        let server = TestServer::start().await;
        let old = cookie_of(&server, "ada").await;
        let path = "/console/users/usr_alice/roles/give";
        let page = open(&server, &old, "/console/users/usr_alice").await.form(path);
        let csrf = page.field("csrf").unwrap();
        server.db.sql(TWO_HOURS).await;
        let form = [("csrf", &*csrf), ("role", "auditor")];
        let asked = Filled::read(&post(&server, &old, path, &form).await, path);
        let form = [
            ("csrf", asked.get("csrf")),
            ("role", asked.get("role")),
            ("step_up_csrf", asked.get("step_up_csrf")),
            ("step_up_password", "ada-password"),
        ];
        let answers = twice(&server, together, (&old, path), &form).await;
        for answer in &answers {
            assert_eq!(answer.status, 303, "{together}: {}", answer.body);
            assert!(answer.location().starts_with("/console/users/usr_alice"), "{together}");
        }
        is_signed_in(&server, &old, &answers).await;
        let given =
            "SELECT count(*) FROM user_roles WHERE user_id = 'usr_alice' AND role = 'auditor'";
        assert_eq!(server.db.count(given).await, 1, "{together}");
    }
}

#[tokio::test]
async fn k15_the_old_cookie_counts_for_seconds_and_beside_the_password_alone() {
    let server = TestServer::start().await;
    let old = cookie_of(&server, "ada").await;
    let path = "/console/users/usr_alice/roles/give";
    let page = open(&server, &old, "/console/users/usr_alice").await.form(path);
    let csrf = page.field("csrf").unwrap();
    server.db.sql(TWO_HOURS).await;
    let bare = [("csrf", &*csrf), ("role", "auditor")];
    let asked = Filled::read(&post(&server, &old, path, &bare).await, path);
    let form = |password: &'static str| {
        [
            ("csrf", asked.get("csrf")),
            ("role", "auditor"),
            ("step_up_csrf", asked.get("step_up_csrf")),
            ("step_up_password", password),
        ]
    };
    let first = post(&server, &old, path, &form("ada-password")).await;
    assert_eq!(first.status, 303, "{}", first.body);
    let given = "SELECT count(*) FROM user_roles WHERE user_id = 'usr_alice'";
    server.db.sql("DELETE FROM user_roles WHERE user_id = 'usr_alice'").await;
    // Without the password it is nobody's, with a wrong one nothing is done, and no token comes of it.
    assert!(post(&server, &old, path, &bare).await.location().starts_with("/login"));
    let wrong = post(&server, &old, path, &form("not-her-password")).await;
    assert!(wrong.status == 403 && own_cookie(&wrong).is_none(), "{}", wrong.body);
    for get in ["/account", "/console", "/go", "/me/impersonation"] {
        let page = open(&server, &old, get).await;
        assert!(page.status == 302 || !page.body.contains("Ada"), "{get}: {}", page.body);
    }
    let silent = "/authorize?client_id=orders&response_type=code&scope=openid&prompt=none&state=s\
                  &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    let answer = open(&server, &old, silent).await;
    assert_eq!(answer.location_param("error").as_deref(), Some("login_required"));
    assert_eq!(server.db.count(given).await, 0);
    // Whoever has signed out is out with the old cookie too, and after half a minute it is no cookie of ours.
    server.db.advance("31 seconds").await;
    assert!(
        post(&server, &old, path, &form("ada-password")).await.location().starts_with("/login")
    );
    assert_eq!(server.db.count(given).await, 0);
    let next = own_cookie(&first).unwrap();
    assert_eq!(open(&server, &next, "/account").await.status, 200);
}

#[tokio::test]
async fn k08_a_wrong_password_beside_a_code_is_a_guess_and_a_right_one_is_none() {
    let server = TestServer::start().await;
    let own = cookie_of(&server, "sam").await;
    let code = code(&server, &own).await;
    server.db.sql(TWO_HOURS).await;
    server.db.sql("DELETE FROM login_failures").await;
    let csrf = open(&server, &own, "/go").await.form("/go").field("csrf").unwrap();
    let form = |password: &'static str| {
        [("csrf", csrf.clone()), ("code", code.clone()), ("step_up_password", password.to_owned())]
    };
    let counted = "SELECT count(*) FROM login_failures";
    let send = async |form: [(&'static str, String); 3]| {
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        post(&server, &own, "/go", &form).await
    };
    assert_eq!(send(form("not-his-password")).await.status, 403);
    let wrong = server.db.count(counted).await;
    assert!(wrong > 0);
    assert_eq!(send(form("sam-password")).await.status, 303);
    assert!(server.db.count(counted).await <= wrong, "a right password is no guess");
}
