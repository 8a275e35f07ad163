//! What service providers ask, and how: bindings, addresses, times.
use super::*;

#[tokio::test]
async fn a_user_signs_in_by_either_binding() {
    let server = start("").await;
    let xml = server.request().await;
    let browser = server.browser();
    let redirected = by_redirect(&browser, &xml).await;
    assert_eq!(redirected.status, 302, "{}", redirected.body);
    let login = browser.open(redirected.location()).await;
    let back = browser.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    let told = Told::read(&browser.open(back.location()).await, ACS);
    assert_eq!(told.name_id().1, "usr_alice");
    assert_eq!(told.response().attribute("InResponseTo"), Some("_r1"));
    assert_eq!(told.relay_state.as_deref(), Some("the state"));
    // Now with a session; what comes by POST may be deflated or not.
    let told = Told::read(&by_post(&browser, &xml).await, ACS);
    assert_eq!(told.name_id().1, "usr_alice");
    let encoded = STANDARD.encode(deflate(&xml));
    let page = browser.post_form("/samlp/sp", &[("SAMLRequest", &encoded)]).await;
    let told = Told::read(&page, ACS);
    assert_eq!(told.relay_state, None);
}

#[tokio::test]
async fn a_posted_request_survives_the_sign_in() {
    let server = start("").await;
    let browser = server.browser();
    // Browsers send no cookie along with a form from elsewhere.
    let page = by_post(&browser, &server.request().await).await;
    assert_eq!(page.status, 303, "{}", page.body);
    let page = browser.open(page.location()).await;
    let login = browser.open(page.location()).await;
    let back = browser.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    let told = Told::read(&browser.open(back.location()).await, ACS);
    assert_eq!(told.response().attribute("InResponseTo"), Some("_r1"));
    assert_eq!(told.relay_state.as_deref(), Some("the state"));
}

#[tokio::test]
async fn one_address_serves_all_applications_by_their_issuer() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await.replace("/samlp/sp\"", "/samlp\"");
    let page = alice.open(&format!("/samlp?{}", query(&xml, None))).await;
    assert_eq!(
        Told::read(&page, ACS).text(&["Conditions", "AudienceRestriction", "Audience"]),
        ENTITY
    );
    let unknown = xml.replace(ENTITY, "urn:test:nobody");
    stays_here(&alice.open(&format!("/samlp?{}", query(&unknown, None))).await);
    stays_here(&alice.open("/samlp?RelayState=x").await);
}

#[tokio::test]
async fn d01_answers_go_to_registered_addresses_only_signed_or_not() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    for url in [
        "https://evil.example/acs",
        "http://127.0.0.1:9/acs/",
        "http://127.0.0.1:9/ACS",
        "http://127.0.0.1:9/acs?a=1",
        "http://127.0.0.1:9/acs#x",
        "http://127.0.0.1:9@evil.example/acs",
        "http://127.0.0.1:9/legacy-saml",
        "javascript:alert(1)",
        "",
    ] {
        let asked = xml.replace(&format!("\"{ACS}\""), &format!("\"{url}\""));
        stays_here(&by_redirect(&alice, &asked).await);
        stays_here(&by_post(&alice, &asked).await);
        let signed = signed_query(&asked, None, &PROVIDER);
        stays_here(&alice.open(&format!("/samlp/sp?{signed}")).await);
        stays_here(&by_post(&alice, &enveloped(&asked, &PROVIDER)).await);
    }
    let second = xml.replace(&format!("\"{ACS}\""), &format!("\"{SECOND_ACS}\""));
    let told = Told::read(&by_redirect(&alice, &second).await, SECOND_ACS);
    assert_eq!(told.response().attribute("Destination"), Some(SECOND_ACS));
    let data = told.at(&["Subject", "SubjectConfirmation", "SubjectConfirmationData"]);
    assert_eq!(data.attribute("Recipient"), Some(SECOND_ACS));
}

