//! Who vouches for a request.
use super::*;
use std::time::{Duration, Instant};

async fn redirected(browser: &Browser, query: &str) -> Page {
    browser.open(&format!("/samlp/sp?{query}")).await
}

#[tokio::test]
async fn d03_without_a_signature_where_one_is_demanded_nothing_is_answered() {
    let server = start(&format!("{}, require_signed_requests: true", signed())).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    stays_here(&by_redirect(&alice, &xml).await);
    stays_here(&by_post(&alice, &xml).await);
    stays_here(&redirected(&alice, &format!("{}&Signature=&SigAlg=", query(&xml, None))).await);
    Told::read(&redirected(&alice, &signed_query(&xml, Some("x"), &PROVIDER)).await, ACS);
    Told::read(&by_post(&alice, &enveloped(&xml, &PROVIDER)).await, ACS);
    stays_here(&redirected(&alice, &signed_query(&xml, None, &STRANGER)).await);
    stays_here(&by_post(&alice, &enveloped(&xml, &STRANGER)).await);
}

#[tokio::test]
async fn d04_a_signature_that_nobody_demands_has_to_verify_all_the_same() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    Told::read(&by_redirect(&alice, &xml).await, ACS);
    Told::read(&redirected(&alice, &signed_query(&xml, None, &PROVIDER)).await, ACS);
    stays_here(&redirected(&alice, &signed_query(&xml, None, &STRANGER)).await);
    stays_here(&by_post(&alice, &enveloped(&xml, &STRANGER)).await);
    let changed = enveloped(&xml, &PROVIDER).replace("Version=", "ForceAuthn=\"false\" Version=");
    stays_here(&by_post(&alice, &changed).await);
    // One inside of what came by redirect counts as well.
    stays_here(&by_redirect(&alice, &changed).await);
}

#[tokio::test]
async fn a_signature_of_an_application_without_a_certificate_is_refused_honestly() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    for page in [
        redirected(&alice, &signed_query(&xml, None, &PROVIDER)).await,
        by_post(&alice, &enveloped(&xml, &PROVIDER)).await,
    ] {
        stays_here(&page);
        assert!(page.body.contains("no certificate to check it with"), "{}", page.body);
    }
}

#[tokio::test]
async fn d05_a_redirect_signature_is_over_the_query_as_it_was_sent() {
    let server = start(&format!("{}, require_signed_requests: true", signed())).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let good = signed_query(&xml, Some("the state/+"), &PROVIDER);
    let told = Told::read(&redirected(&alice, &good).await, ACS);
    assert_eq!(told.relay_state.as_deref(), Some("the state/+"));
    let parts: Vec<&str> = good.split('&').collect();
    let [request, state, algorithm, signature] = parts[..] else { panic!("{good}") };
    // The order in the query is nobody's business; the order in what is signed is.
    Told::read(&redirected(&alice, &[signature, algorithm, state, request].join("&")).await, ACS);
    let sign = |octets: &str| {
        let signature = PROVIDER.signer.sign_octets(octets.as_bytes()).unwrap();
        format!("{octets}&Signature={}", escaped(&STANDARD.encode(signature)))
    };
    // Escapes in lower case are as good as any, if they were signed so.
    let lower = [request, state, algorithm].join("&").replace("%2F", "%2f").replace("%3D", "%3d");
    Told::read(&redirected(&alice, &sign(&lower)).await, ACS);
    let other = escaped(&STANDARD.encode(deflate(&xml.replace("_r1", "_r2"))));
    let spelt = request.replacen("SAMLRequest", "%53AMLRequest", 1);
    let wrong = [
        ("no algorithm", [request, state, signature].join("&")),
        ("no signature", [request, state, algorithm].join("&")),
        ("an empty signature", [request, state, algorithm, "Signature="].join("&")),
        ("another order", sign(&[algorithm, request, state].join("&"))),
        ("other escapes", good.replace("%2F", "%2f").replace("%3D", "%3d")),
        ("a second request", format!("{good}&SAMLRequest={other}")),
        ("a request before", format!("SAMLRequest={other}&{good}")),
        ("the same twice", format!("{request}&{good}")),
        ("another spelling", [&spelt, state, algorithm, signature].join("&")),
        ("a response too", format!("{good}&SAMLResponse={other}")),
        ("no state", [request, algorithm, signature].join("&")),
        ("another state", good.replace("RelayState=the", "RelayState=a")),
        (
            "a state that was not signed",
            format!("{}&RelayState=x", signed_query(&xml, None, &PROVIDER)),
        ),
        (
            "another request",
            [&format!("SAMLRequest={other}"), state, algorithm, signature].join("&"),
        ),
    ];
    for (what, query) in wrong {
        let page = redirected(&alice, &query).await;
        assert_eq!(page.status, 400, "{what}");
        stays_here(&page);
    }
}

