//! Ids and fields in the shapes that Box's clients expect.
use super::users::Desk;
use super::*;
use std::collections::HashSet;

#[tokio::test]
async fn k38_users_made_through_the_box_channel_have_decimal_ids() {
    let server = TestServer::start().await;
    let (app, small) = (Desk::of(&server, APP).await, Desk::of(&server, SMALL).await);
    let mut ids = HashSet::new();
    let mut services = Vec::new();
    for (desk, name) in [(&app, "One"), (&app, "Two"), (&small, "Three")] {
        let new = json!({"name": name, "is_platform_access_only": true});
        let made = desk.send(Method::POST, "/2.0/users", new).await.json();
        let (id, login) = (made["id"].as_str().unwrap(), made["login"].as_str().unwrap());
        let number: f64 = id.parse().unwrap();
        assert!((11..=15).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit()), "{id}");
        assert_eq!(format!("{number:.0}"), id, "a double holds it");
        assert!(ids.insert(id.to_owned()));
        services.push(login.split('_').nth(1).unwrap().to_owned());
        assert_eq!(desk.get(&format!("/2.0/users/{id}")).await.json()["id"], json!(id));
    }
    assert_eq!(services[0], services[1], "the number of an application is always the same");
    assert_ne!(services[0], services[2]);
    let managed = json!({"name": "Four", "login": "four@acme.test"});
    let managed = app.send(Method::POST, "/2.0/users", managed).await.json();
    assert!(managed["id"].as_str().unwrap().bytes().all(|b| b.is_ascii_digit()), "{managed}");
    // The application's own user as well; whoever is there keeps their id.
    let own = app.get("/2.0/users/me").await.json();
    assert!(own["id"].as_str().unwrap().bytes().all(|b| b.is_ascii_digit()), "{own}");
    assert!(
        own["login"].as_str().unwrap().starts_with(&format!("AutomationUser_{}_", services[0]))
    );
    assert_eq!(app.get("/2.0/users/usr_alice").await.json()["id"], json!("usr_alice"));
}

#[tokio::test]
async fn k39_fields_that_no_user_has_are_passed_over_everywhere() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, SMALL).await;
    let new = json!({"name": "Ned", "is_platform_access_only": true});
    let query = "fields=sha1,name,folder_upload_email,,%20name";
    let made = desk.send(Method::POST, &format!("/2.0/users?{query}"), new).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.json()["id"].clone();
    let expected = json!({"type": "user", "id": id, "name": "Ned"});
    assert_eq!(made.json(), expected);
    let path = format!("/2.0/users/{}?{query}", id.as_str().unwrap());
    assert_eq!(desk.get(&path).await.json(), expected);
    let change = json!({"job_title": "Lord"});
    assert_eq!(desk.send(Method::PUT, &path, change).await.json(), expected);
    let page = desk.get(&format!("/2.0/users?{query}")).await.json();
    assert_eq!(page["entries"][0], expected);
    let me = desk.get(&format!("/2.0/users/me?{query}")).await.json();
    assert_eq!(me.as_object().unwrap().len(), 3, "{me}");
}

#[tokio::test]
async fn k10_a_field_named_ten_thousand_times_is_written_once() {
    let server = TestServer::start().await;
    let desk = Desk::of(&server, SMALL).await;
    let ned = desk.app_user("Ned").await;
    let fields = "name,".repeat(3_000);
    let page = desk.get(&format!("/2.0/users?fields={fields}")).await;
    assert_eq!(page.json()["entries"][0], json!({"type": "user", "id": ned, "name": "Ned"}));
}
