//! `/2.0/users`.
use super::*;

const USUAL: [&str; 17] = [
    "address",
    "avatar_url",
    "created_at",
    "id",
    "job_title",
    "language",
    "login",
    "max_upload_size",
    "modified_at",
    "name",
    "notification_email",
    "phone",
    "space_amount",
    "space_used",
    "status",
    "timezone",
    "type",
];

/// An application with an enterprise token.
pub(super) struct Desk<'a> {
    server: &'a TestServer,
    token: String,
}

impl<'a> Desk<'a> {
    pub(super) async fn of(server: &'a TestServer, app: App) -> Self {
        Self { server, token: app.enterprise_token(server).await }
    }

    pub(super) async fn get(&self, path: &str) -> Page {
        self.server.browser().send(call(self.server, Method::GET, path, &self.token)).await
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Value) -> Page {
        let request = call(self.server, method, path, &self.token).body(body.to_string());
        self.server.browser().send(request).await
    }

    async fn delete(&self, id: &str) -> Page {
        let path = format!("/2.0/users/{id}");
        self.server.browser().send(call(self.server, Method::DELETE, &path, &self.token)).await
    }

    async fn make(&self, mut body: Value) -> Value {
        body["is_platform_access_only"] = true.into();
        let answer = self.send(Method::POST, "/2.0/users", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()
    }

    pub(super) async fn app_user(&self, name: &str) -> String {
        self.make(json!({ "name": name })).await["id"].as_str().unwrap().to_owned()
    }
}

/// The envelope of everything that goes wrong.
#[track_caller]
fn wrong(answer: &Page, status: u16, code: &str, field: Option<&str>) {
    assert_eq!(answer.status, status, "{answer:?}");
    let said = answer.json();
    assert_eq!((&said["type"], &said["status"]), (&json!("error"), &json!(status)), "{said}");
    assert_eq!(said["code"], code, "{said}");
    assert_eq!(said["request_id"].as_str(), answer.header("x-request-id"), "{said}");
    assert!(said["help_url"].is_string() && said["message"].is_string(), "{said}");
    let named = said["context_info"]["errors"][0]["name"].as_str();
    assert_eq!(named, field, "{said}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[track_caller]
fn time(said: &Value) -> chrono::DateTime<chrono::FixedOffset> {
    let text = said.as_str().unwrap();
    assert!(!text.ends_with('Z'), "{text}: with an offset");
    text.parse().unwrap()
}

#[tokio::test]
async fn an_app_user_is_made_as_the_tutorial_says() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, SMALL).await;
    // As curl sends it: JSON, labelled as a form.
    let request = call(&server, Method::POST, "/2.0/users", &desk.token)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(r#"{"name": "Ned Stark", "is_platform_access_only": true}"#);
    let answer = server.browser().send(request).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let ned = answer.json();
    let names: Vec<&str> = ned.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, USUAL);
    assert_eq!((&ned["type"], &ned["name"]), (&json!("user"), &json!("Ned Stark")));
    let login = ned["login"].as_str().unwrap();
    let rest = login.strip_prefix("AppUser_").unwrap().strip_suffix("@appusers.invalid").unwrap();
    let (service, drawn) = rest.split_once('_').unwrap();
    assert!(service.bytes().all(|digit| digit.is_ascii_digit()), "{login}");
    assert_eq!((service.len(), drawn.len()), (11, 10), "{login}");
    assert_eq!(time(&ned["created_at"]), time(&ned["modified_at"]));
    assert_eq!((&ned["language"], &ned["status"]), (&json!("en"), &json!("active")));
    assert_eq!((&ned["space_amount"], &ned["space_used"]), (&json!(5_368_709_120_i64), &json!(0)));
    for empty in ["job_title", "phone", "address", "avatar_url"] {
        assert_eq!(ned[empty], "", "{empty}");
    }
    let path = format!("/2.0/users/{}", ned["id"].as_str().unwrap());
    assert_eq!(desk.get(&path).await.json(), ned);
    // A name is no identifier.
    assert_ne!(desk.app_user("Ned Stark").await, ned["id"]);
}

#[tokio::test]
async fn fields_are_given_as_they_are_asked_for() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, SMALL).await;
    let ned = desk.app_user("Ned").await;
    let of = |fields: &str| format!("/2.0/users/{ned}?fields={fields}");
    let only = desk.get(&of("is_platform_access_only")).await.json();
    assert_eq!(only, json!({"type": "user", "id": ned, "is_platform_access_only": true}));
    let some = desk.get(&of("name%2Crole,enterprise")).await.json();
    let enterprise = json!({"type": "enterprise", "id": "org_acme"});
    let expected =
        json!({"type": "user", "id": ned, "name": "Ned", "role": "user", "enterprise": enterprise});
    assert_eq!(some, expected);
    // Names that no user has are passed over (K-39).
    for unknown in ["password_hash", "password_hash,sha1", "user_metadata", "*"] {
        let least = desk.get(&of(unknown)).await.json();
        assert_eq!(least, json!({"type": "user", "id": ned}), "{unknown}");
    }
}