#[tokio::test]
async fn d06_weak_and_unknown_algorithms_are_refused() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    for weak in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "none",
        "",
    ] {
        let octets = format!("{}&SigAlg={}", query(&xml, None), escaped(weak));
        let signature = PROVIDER.signer.sign_octets(octets.as_bytes()).unwrap();
        let query = format!("{octets}&Signature={}", escaped(&STANDARD.encode(signature)));
        stays_here(&redirected(&alice, &query).await);
        let inside = enveloped(&xml, &PROVIDER).replace(RSA_SHA256, weak);
        stays_here(&by_post(&alice, &inside).await);
    }
    let good = enveloped(&xml, &PROVIDER);
    for (from, to) in [
        ("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"),
        (
            "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
            "http://www.w3.org/TR/1999/REC-xslt-19991116",
        ),
        (
            "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
            "http://www.w3.org/TR/1999/REC-xpath-19991116",
        ),
        (
            "http://www.w3.org/2001/10/xml-exc-c14n#",
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        ),
    ] {
        let weak = good.replace(from, to);
        assert_ne!(weak, good);
        stays_here(&by_post(&alice, &weak).await);
    }
}

/// The signature of `signed`, and the rest.
fn apart(signed: &str) -> (String, String) {
    let from = signed.find("<ds:Signature ").unwrap();
    let to = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    (signed[from..to].to_owned(), format!("{}{}", &signed[..from], &signed[to..]))
}

#[tokio::test]
async fn d07_a_wrapped_signature_vouches_for_nothing() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let good = enveloped(&xml, &PROVIDER);
    Told::read(&by_post(&alice, &good).await, ACS);
    let (signature, bare) = apart(&good);
    // What the attacker wants read: another message around, before or behind the signed one.
    let evil = bare.replace("ID=\"_r1\"", "ID=\"_evil\"").replace(ACS, SECOND_ACS);
    let (start, end) = ("</saml:Issuer>", "</samlp:AuthnRequest>");
    let into =
        |outer: &str, mark: &str, inner: &str| outer.replacen(mark, &format!("{mark}{inner}"), 1);
    let before_end = |outer: &str, inner: &str| outer.replacen(end, &format!("{inner}{end}"), 1);
    let extended = |inner: &str| format!("<samlp:Extensions>{inner}</samlp:Extensions>");
    let object = format!("<ds:Object>{bare}</ds:Object></ds:Signature>");
    let with_object = signature.replace("</ds:Signature>", &object);
    let shapes = [
        into(
            &evil,
            start,
            &signature.replace(
                "</ds:Signature>",
                &format!("<ds:Object>{good}</ds:Object></ds:Signature>"),
            ),
        ),
        into(&evil, start, &with_object),
        into(&evil, start, &format!("{signature}{}", extended(&bare))),
        into(&evil, start, &extended(&good)),
        before_end(&evil, &format!("{bare}{signature}")),
        before_end(&evil, &good),
        into(&evil, start, &extended(&format!("{signature}{bare}"))),
        into(&good, "</ds:Signature>", &extended(&evil)),
        into(&evil.replace("_evil", "_r1"), start, &signature),
        into(&evil, start, &signature),
        format!("<x>{evil}{good}</x>"),
    ];
    for (nth, wrapped) in shapes.iter().enumerate() {
        let page = by_post(&alice, wrapped).await;
        assert_eq!(page.status, 400, "shape {nth}: {wrapped}");
        stays_here(&page);
    }
}

#[tokio::test]
async fn d08_one_signature_in_its_place_with_one_reference_to_the_message() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let good = enveloped(&server.request().await, &PROVIDER);
    let (signature, bare) = apart(&good);
    let reference = {
        let from = signature.find("<ds:Reference ").unwrap();
        let to = signature.find("</ds:Reference>").unwrap() + "</ds:Reference>".len();
        signature[from..to].to_owned()
    };
    for wrong in [
        good.replace("URI=\"#_r1\"", "URI=\"\""),
        good.replace("URI=\"#_r1\"", "URI=\"#_r2\""),
        good.replace(" URI=\"#_r1\"", ""),
        good.replace(&reference, &format!("{reference}{reference}")),
        good.replace(&signature, &format!("{signature}{signature}")),
        bare.replace("<saml:Issuer>urn:test:sp", &format!("<saml:Issuer>{signature}urn:test:sp")),
        good.replace("<saml:Issuer>", "<saml:Issuer ID=\"_r1\">"),
    ] {
        assert_ne!(wrong, good);
        stays_here(&by_post(&alice, &wrong).await);
    }
}

