//! What service providers are told.
use super::*;
use crate::support::xmlsec;

/// Nothing of it is the same twice; each shape is checked where it is hidden.
pub(super) fn pretty(xml: &str, server: &TestServer) -> String {
    let cut = |text: &str, from: &str, to: &str| {
        let start = text.find(from).unwrap();
        let end = start + text[start..].find(to).unwrap() + to.len();
        format!("{}{}", &text[..start], &text[end..])
    };
    let xml = xml.replace(&server.url, "https://idp.example");
    let xml = cut(&xml, "<ds:Signature ", "</ds:Signature>");
    let hidden = hide(
        &hide(&hide(&xml, " ID=\"", is_id), "SessionIndex=\"", is_index),
        "Instant=\"",
        is_time,
    );
    let hidden = ["NotBefore=\"", "OnOrAfter=\""]
        .iter()
        .fold(hidden, |text, name| hide(&text, name, is_time));
    let (mut depth, mut lines) = (0, Vec::new());
    for part in hidden.split('<').skip(1) {
        let closes = part.starts_with('/');
        depth -= usize::from(closes);
        let (tag, text) = part.split_once('>').unwrap();
        if closes && lines.last().is_some_and(|last: &String| !last.ends_with('>')) {
            let last = lines.last_mut().unwrap();
            last.push_str(&format!("<{tag}>"));
        } else {
            lines.push(format!("{}<{tag}>{text}", "  ".repeat(depth)));
        }
        depth += usize::from(!closes && !tag.ends_with('/'));
    }
    lines.join("\n")
}

fn hide(text: &str, name: &str, check: fn(&str) -> &'static str) -> String {
    let mut parts = text.split(name);
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |out, part| {
        let (value, rest) = part.split_once('"').unwrap();
        format!("{out}{name}{}\"{rest}", check(value))
    })
}

fn is_id(value: &str) -> &'static str {
    assert!(value.len() == 33 && value.starts_with('_'), "{value}");
    assert!(value[1..].bytes().all(|b| b.is_ascii_hexdigit()), "{value}");
    "[id]"
}

fn is_index(value: &str) -> &'static str {
    assert!(value.starts_with("grt_"), "{value}");
    "[login]"
}

fn is_time(value: &str) -> &'static str {
    assert!(value.len() == 24 && value.ends_with('Z'), "{value}");
    value.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    "[time]"
}

fn assertion_of(told: &Told) -> String {
    let from = told.xml.find("<saml:Assertion ").unwrap();
    let to = told.xml.find("</saml:Assertion>").unwrap() + "</saml:Assertion>".len();
    told.xml[from..to].to_owned()
}

#[tokio::test]
async fn d28_an_assertion_can_be_read_by_people() {
    let server = start("").await;
    let told = Told::read(&by_redirect(&server.alice().await, &server.request().await).await, ACS);
    insta::assert_snapshot!("an_assertion", pretty(&assertion_of(&told), &server));
}

#[tokio::test]
async fn a59_an_assertion_about_an_impersonated_user_can_be_read_by_people() {
    let server = start(", delegation_restriction: true, name_id_format: persistent").await;
    let body = serde_json::json!({
        "protocol": "samlp", "impersonator_id": "usr_sam", "client_id": "sp",
    });
    let link = server.ask("usr_alice", body).await.body;
    let told = Told::read(&server.browser().get(&link).await, ACS);
    let name = told.name_id().1;
    assert_eq!(name.len(), 43);
    let text = pretty(&assertion_of(&told), &server).replace(&name, "[pairwise]");
    insta::assert_snapshot!("an_assertion_about_an_impersonated_user", text);
}

#[tokio::test]
async fn d18_an_assertion_is_for_one_application_one_request_and_five_minutes() {
    let server = start("").await;
    let told = Told::read(&by_redirect(&server.alice().await, &server.request().await).await, ACS);
    let time = |element: Element<'_>, name: &str| {
        element.required(name).unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    };
    let conditions = told.at(&["Conditions"]);
    let (from, to) = (time(conditions, "NotBefore"), time(conditions, "NotOnOrAfter"));
    let issued = time(told.assertion(), "IssueInstant");
    assert!(from < issued && issued < to && (to - from).num_seconds() <= 300);
    let restrictions = conditions.children().collect::<Vec<_>>();
    assert_eq!(restrictions.len(), 1);
    assert_eq!(restrictions[0].children().count(), 1);
    assert_eq!(told.text(&["Conditions", "AudienceRestriction", "Audience"]), ENTITY);
    let confirmation = told.at(&["Subject", "SubjectConfirmation"]);
    assert_eq!(confirmation.attribute("Method"), Some("urn:oasis:names:tc:SAML:2.0:cm:bearer"));
    let data = told.at(&["Subject", "SubjectConfirmation", "SubjectConfirmationData"]);
    assert_eq!(data.attribute("Recipient"), Some(ACS));
    assert_eq!(data.attribute("InResponseTo"), Some("_r1"));
    assert_eq!(data.attribute("NotBefore"), None);
    assert_eq!(time(data, "NotOnOrAfter"), to);
    assert_eq!(told.response().attribute("Destination"), Some(ACS));
}