#[tokio::test]
async fn an_app_user_is_changed_within_what_is_its_own() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, SMALL).await;
    let ned = desk.app_user("Ned").await;
    let path = format!("/2.0/users/{ned}");
    server.db.advance("1 minute").await;
    let changes = json!({
        "name": "patient 35321", "language": "de", "job_title": "Warden", "phone": "+1 555",
        "address": "Winterfell", "timezone": "Europe/Berlin", "space_amount": -1,
        "status": "cannot_delete_edit",
    });
    let answer = desk.send(Method::PUT, &path, changes.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let changed = answer.json();
    for (name, value) in changes.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name}");
    }
    assert!(time(&changed["modified_at"]) > time(&changed["created_at"]));
    assert_eq!(desk.get(&path).await.json(), changed);
    for (name, value) in [
        ("login", json!("ned@winterfell.test")),
        ("external_app_user_id", json!("18")),
        ("is_platform_access_only", json!(false)),
        ("role", json!("coadmin")),
        ("id", json!("usr_other")),
        ("password", json!("x")),
        ("name", json!("")),
    ] {
        let answer = desk.send(Method::PUT, &path, json!({ name: value })).await;
        wrong(&answer, 400, "bad_request", Some(name));
    }
    assert_eq!(desk.get(&path).await.json(), changed);
    // Switched off, and every token with it.
    let token = SMALL.token(&server, "user", &ned).await;
    let answer = desk.send(Method::PUT, &path, json!({"status": "inactive"})).await;
    assert_eq!(answer.json()["status"], "inactive");
    assert_eq!(server.introspect(&token).await.body, r#"{"active":false}"#);
    let answer = desk.send(Method::PUT, &path, json!({"status": "active"})).await;
    assert_eq!(answer.json()["status"], "active");
}

