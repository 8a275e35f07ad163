//! Values that service providers spell in another way than usual: what is compared is the value.
use super::*;

const V2: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format";
const V1: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format";

/// `inside` after the issuer.
fn with(xml: &str, inside: &str) -> String {
    xml.replace("</saml:Issuer>", &format!("</saml:Issuer>{inside}"))
}

fn naming(xml: &str, format: &str) -> String {
    with(xml, &format!("<samlp:NameIDPolicy Format=\"{format}\"/>"))
}

#[tokio::test]
async fn k42_white_space_of_typed_attributes_is_collapsed() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let (xml, now) = (server.request().await, server.time("0 s").await);
    let destination = format!("{}/samlp/sp", server.url);
    for asked in [
        xml.replace("ID=\"_r1\"", "ID=\" _r1&#10;\""),
        xml.replace(&now, &format!(" {now}\n")),
        xml.replace(&format!("\"{destination}\""), &format!("\"\t{destination} \"")),
        xml.replace(&format!("\"{ACS}\""), &format!("\" {ACS} \"")),
        xml.replace("Version=", "ForceAuthn=\" false \" IsPassive=\" 0\" Version="),
        xml.replace(
            "Version=",
            "ProtocolBinding=\" urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST \" Version=",
        ),
        naming(&xml, &format!(" {V2}:persistent ")),
    ] {
        assert_ne!(asked, xml);
        let told = Told::read(&by_redirect(&alice, &asked).await, ACS);
        assert_eq!(told.status(), ["Success"], "{asked}");
        assert_eq!(told.response().attribute("InResponseTo"), Some("_r1"));
    }
    for flag in ["yes", "", "TRUE"] {
        let asked = xml.replace("Version=", &format!("IsPassive=\"{flag}\" Version="));
        stays_here(&by_redirect(&alice, &asked).await);
    }
}

#[tokio::test]
async fn k43_formats_are_known_under_the_name_of_either_version() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    for (asked, answered) in [
        (format!("{V2}:unspecified"), format!("{V1}:unspecified")),
        (format!("{V1}:unspecified"), format!("{V1}:unspecified")),
        (format!("{V2}:emailAddress"), format!("{V1}:emailAddress")),
        (format!("{V1}:emailAddress"), format!("{V1}:emailAddress")),
        (format!("{V2}:transient"), format!("{V2}:transient")),
        (String::new(), format!("{V1}:unspecified")),
    ] {
        let told = Told::read(&by_redirect(&alice, &naming(&xml, &asked)).await, ACS);
        assert_eq!(told.name_id().0, answered, "{asked}");
    }
    for unknown in [format!("{V2}:entity"), format!("{V2}:kerberos"), V2.to_owned()] {
        let page = by_redirect(&alice, &naming(&xml, &unknown)).await;
        hears(&page, ACS, ["Requester", "InvalidNameIDPolicy"]);
    }
}

#[tokio::test]
async fn k45_a_time_without_a_zone_is_utc_and_base64_may_be_broken_up() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let now = xml.split("IssueInstant=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let bare = now.trim_end_matches('Z');
    for time in [bare.to_owned(), format!("{bare}.123"), format!("{bare}+00:00")] {
        Told::read(&by_redirect(&alice, &xml.replace(&now, &time)).await, ACS);
    }
    let small = now.replace('T', "t");
    for time in [small, now.replace('T', " ")] {
        stays_here(&by_redirect(&alice, &xml.replace(&now, &time)).await);
    }
    let encoded = STANDARD.encode(&xml);
    let (first, rest) = encoded.split_at(37);
    for broken in
        [format!("{first}\r\n\t {rest} \n"), format!("{first}-{rest}."), format!("\n{encoded}")]
    {
        let form = [("SAMLRequest", broken.as_str()), ("RelayState", "the state")];
        Told::read(&alice.post_form("/samlp/sp", &form).await, ACS);
    }
    let missing = &encoded[1..];
    stays_here(&alice.post_form("/samlp/sp", &[("SAMLRequest", missing)]).await);
}