#[tokio::test]
async fn d02_an_index_is_of_one_address_and_never_of_another_in_its_place() {
    let server = start(", acs_indexes: [7, 3]").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let by_url = format!("AssertionConsumerServiceURL=\"{ACS}\"");
    let by_index =
        |index: &str| xml.replace(&by_url, &format!("AssertionConsumerServiceIndex=\"{index}\""));
    // White space of a number is none of its value (K-42).
    for (index, acs) in [("7", ACS), ("3", SECOND_ACS), (" 3", SECOND_ACS), ("&#9;07 ", ACS)] {
        Told::read(&by_redirect(&alice, &by_index(index)).await, acs);
    }
    for index in ["0", "1", "-1", "+3", "03x", "3 3", "65536", "99999999999999999999", ""] {
        stays_here(&by_redirect(&alice, &by_index(index)).await);
    }
    let both = xml.replace(&by_url, &format!("{by_url} AssertionConsumerServiceIndex=\"7\""));
    stays_here(&by_redirect(&alice, &both).await);
    let none = xml.replace(&by_url, "");
    Told::read(&by_redirect(&alice, &none).await, ACS);
}

#[tokio::test]
async fn addresses_without_indexes_are_counted_from_nought() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let by_url = format!("AssertionConsumerServiceURL=\"{ACS}\"");
    for (index, acs) in [("0", ACS), ("1", SECOND_ACS)] {
        let by_index = format!("AssertionConsumerServiceIndex=\"{index}\"");
        Told::read(&by_redirect(&alice, &xml.replace(&by_url, &by_index)).await, acs);
    }
}

#[tokio::test]
async fn d14_what_is_deflated_has_an_end_and_a_size() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let sent = |bytes: &[u8]| format!("/samlp/sp?SAMLRequest={}", escaped(&STANDARD.encode(bytes)));
    let good = deflate(&xml);
    Told::read(&alice.open(&sent(&good)).await, ACS);
    let bomb = deflate(&" ".repeat(50_000_000));
    assert!(bomb.len() < 64 * 1024);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(xml.as_bytes()).unwrap();
    let trailing = [&good[..], b"x"].concat();
    let cut = &good[..good.len() - 1];
    for wrong in [&bomb[..], &zlib.finish().unwrap(), &trailing, cut, xml.as_bytes(), b"", b"\0"] {
        let page = alice.open(&sent(wrong)).await;
        assert_eq!(page.status, 400, "{}", page.body);
        stays_here(&page);
    }
    let posted = STANDARD.encode(&bomb);
    stays_here(&alice.post_form("/samlp/sp", &[("SAMLRequest", &posted)]).await);
}

#[tokio::test]
async fn d19_a_request_is_of_now_within_five_minutes() {
    let server = start("").await;
    let alice = server.alice().await;
    let (xml, now) = (server.request().await, server.time("0 s").await);
    for ahead in ["3 minutes", "-3 minutes"] {
        let asked = xml.replace(&now, &server.time(ahead).await);
        Told::read(&by_redirect(&alice, &asked).await, ACS);
    }
    for ahead in ["10 minutes", "-10 minutes"] {
        let asked = xml.replace(&now, &server.time(ahead).await);
        stays_here(&by_redirect(&alice, &asked).await);
    }
    for wrong in [
        xml.replace(&format!("IssueInstant=\"{now}\""), ""),
        xml.replace(&now, "yesterday"),
        xml.replace(&now, ""),
    ] {
        stays_here(&by_redirect(&alice, &wrong).await);
    }
}