#[tokio::test]
async fn f27_an_app_user_has_no_way_in() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, APP).await;
    let ned = desk.make(json!({"name": "Ned"})).await;
    let (id, login) = (ned["id"].as_str().unwrap(), ned["login"].as_str().unwrap());
    // Not even with a password that got there in some other way.
    let hash =
        server.db.text("SELECT password_hash FROM credentials WHERE user_id = 'usr_sam'").await;
    let sql = format!("INSERT INTO credentials (user_id, password_hash) VALUES ('{id}', '{hash}')");
    server.db.sql(&sql).await;
    for password in ["sam-password", "x", ""] {
        let answer = server.browser().sign_in(login, password).await;
        assert_ne!(answer.status, 303, "{}", answer.body);
    }
    assert_eq!(server.db.count("SELECT count(*) FROM sessions").await, 0);
    let body = json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy"});
    let answer = server.ask(id, body).await;
    assert_eq!((answer.status, answer.json()["error_code"].as_str()), (403, Some("app_user")));
    let token = APP.token(&server, "user", id).await;
    for path in ["/account", "/authorize?response_type=code&client_id=orders&scope=openid"] {
        let answer = server.browser().send(call(&server, Method::GET, path, &token)).await;
        assert!(answer.status == 302 || answer.status == 400, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn f28_the_app_users_of_another_application_are_not_there() {
    let server = TestServer::start().await;
    let theirs = Desk::of(&server, APP).await.app_user("Theirs").await;
    let desk = Desk::of(&server, SMALL).await;
    let path = format!("/2.0/users/{theirs}");
    let unknown = desk.get("/2.0/users/usr_nobody").await;
    wrong(&unknown, 404, "not_found", None);
    for path in
        [path.as_str(), "/2.0/users/usr_alice", "/2.0/users/usr_carol", "/2.0/users/a%20b%00"]
    {
        wrong(&desk.get(path).await, 404, "not_found", None);
        let answer = desk.send(Method::PUT, path, json!({"name": "Mine"})).await;
        wrong(&answer, 404, "not_found", None);
    }
    wrong(&desk.delete(&theirs).await, 404, "not_found", None);
    let mine = desk.app_user("Mine").await;
    let listed = desk.get("/2.0/users").await.json();
    assert_eq!((&listed["total_count"], &listed["entries"][0]["id"]), (&json!(1), &json!(mine)));
    // With enterprise access they are.
    let desk = Desk::of(&server, APP).await;
    assert_eq!(desk.get(&format!("/2.0/users/{mine}")).await.status, 200);
    wrong(&desk.get("/2.0/users/usr_carol").await, 404, "not_found", None);
    let service = service_account(&server, SMALL).await;
    wrong(&desk.get(&format!("/2.0/users/{service}")).await, 404, "not_found", None);
}

#[tokio::test]
async fn f29_an_app_user_manages_nobody() {
    let server = TestServer::start().await;
    let ned = Desk::of(&server, APP).await.app_user("Ned").await;
    let desk = Desk { server: &server, token: APP.token(&server, "user", &ned).await };
    assert_eq!(desk.get("/2.0/users/me").await.json()["id"], *ned);
    assert_eq!(desk.get(&format!("/2.0/users/{ned}")).await.status, 200);
    let code = "access_denied_insufficient_permissions";
    for path in ["/2.0/users", "/2.0/users/usr_alice", "/2.0/users/usr_nobody"] {
        wrong(&desk.get(path).await, 403, code, None);
    }
    let new = json!({"name": "Arya", "is_platform_access_only": true});
    wrong(&desk.send(Method::POST, "/2.0/users", new).await, 403, code, None);
    let path = format!("/2.0/users/{ned}");
    wrong(&desk.send(Method::PUT, &path, json!({"name": "King"})).await, 403, code, None);
    wrong(&desk.delete(&ned).await, 403, code, None);
}

#[tokio::test]
async fn f16_whoever_is_acted_as_manages_nobody() {
    let server = TestServer::start().await;
    let alice = APP.token(&server, "user", "usr_alice").await;
    let desk = Desk { server: &server, token: alice };
    let me = desk.get("/2.0/users/me").await;
    assert_eq!((me.status, &me.json()["login"]), (200, &json!("alice@acme.test")));
    assert!(me.header("x-impersonation-id").is_some(), "{me:?}");
    let code = "access_denied_insufficient_permissions";
    wrong(&desk.get("/2.0/users").await, 403, code, None);
    let new = json!({"name": "Arya", "is_platform_access_only": true});
    wrong(&desk.send(Method::POST, "/2.0/users", new).await, 403, code, None);
}

#[tokio::test]
async fn f31_a_deleted_user_is_gone_with_every_token() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, APP).await;
    let ned = desk.app_user("Ned").await;
    let token = APP.token(&server, "user", &ned).await;
    let answer = desk.delete(&ned).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(server.introspect(&token).await.body, r#"{"active":false}"#);
    wrong(&desk.delete(&ned).await, 404, "not_found", None);
    wrong(&desk.get(&format!("/2.0/users/{ned}")).await, 404, "not_found", None);
    // A managed user, with whatever is done in their name.
    let alice = APP.token(&server, "user", "usr_alice").await;
    assert_eq!(desk.delete("usr_alice").await.status, 204);
    assert_eq!(server.introspect(&alice).await.body, r#"{"active":false}"#);
    let trail = server.db.trail().await;
    assert!(trail.last().unwrap().ends_with("->usr_alice (subject_changed)"), "{trail:?}");
    let event = "SELECT concat_ws(' ', actor, detail ->> 'action') FROM audit_events \
                 WHERE subject = 'usr_alice' AND type = 'user.changed' ORDER BY seq DESC LIMIT 1";
    let service = service_account(&server, APP).await;
    assert_eq!(server.db.text(event).await, format!("{service} delete"));
}

#[tokio::test]
async fn f32_an_external_id_is_text_and_unique_for_the_application() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, SMALL).await;
    let ned = desk.make(json!({"name": "Ned", "external_app_user_id": "usr_alice"})).await;
    assert_ne!(ned["id"], "usr_alice", "it is never taken for an id of ours");
    let again =
        json!({"name": "N", "is_platform_access_only": true, "external_app_user_id": "usr_alice"});
    let answer = desk.send(Method::POST, "/2.0/users", again).await;
    wrong(&answer, 409, "conflict", Some("external_app_user_id"));
    let number = json!({"name": "N", "is_platform_access_only": true, "external_app_user_id": 17});
    let answer = desk.send(Method::POST, "/2.0/users", number).await;
    wrong(&answer, 400, "bad_request", Some("external_app_user_id"));
    // Another application has names of its own.
    let other = Desk::of(&server, APP).await;
    other.make(json!({"name": "Ned", "external_app_user_id": "usr_alice"})).await;
    let found = desk.get("/2.0/users?external_app_user_id=usr_alice").await.json();
    assert_eq!((&found["total_count"], &found["entries"][0]["id"]), (&json!(1), &ned["id"]));
    let path = format!("/2.0/users/{}?fields=external_app_user_id", ned["id"].as_str().unwrap());
    assert_eq!(desk.get(&path).await.json()["external_app_user_id"], "usr_alice");
}