#[tokio::test]
async fn d22_a_forced_sign_in_is_a_new_one() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let at =
        |told: &Told| told.at(&["AuthnStatement"]).required("AuthnInstant").unwrap().to_owned();
    let before = at(&Told::read(&by_redirect(&alice, &xml).await, ACS));
    server.db.advance("1 minute").await;
    for value in ["true", "1"] {
        let forced = xml.replace(" Version=", &format!(" ForceAuthn=\"{value}\" Version="));
        let page = by_redirect(&alice, &forced).await;
        assert_eq!(page.status, 302, "{}", page.body);
        let login = alice.open(page.location()).await;
        // Coming back without having signed in leads there again.
        let back = page.location().split("return_to=").nth(1).unwrap();
        let back = percent_encoding::percent_decode_str(back).decode_utf8().unwrap().into_owned();
        assert!(alice.open(&back).await.location().starts_with("/login"));
        let back = alice.sign_in_on(&login, "alice@acme.test", "alice-password").await;
        let after = at(&Told::read(&alice.open(back.location()).await, ACS));
        assert!(after > before, "{after} {before}");
    }
    let unforced = xml.replace(" Version=", " ForceAuthn=\"0\" Version=");
    Told::read(&by_redirect(&alice, &unforced).await, ACS);
}

#[tokio::test]
async fn d23_a_passive_request_asks_nobody_anything() {
    let server = start("").await;
    let passive = server.request().await.replace(" Version=", " IsPassive=\"true\" Version=");
    hears(&by_redirect(&server.browser(), &passive).await, ACS, ["Responder", "NoPassive"]);
    Told::read(&by_redirect(&server.alice().await, &passive).await, ACS);
}

#[tokio::test]
async fn d24_only_what_a_password_meets_is_met() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let asking = |comparison: &str, classes: &[&str]| {
        let classes: String = classes
            .iter()
            .map(|class| {
                format!(
                    "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:{class}</saml:AuthnContextClassRef>"
                )
            })
            .collect();
        let wanted = format!(
            "<samlp:RequestedAuthnContext{comparison}>{classes}</samlp:RequestedAuthnContext>"
        );
        xml.replace("</saml:Issuer>", &format!("</saml:Issuer>{wanted}"))
    };
    let (exact, minimum) = ("", " Comparison=\"minimum\"");
    let (maximum, better) = (" Comparison=\"maximum\"", " Comparison=\"better\"");
    for (comparison, classes, met) in [
        (exact, &["PasswordProtectedTransport"][..], "PasswordProtectedTransport"),
        (" Comparison=\"exact\"", &["Password"], "Password"),
        (exact, &["X509", "Password"], "Password"),
        (exact, &["unspecified"], "unspecified"),
        (minimum, &["Password"], "PasswordProtectedTransport"),
        (maximum, &["Password"], "Password"),
    ] {
        let told = Told::read(&by_redirect(&alice, &asking(comparison, classes)).await, ACS);
        assert!(told.context().ends_with(&format!(":{met}")), "{} {met}", told.context());
    }
    for (comparison, classes) in [
        (exact, &["X509"][..]),
        (exact, &["TimeSyncToken", "MobileTwoFactorContract"]),
        (exact, &["nonsense"]),
        (exact, &[]),
        (minimum, &["X509"]),
        (better, &["Password"]),
        (better, &["PasswordProtectedTransport"]),
    ] {
        let page = by_redirect(&alice, &asking(comparison, classes)).await;
        hears(&page, ACS, ["Responder", "NoAuthnContext"]);
    }
    stays_here(&by_redirect(&alice, &asking(" Comparison=\"any\"", &["Password"])).await);
}