#[tokio::test]
async fn d20_a_request_says_that_it_is_meant_for_us() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let destination = format!(" Destination=\"{}/samlp/sp\"", server.url);
    let none = xml.replace(&destination, "");
    assert_ne!(none, xml);
    Told::read(&by_redirect(&alice, &none).await, ACS);
    stays_here(&alice.open(&format!("/samlp/sp?{}", signed_query(&none, None, &PROVIDER))).await);
    stays_here(&by_post(&alice, &enveloped(&none, &PROVIDER)).await);
    // An empty one says nothing (K-54).
    let empty = xml.replace(&destination, " Destination=\"\"");
    Told::read(&by_redirect(&alice, &empty).await, ACS);
    stays_here(&alice.open(&format!("/samlp/sp?{}", signed_query(&empty, None, &PROVIDER))).await);
    for other in ["https://other.example/samlp/sp", "http://127.0.0.1:1/samlp/legacy-saml"] {
        let asked = xml.replace(&destination, &format!(" Destination=\"{other}\""));
        stays_here(&by_redirect(&alice, &asked).await);
        let signed = signed_query(&asked, None, &PROVIDER);
        stays_here(&alice.open(&format!("/samlp/sp?{signed}")).await);
    }
}

#[tokio::test]
async fn d21_a_replayed_request_signs_nobody_in_and_each_answer_names_its_own() {
    let server = start(&signed()).await;
    let path = format!("/samlp/sp?{}", signed_query(&server.request().await, None, &PROVIDER));
    let first = Told::read(&server.alice().await.open(&path).await, ACS);
    // Somebody else's browser has to sign in as ever, and gets an assertion of its own.
    let other = server.browser();
    let page = other.open(&path).await;
    assert_eq!(page.status, 302);
    assert!(page.location().starts_with("/login"), "{}", page.location());
    other.sign_in("bob@acme.test", "bob-password").await;
    let second = Told::read(&other.open(&path).await, ACS);
    assert_eq!(second.name_id().1, "auth0|bob");
    for told in [&first, &second] {
        assert_eq!(told.response().attribute("InResponseTo"), Some("_r1"));
    }
    assert_ne!(first.response().attribute("ID"), second.response().attribute("ID"));
    assert_ne!(first.assertion().attribute("ID"), second.assertion().attribute("ID"));
}

#[tokio::test]
async fn d29_a_relay_state_is_carried_and_never_followed() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let long = "x".repeat(2048);
    for state in
        ["javascript:alert(1)", "https://evil.example/", "\"><script>x</script>", "ünï", &long]
    {
        let page = alice.open(&format!("/samlp/sp?{}", query(&xml, Some(state)))).await;
        assert_eq!(Told::read(&page, ACS).relay_state.as_deref(), Some(state));
        assert!(!page.body.contains("<script>x"), "{}", page.body);
    }
    let page = alice.open(&format!("/samlp/sp?{}", query(&xml, None))).await;
    assert_eq!(Told::read(&page, ACS).relay_state, None);
    for state in ["x".repeat(2049), "x".repeat(20_000)] {
        stays_here(&alice.open(&format!("/samlp/sp?{}", query(&xml, Some(&state)))).await);
        let encoded = STANDARD.encode(&xml);
        let form = [("SAMLRequest", encoded.as_str()), ("RelayState", &state)];
        stays_here(&alice.post_form("/samlp/sp", &form).await);
    }
}

#[tokio::test]
async fn d30_a_disabled_application_gets_nothing() {
    let server = start(", idp_initiated: true").await;
    let alice = server.alice().await;
    // Not asked before: what was is remembered for a second.
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'sp'").await;
    stays_here(&by_redirect(&alice, &server.request().await).await);
    stays_here(&alice.open("/samlp/sp").await);
    assert_eq!(alice.open("/samlp/metadata/sp").await.status, 404);
    let body = serde_json::json!({
        "protocol": "samlp", "impersonator_id": "usr_sam", "client_id": "sp",
    });
    assert_eq!(server.ask("usr_alice", body).await.status, 403);
}