#[tokio::test]
async fn f33_pages_by_number_and_by_marker_hold_everybody_once() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, SMALL).await;
    let mut made = Vec::new();
    for nth in 0..7 {
        made.push(desk.app_user(&format!("100%_{nth}")).await);
    }
    made.sort_unstable();
    let ids = |page: &Value| -> Vec<String> {
        let entries = page["entries"].as_array().unwrap();
        entries.iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut seen = Vec::new();
    for offset in [0, 3, 6, 9] {
        let page = desk.get(&format!("/2.0/users?limit=3&offset={offset}")).await.json();
        assert_eq!((&page["total_count"], &page["limit"]), (&json!(7), &json!(3)));
        assert_eq!(page["offset"], offset);
        seen.extend(ids(&page));
    }
    assert_eq!(seen, made);
    let (mut seen, mut marker) = (Vec::new(), String::new());
    loop {
        let path = format!("/2.0/users?limit=3&usemarker=True&marker={marker}");
        let page = desk.get(&path).await.json();
        seen.extend(ids(&page));
        let Some(next) = page["next_marker"].as_str() else { break };
        marker = next.to_owned();
    }
    assert_eq!(seen, made);
    for (query, count) in [
        ("filter_term=100%25_", 7),
        ("filter_term=100%25_3", 1),
        ("filter_term=1_", 0),
        ("filter_term=appuser_", 7),
        ("filter_term=%25", 0),
        ("user_type=managed", 7),
        ("user_type=external", 0),
        ("user_id=usr_alice&as_user=usr_alice", 7),
    ] {
        let page = desk.get(&format!("/2.0/users?{query}")).await.json();
        assert_eq!(page["total_count"], count, "{query}: {page}");
    }
    for (query, code, name) in [
        ("limit=-1", "invalid_limit", "limit"),
        ("limit=x", "invalid_limit", "limit"),
        ("limit=1001", "invalid_limit", "limit"),
        ("offset=1e18", "invalid_offset", "offset"),
        ("offset=10001", "invalid_offset", "offset"),
        ("usemarker=true&marker=%2B", "invalid_marker", "marker"),
    ] {
        wrong(&desk.get(&format!("/2.0/users?{query}")).await, 400, code, Some(name));
    }
}

