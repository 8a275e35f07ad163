//! Search, filters, pages.
use super::signed_in;
use crate::support::{Browser, TestServer};

/// The ids that a list shows, in order.
async fn ids(browser: &Browser, query: &str) -> Vec<String> {
    let page = browser.open(&format!("/console/users{query}")).await;
    assert_eq!(page.status, 200, "{query}: {}", page.body);
    let links = page.body.split("<a class=\"person\" href=\"/console/users/").skip(1);
    links.map(|rest| rest.split('"').next().unwrap().replace("%7C", "|")).collect()
}

#[tokio::test]
async fn people_are_found_by_part_of_name_address_or_id_in_any_case() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    for (text, expected) in [
        ("chen", vec!["usr_alice"]),
        ("ALICE%40AC", vec!["usr_alice"]),
        ("h0%7Cbo", vec!["auth0|bob"]),
        ("usr_car", vec!["usr_carol"]),
        ("okafor%20bob", vec!["auth0|bob"]),
        ("okafor+alice", vec![]),
        // One or two letters where a word begins.
        ("ok", vec!["auth0|bob"]),
        ("kaf", vec!["auth0|bob"]),
        ("ka", vec![]),
        ("%20%20chen%20", vec!["usr_alice"]),
    ] {
        assert_eq!(ids(&sam, &format!("?q={text}")).await, expected, "{text}");
    }
}

#[tokio::test]
async fn h33_a_search_is_taken_literally_and_a_long_one_refused() {
    let server = TestServer::start().await;
    let sql =
        "UPDATE users SET name = '100% % \\ _sure\\ (.*) '' OR 1=1 --' WHERE id = 'usr_carol'";
    server.db.sql(sql).await;
    let sam = signed_in(&server, "sam").await;
    for text in ["%25", "_sure", "%5C", "00%25", "(.*)", "%27", "%27+OR", "1%3D1", "--", "re%5C"] {
        assert_eq!(ids(&sam, &format!("?q={text}")).await, ["usr_carol"], "{text}");
    }
    for text in ["a%25e", "a_ice", "%5C%5C", ".*e", "%00"] {
        let page = sam.open(&format!("/console/users?q={text}")).await;
        assert!(!page.body.contains("class=\"person\""), "{text}");
    }
    let fits = "x".repeat(256);
    assert!(ids(&sam, &format!("?q={fits}")).await.is_empty());
    for longer in [257, 10_000] {
        let page = sam.open(&format!("/console/users?q={}", "x".repeat(longer))).await;
        assert_eq!(page.status, 400, "{longer}");
    }
}

#[tokio::test]
async fn filters_narrow_and_staff_of_an_organization_find_their_own() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    assert_eq!(ids(&sam, "?status=inactive").await, ["usr_left"]);
    assert_eq!(ids(&sam, "?organization=org_globex").await, ["usr_carol"]);
    assert_eq!(ids(&sam, "?role=admin").await, ["usr_ada"]);
    assert_eq!(ids(&sam, "?role=support&organization=org_acme&q=ri").await, ["usr_riley"]);
    assert_eq!(ids(&sam, "?role=nothing").await, Vec::<String>::new());
    let riley = signed_in(&server, "riley").await;
    let mut theirs = ids(&riley, "").await;
    theirs.sort_unstable();
    let acme =
        "SELECT string_agg(id, ' ' ORDER BY id) FROM users WHERE organization_id = 'org_acme'";
    assert_eq!(theirs.join(" "), server.db.text(acme).await);
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap() {
    let server = TestServer::start().await;
    let sql = "INSERT INTO users (id, name, email, email_canonical) \
               SELECT 'many_' || n, 'Twin ' || n / 3, n || '@many.test', n || '@many.test' \
               FROM generate_series(1, 120) AS n";
    server.db.sql(sql).await;
    let sam = signed_in(&server, "sam").await;
    let mut seen = Vec::new();
    let mut path = "/console/users?q=twin".to_owned();
    loop {
        let query = path.strip_prefix("/console/users").unwrap().to_owned();
        seen.extend(ids(&sam, &query).await);
        let page = sam.open(&path).await;
        let Some(next) =
            page.body.split("rel=\"next\"").next().filter(|_| page.body.contains("rel=\"next\""))
        else {
            break;
        };
        path =
            next.rsplit("href=\"").next().unwrap().split('"').next().unwrap().replace("&#38;", "&");
    }
    assert_eq!(seen.len(), 120);
    let sorted =
        "SELECT string_agg(id, ' ' ORDER BY sort_key, id) FROM users WHERE name LIKE 'Twin%'";
    assert_eq!(seen.join(" "), server.db.text(sorted).await);
}

#[tokio::test]
async fn a_name_of_any_length_and_kind_is_found_and_sorted() {
    let server = TestServer::start().await;
    let sql = "INSERT INTO users (id, name) VALUES ('usr_long', repeat('Ä', 5000) || 'ende'), ('usr_none', '')";
    server.db.sql(sql).await;
    let sam = signed_in(&server, "sam").await;
    assert_eq!(ids(&sam, "?q=ende").await, ["usr_long"]);
    assert_eq!(ids(&sam, "?q=usr_none").await, ["usr_none"]);
}