#[tokio::test]
async fn k54_an_empty_optional_attribute_says_nothing_and_a_relay_state_comes_back_as_it_was() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let empty = xml.replace("Version=", "ProtocolBinding=\"\" Version=");
    assert_eq!(Told::read(&by_redirect(&alice, &empty).await, ACS).status(), ["Success"]);
    let other = xml.replace("Version=", "ProtocolBinding=\"urn:other\" Version=");
    hears(&by_redirect(&alice, &other).await, ACS, ["Requester", "UnsupportedBinding"]);
    let page = alice.open(&format!("/samlp/sp?{}", query(&xml, Some("")))).await;
    assert_eq!(Told::read(&page, ACS).relay_state.as_deref(), Some(""));
    let form = [("SAMLRequest", STANDARD.encode(&xml)), ("RelayState", String::new())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let page = alice.post_form("/samlp/sp", &form).await;
    assert_eq!(Told::read(&page, ACS).relay_state.as_deref(), Some(""));
    let page = alice.open(&format!("/samlp/sp?{}", query(&xml, None))).await;
    assert_eq!(Told::read(&page, ACS).relay_state, None);
}

#[tokio::test]
async fn k55_the_first_class_that_can_be_met_is_the_one_that_is_said() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let asking = |comparison: &str, classes: &[&str]| {
        let all = classes.iter().map(|class| {
            format!("<saml:AuthnContextClassRef>\n urn:oasis:names:tc:SAML:2.0:ac:classes:{class} </saml:AuthnContextClassRef>")
        });
        let all = all.collect::<String>();
        with(
            &xml,
            &format!(
                "<samlp:RequestedAuthnContext{comparison}>{all}</samlp:RequestedAuthnContext>"
            ),
        )
    };
    let by = |word: &str| format!(" Comparison=\"{word}\"");
    for (comparison, classes, said) in [
        (String::new(), &["Password", "PasswordProtectedTransport"][..], "Password"),
        (by("exact"), &["PasswordProtectedTransport", "Password"], "PasswordProtectedTransport"),
        (by(""), &["unspecified", "Password"], "unspecified"),
        (by("exact"), &["X509", "Password", "PasswordProtectedTransport"], "Password"),
        (by("maximum"), &["Password", "PasswordProtectedTransport"], "PasswordProtectedTransport"),
        (by("minimum"), &["unspecified", "Password"], "PasswordProtectedTransport"),
    ] {
        let told = Told::read(&by_redirect(&alice, &asking(&comparison, classes)).await, ACS);
        assert!(told.context().ends_with(&format!(":{said}")), "{classes:?} {}", told.context());
    }
    let better = asking(&by("better"), &["Password", "unspecified"]);
    hears(&by_redirect(&alice, &better).await, ACS, ["Responder", "NoAuthnContext"]);
    let page = by_redirect(&alice, &asking(&by("best"), &["Password"])).await;
    stays_here(&page);
    assert!(page.body.contains("(Comparison)"), "{}", page.body);
}

#[tokio::test]
async fn k56_an_id_in_any_script_and_a_slash_at_the_end_are_taken() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let told = Told::read(&by_redirect(&alice, &xml.replace("\"_r1\"", "\"_ü\"")).await, ACS);
    assert_eq!(told.response().attribute("InResponseTo"), Some("_ü"));
    let own = format!("Destination=\"{}/samlp/sp\"", server.url);
    let slash = xml.replace(&own, &format!("Destination=\"{}/samlp/sp/\"", server.url));
    let path = |path: &str| format!("{path}?{}", query(&slash, None));
    for at in ["/samlp/sp/", "/samlp/sp", "/samlp/"] {
        Told::read(&alice.open(&path(at)).await, ACS);
    }
    for (at, status) in [
        ("/samlp/metadata/", 200),
        ("/samlp/metadata/sp/", 200),
        ("/samlp/sp/logout/", 302),
        ("/samlp/logout/", 302),
        ("/wsfed/", 400),
        ("/wsfed/shop-wsfed/", 400),
        ("/wsfed/FederationMetadata/2007-06/FederationMetadata.xml/", 200),
        ("/samlp/sp//", 404),
    ] {
        assert_eq!(alice.open(at).await.status, status, "{at}");
    }
}

#[tokio::test]
async fn k50_a_signature_in_another_form_is_not_called_a_foreign_one() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let good = enveloped(&server.request().await, &PROVIDER);
    let exclusive = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    let short = good.replacen(exclusive, "", 1);
    assert_ne!(short, good);
    let page = by_post(&alice, &short).await;
    stays_here(&page);
    assert!(page.body.contains("in a form that is not accepted here"), "{}", page.body);
    let page = by_post(&alice, &enveloped(&server.request().await, &STRANGER)).await;
    assert!(page.body.contains("is not the application&#39;s"), "{}", page.body);
}