#[tokio::test]
async fn f35_a_token_without_the_scope_manages_nobody() {
    let server = TestServer::start().await;
    let token = APP.enterprise_token(&server).await;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("scope", "item_upload"),
    ];
    let less = server.browser().post_form("/oauth2/token", &form).await.json();
    let token = less["access_token"].as_str().unwrap().to_owned();
    let desk = Desk { server: &server, token };
    let answer = desk.get("/2.0/users").await;
    wrong(&answer, 403, "insufficient_scope", None);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\""));
    let new = json!({"name": "Arya", "is_platform_access_only": true});
    wrong(&desk.send(Method::POST, "/2.0/users", new).await, 403, "insufficient_scope", None);
    assert_eq!(desk.get("/2.0/users/me").await.status, 200);
}

#[tokio::test]
async fn f30_nothing_is_set_that_is_not_the_callers_to_set() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, APP).await;
    let before = server.db.contents().await;
    for (name, value) in [
        ("is_admin", json!(true)),
        ("tenant_id", json!("org_globex")),
        ("id", json!("usr_alice")),
        ("password", json!("x")),
        ("permissions", json!(["impersonate"])),
        ("login", json!("ned@acme.test")),
        ("role", json!("coadmin")),
    ] {
        let mut body = json!({"name": "Ned", "is_platform_access_only": true});
        body[name] = value;
        let answer = desk.send(Method::POST, "/2.0/users", body).await;
        wrong(&answer, 400, "bad_request", Some(name));
    }
    // A service account makes no co-administrators: they may do more than it may.
    let body = json!({"name": "Cersei", "login": "cersei@acme.test", "role": "coadmin"});
    let code = "access_denied_insufficient_permissions";
    wrong(&desk.send(Method::POST, "/2.0/users", body).await, 403, code, Some("role"));
    let answer = desk.send(Method::PUT, "/2.0/users/usr_alice", json!({"role": "coadmin"})).await;
    wrong(&answer, 403, code, Some("role"));
    assert_eq!(server.db.contents().await, before);
}

/// By an application's token: the permissions are there, the rank is not.
#[tokio::test]
async fn h12_no_role_is_given_above_the_rank_of_whoever_calls() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, APP).await;
    let service = service_account(&server, APP).await;
    let wide = "INSERT INTO roles (name, permissions, rank) SELECT 'wide', permissions, 45 FROM roles WHERE name = 'coadmin'";
    server.db.sql(&format!("{wide}; INSERT INTO user_roles VALUES ('{service}', 'wide')")).await;
    let before = server.db.contents().await;
    let code = "access_denied_insufficient_permissions";
    let body = json!({"name": "Cersei", "login": "cersei@acme.test", "role": "coadmin"});
    wrong(&desk.send(Method::POST, "/2.0/users", body).await, 403, code, Some("role"));
    for user in ["usr_alice", "usr_auditor"] {
        let answer =
            desk.send(Method::PUT, &format!("/2.0/users/{user}"), json!({"role": "coadmin"})).await;
        wrong(&answer, 403, code, Some("role"));
    }
    // Nor by the way, with other changes, nor to itself.
    let more = json!({"name": "Other", "role": "coadmin", "status": "inactive"});
    wrong(&desk.send(Method::PUT, "/2.0/users/usr_alice", more).await, 403, code, Some("role"));
    let own = format!("/2.0/users/{service}");
    assert_eq!(desk.send(Method::PUT, &own, json!({"role": "coadmin"})).await.status, 404);
    assert_eq!(server.db.contents().await, before);
    server.db.sql("UPDATE roles SET rank = 50 WHERE name = 'wide'").await;
    let answer = desk.send(Method::PUT, "/2.0/users/usr_alice", json!({"role": "coadmin"})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn h14_the_users_api_takes_the_last_administrator_away_no_more_than_the_console() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, APP).await;
    // The only one is in the organization, and by nothing but the name of the role.
    server.db.sql("DELETE FROM user_roles WHERE role = 'admin'; INSERT INTO user_roles VALUES ('usr_alice', 'admin'); UPDATE roles SET permissions = '{}' WHERE name = 'admin'").await;
    let status = json!({"status": "inactive"});
    let answer = desk.send(Method::PUT, "/2.0/users/usr_alice", status.clone()).await;
    wrong(&answer, 409, "conflict", None);
    wrong(&desk.delete("usr_alice").await, 409, "conflict", None);
    assert_eq!(server.db.text("SELECT status FROM users WHERE id = 'usr_alice'").await, "active");
    server.db.sql("INSERT INTO user_roles VALUES ('auth0|bob', 'admin')").await;
    let answer = desk.send(Method::PUT, "/2.0/users/usr_alice", status).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn managed_users_are_made_by_whoever_reaches_them() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, APP).await;
    let body = json!({"name": "Cersei", "login": "Cersei@acme.test", "job_title": "Queen"});
    let answer = desk.send(Method::POST, "/2.0/users", body.clone()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let cersei = answer.json();
    assert_eq!(
        (&cersei["login"], &cersei["job_title"]),
        (&json!("Cersei@acme.test"), &json!("Queen"))
    );
    let row = "SELECT concat_ws(' ', kind, organization_id, email_verified, created_by_client_id) \
               FROM users WHERE email_canonical = 'cersei@acme.test'";
    assert_eq!(server.db.text(row).await, "person org_acme f");
    let answer = desk.send(Method::POST, "/2.0/users", body.clone()).await;
    wrong(&answer, 409, "user_login_already_used", Some("login"));
    let small = Desk::of(&server, SMALL).await;
    let answer =
        small.send(Method::POST, "/2.0/users", json!({"name": "C", "login": "c@acme.test"}));
    wrong(&answer.await, 403, "access_denied_insufficient_permissions", None);
    let answer = desk.send(Method::POST, "/2.0/users", json!({"name": "No login"})).await;
    wrong(&answer, 400, "bad_request", Some("login"));
}