#[tokio::test]
async fn d25_response_and_assertion_are_signed_and_hold_for_themselves() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let told = Told::read(&by_redirect(&alice, &xml).await, ACS);
    let (statements, assertions) = (["AuthnStatement", "AttributeStatement"], 1);
    assert_eq!(told.response().children_named(ASSERTION).count(), assertions);
    for statement in statements {
        let all = told.assertion().children_named(Name::new(SAML, statement)).count();
        assert_eq!(all, 1);
    }
    assert_eq!(told.xml.matches("<ds:Signature ").count(), 2);
    let keys = xmlsec::Keys::of_metadata(&alice.get("/samlp/metadata").await.body);
    keys.verify(&told.xml, &format!("{SAMLP}:Response"));
    keys.verify(&assertion_of(&told), &format!("{SAML}:Assertion"));
    keys.refuse(&told.xml.replace("usr_alice", "usr_ada"), &format!("{SAMLP}:Response"));
    // Without a signature of the Response, the assertion still has its own.
    let server = start(", sign_response: false").await;
    let alice = server.alice().await;
    let told = Told::read(&by_redirect(&alice, &server.request().await).await, ACS);
    assert_eq!(told.xml.matches("<ds:Signature ").count(), 1);
    let keys = xmlsec::Keys::of_metadata(&alice.get("/samlp/metadata").await.body);
    keys.verify(&told.xml, &format!("{SAML}:Assertion"));
    // A no is signed all the same.
    let passive = server.request().await.replace(" Version=", " IsPassive=\"true\" Version=");
    let told = Told::read(&by_redirect(&server.browser(), &passive).await, ACS);
    keys.verify(&told.xml, &format!("{SAMLP}:Response"));
}

#[tokio::test]
async fn d26_an_assertion_for_the_applications_eyes_is_never_sent_in_clear() {
    for algorithm in ["", ", encryption_algorithm: \"http://www.w3.org/2001/04/xmlenc#aes128-cbc\""]
    {
        let certificate = PROVIDER.signer.certificate();
        let server = start(&format!(
            ", encrypt_assertion: true, encryption_certificate: \"{certificate}\"{algorithm}"
        ))
        .await;
        let alice = server.alice().await;
        let told = Told::read(&by_redirect(&alice, &server.request().await).await, ACS);
        assert!(
            !told.xml.contains("<saml:Assertion") && !told.xml.contains("alice"),
            "{}",
            told.xml
        );
        assert!(!told.xml.contains("rsa-1_5") && told.xml.contains("rsa-oaep-mgf1p"));
        let keys = xmlsec::Keys::of_metadata(&alice.get("/samlp/metadata").await.body);
        keys.verify(&told.xml, &format!("{SAMLP}:Response"));
        let clear = xmlsec::decrypt(&told.xml, &PROVIDER.pkcs8);
        let from = clear.find("<saml:Assertion ").unwrap();
        let to = clear.find("</saml:Assertion>").unwrap() + "</saml:Assertion>".len();
        assert!(clear[from..to].contains("usr_alice"));
        keys.verify(&clear[from..to], &format!("{SAML}:Assertion"));
    }
    // A key that is gone is no reason to do without.
    let server = start("").await;
    let broken =
        "UPDATE clients SET saml = saml || '{\"encrypt_assertion\": true}' WHERE id = 'sp'";
    server.db.sql(broken).await;
    let page = by_redirect(&server.alice().await, &server.request().await).await;
    assert_eq!(page.status, 500);
    assert!(!page.body.contains("SAMLResponse"));
}

#[tokio::test]
async fn d16_a_profile_writes_no_markup_into_what_is_signed() {
    let server = start("").await;
    let evil = "</saml:AttributeValue></saml:Attribute><saml:Attribute Name=\"role\">]]>&amp;<!--";
    server.db.sql(&format!("UPDATE users SET name = '{evil}' WHERE id = 'usr_alice'")).await;
    let alice = server.alice().await;
    let told = Told::read(&by_redirect(&alice, &server.request().await).await, ACS);
    let name = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
    assert_eq!(told.attribute(name), [evil]);
    assert!(told.attribute("role").is_empty());
    let keys = xmlsec::Keys::of_metadata(&alice.get("/samlp/metadata").await.body);
    keys.verify(&told.xml, &format!("{SAMLP}:Response"));
    // What XML has no character for is not sent, and the application hears so.
    server.db.sql("UPDATE users SET name = E'a\\x01b' WHERE id = 'usr_alice'").await;
    let page = by_redirect(&alice, &server.request().await).await;
    hears(&page, ACS, ["Responder", "InvalidAttrNameOrValue"]);
}

#[tokio::test]
async fn d40_the_page_that_posts_works_without_scripts_and_leads_to_one_place() {
    let server = start("").await;
    let page = by_redirect(&server.alice().await, &server.request().await).await;
    let policy = page.header("content-security-policy").unwrap();
    // K-14: where the application goes on to is not known here.
    assert!(!policy.contains("form-action") && !policy.contains("unsafe-inline"), "{policy}");
    assert_eq!(page.body.matches("<form").count(), 1);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.form(ACS).body.contains("<button"), "{}", page.body);
    assert!(page.body.contains("127.0.0.1:9"));
}

#[tokio::test]
async fn an_application_of_one_organization_is_for_its_people() {
    let server = start("").await;
    server.db.sql("UPDATE clients SET organization_id = 'org_globex' WHERE id = 'sp'").await;
    let page = by_redirect(&server.alice().await, &server.request().await).await;
    hears(&page, ACS, ["Responder", "RequestDenied"]);
}