#[tokio::test]
async fn d09_digests_have_no_comments_and_signatures_one_signed_info() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let good = enveloped(&server.request().await, &PROVIDER);
    let info = {
        let from = good.find("<ds:SignedInfo>").unwrap();
        let to = good.find("</ds:SignedInfo>").unwrap() + "</ds:SignedInfo>".len();
        good[from..to].to_owned()
    };
    for wrong in [
        good.replace("<ds:DigestValue>", "<ds:DigestValue><!--x-->"),
        good.replace("<ds:SignatureValue>", "<ds:SignatureValue><!--x-->"),
        good.replace(&info, &format!("{info}{info}")),
        good.replace(
            "<ds:SignatureValue>",
            &format!("<ds:Object>{info}</ds:Object><ds:SignatureValue>"),
        ),
    ] {
        assert_ne!(wrong, good);
        stays_here(&by_post(&alice, &wrong).await);
    }
}

#[tokio::test]
async fn d12_documents_with_types_entities_or_instructions_are_refused() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let file = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";
    for wrong in [
        format!("{file}{}", xml.replace(ENTITY, "&e;")),
        format!("<!DOCTYPE samlp:AuthnRequest SYSTEM \"http://127.0.0.1:9/x.dtd\">{xml}"),
        format!("<!DOCTYPE x [<!ENTITY % p SYSTEM \"http://127.0.0.1:9/p\"> %p;]>{xml}"),
        format!("<?xml-stylesheet href=\"http://127.0.0.1:9/x.xsl\"?>{xml}"),
        xml.replace(
            "</saml:Issuer>",
            "</saml:Issuer><xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/passwd\"/>",
        ),
    ] {
        stays_here(&by_redirect(&alice, &wrong).await);
        stays_here(&by_post(&alice, &wrong).await);
    }
}

#[tokio::test]
async fn d13_bombs_are_refused_at_once() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let laughs = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]>";
    let declared: String = (0..5_000).map(|n| format!(" xmlns:n{n}=\"urn:{n}\"")).collect();
    let attributes: String = (0..10_000).map(|n| format!(" a{n}=\"\"")).collect();
    for bomb in [
        format!("{laughs}{}", xml.replace(ENTITY, "&b;")),
        xml.replace(" Version=", &format!("{attributes} Version=")),
        xml.replace(" Version=", &format!("{declared} Version=")),
        xml.replace(
            "</samlp:",
            &format!("{}{}</samlp:", "<a>".repeat(20_000), "</a>".repeat(20_000)),
        ),
        xml.replace("</samlp:", &format!("{}</samlp:", " ".repeat(300_000))),
    ] {
        let begun = Instant::now();
        stays_here(&by_redirect(&alice, &bomb).await);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
    let much = "x".repeat(50_000_000);
    let sent =
        alice.request(reqwest::Method::POST, "/samlp/sp").body(format!("SAMLRequest={much}"));
    // Either an answer, or a connection that is closed before all is sent.
    if let Ok(answer) = sent.send().await {
        assert!((400..500).contains(&answer.status().as_u16()));
    }
}

#[tokio::test]
async fn d15_markup_inside_of_a_name_is_refused() {
    let server = start(&signed()).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    for name in [
        "urn:test:sp<!---->.evil",
        "urn:test<!---->:sp",
        "<![CDATA[urn:test:sp]]>",
        "urn:test:sp<x/>",
    ] {
        let asked = xml.replace(ENTITY, name);
        stays_here(&by_redirect(&alice, &asked).await);
        stays_here(&by_post(&alice, &enveloped(&asked, &PROVIDER)).await);
    }
}

#[tokio::test]
async fn d34_old_and_new_certificate_count_until_the_old_one_is_removed() {
    let (old, new) = (PROVIDER.signer.certificate(), STRANGER.signer.certificate());
    let server = start(&format!(", certificates: [\"{old}\", \"{new}\"]")).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    for key in [&*PROVIDER, &*STRANGER] {
        Told::read(&redirected(&alice, &signed_query(&xml, None, key)).await, ACS);
        Told::read(&by_post(&alice, &enveloped(&xml, key)).await, ACS);
    }
    let server = start(&format!(", certificates: [\"{new}\"]")).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    stays_here(&redirected(&alice, &signed_query(&xml, None, &PROVIDER)).await);
    Told::read(&redirected(&alice, &signed_query(&xml, None, &STRANGER)).await, ACS);
}