#[tokio::test]
async fn administrators_are_changed_by_no_application() {
    let server = TestServer::start().await;
    server.db.sql("INSERT INTO user_roles VALUES ('usr_alice', 'coadmin')").await;
    let desk = Desk::of(&server, APP).await;
    let service = service_account(&server, APP).await;
    let code = "access_denied_insufficient_permissions";
    for admin in ["usr_alice", "usr_riley"] {
        let path = format!("/2.0/users/{admin}");
        assert_eq!(desk.get(&path).await.status, 200);
        for changes in
            [json!({"status": "inactive"}), json!({"role": "user"}), json!({"name": "X"})]
        {
            wrong(&desk.send(Method::PUT, &path, changes).await, 403, code, None);
        }
        wrong(&desk.delete(admin).await, 403, code, None);
    }
    wrong(&desk.delete(&service).await, 404, "not_found", None);
    assert_eq!(desk.get(&format!("/2.0/users/{service}")).await.status, 200, "oneself");
}

#[tokio::test]
async fn a_bad_bearer_is_401_with_an_empty_body() {
    let server = TestServer::start().await;
    for path in ["/2.0/users", "/2.0/users/me", "/2.0/users/usr_alice"] {
        let answer = server.browser().send(call(&server, Method::GET, path, "wrong")).await;
        assert_eq!((answer.status, answer.body.as_str()), (401, ""), "{path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    }
    // An application for itself is nobody.
    let machine = server.client_token("machine", "machine-secret").await;
    let answer = server.browser().send(call(&server, Method::GET, "/2.0/users/me", &machine)).await;
    wrong(&answer, 403, "access_denied_insufficient_permissions", None);
}

#[tokio::test]
async fn a_body_is_read_by_what_it_is() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, SMALL).await;
    for body in ["", "name=Ned", "[1]", r#"{"name":"a","name":"b"}"#] {
        let request = call(&server, Method::POST, "/2.0/users", &desk.token).body(body);
        wrong(&server.browser().send(request).await, 400, "bad_request", None);
    }
    let big = format!(r#"{{"name":"{}"}}"#, "a".repeat(70_000));
    let request = call(&server, Method::POST, "/2.0/users", &desk.token).body(big);
    wrong(&server.browser().send(request).await, 413, "bad_request", None);
}