#[tokio::test]
async fn d31_who_starts_here_needs_the_applications_leave_and_gets_to_its_first_address() {
    let server = start("").await;
    let alice = server.alice().await;
    stays_here(&alice.open("/samlp/sp").await);
    stays_here(&alice.open("/samlp/sp?RelayState=x").await);
    let server = start(", idp_initiated: true").await;
    let alice = server.alice().await;
    let path = format!(
        "/samlp/sp?RelayState={}&AssertionConsumerServiceURL={}&acs={}",
        escaped("https://evil.example/"),
        escaped(SECOND_ACS),
        escaped(SECOND_ACS)
    );
    let told = Told::read(&alice.open(&path).await, ACS);
    assert_eq!(told.response().attribute("InResponseTo"), None);
    assert!(!told.xml.contains("InResponseTo"));
    assert_eq!(told.relay_state.as_deref(), Some("https://evil.example/"));
    // Nobody is signed in: by way of the sign-in page.
    let browser = server.browser();
    let page = browser.open("/samlp/sp?RelayState=x").await;
    let login = browser.open(page.location()).await;
    let back = browser.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    let told = Told::read(&browser.open(back.location()).await, ACS);
    assert_eq!(told.relay_state.as_deref(), Some("x"));
    stays_here(&alice.open("/samlp/sp?RelayState=a&RelayState=b").await);
}

#[tokio::test]
async fn d41_bindings_that_are_not_offered_are_refused() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    for binding in ["HTTP-Artifact", "PAOS", "HTTP-Redirect", "SOAP", "nonsense"] {
        let asked = xml.replace(
            " Version=",
            &format!(
                " ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" Version="
            ),
        );
        hears(&by_redirect(&alice, &asked).await, ACS, ["Requester", "UnsupportedBinding"]);
    }
    let post = xml.replace(
        " Version=",
        " ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Version=",
    );
    Told::read(&by_redirect(&alice, &post).await, ACS);
    let soap = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{xml}</s:Body></s:Envelope>"
    );
    stays_here(&by_post(&alice, &soap).await);
    assert_eq!(alice.open("/samlp/sp/artifact").await.status, 404);
    assert_eq!(alice.open("/samlp/sp?SAMLart=AAQAAA").await.status, 400);
    let put = alice.send(alice.request(reqwest::Method::PUT, "/samlp/sp")).await;
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, HEAD, POST")));
}

#[tokio::test]
async fn what_is_no_request_of_the_application_is_refused() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let changed = |from: &str, to: &str| {
        let text = xml.replace(from, to);
        assert_ne!(text, xml, "{from}");
        text
    };
    for wrong in [
        changed("Version=\"2.0\"", "Version=\"1.1\""),
        changed(" Version=\"2.0\"", ""),
        changed(" ID=\"_r1\"", ""),
        changed("ID=\"_r1\"", "ID=\"1\""),
        changed("ID=\"_r1\"", "ID=\"a b\""),
        changed("ID=\"_r1\"", &format!("ID=\"_{}\"", "r".repeat(300))),
        changed(ENTITY, "urn:test:legacy-saml"),
        changed(&format!("<saml:Issuer>{ENTITY}</saml:Issuer>"), ""),
        changed("</saml:Issuer>", "</saml:Issuer><saml:Issuer>urn:test:sp</saml:Issuer>"),
        changed("AuthnRequest", "LogoutRequest"),
        changed("<saml:Issuer>", "<saml:Issuer Format=\"urn:x\">"),
        changed(" Version=", " ForceAuthn=\"yes\" Version="),
        changed(" Version=", " IsPassive=\"\" Version="),
    ] {
        stays_here(&by_redirect(&alice, &wrong).await);
    }
    let subject = "</saml:Issuer><saml:Subject><saml:NameID>usr_alice</saml:NameID></saml:Subject>";
    let named = by_redirect(&alice, &changed("</saml:Issuer>", subject)).await;
    hears(&named, ACS, ["Requester", "RequestUnsupported"]);
    let path = format!("/samlp/orders?{}", query(&xml, None));
    assert_eq!(alice.open(&path).await.status, 404);
    stays_here(&alice.open(&format!("/samlp/sp?{}&SAMLEncoding=urn:x", query(&xml, None))).await);
}
