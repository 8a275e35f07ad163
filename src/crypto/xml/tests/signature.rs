//! Signatures that are valid and still not accepted, and the other way about.
use super::super::*;
use super::support::*;
use crate::crypto::certificate::PublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra_keys::loader::load_hmac_key;

const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// Our template with one thing changed, signed by the partner: a real signature, and refused.
fn refused(from: &str, to: &str, reason: XmlError) {
    let template = template("_r1");
    let changed = template.replace(from, to);
    assert_ne!(changed, template, "{from} is not in the template");
    let xml = forge(&message(REQUEST, "_r1", &changed));
    assert!(naive(&xml), "the partner's own signature: {to}");
    assert_eq!(accept(&xml), Err(reason), "{to}");
}

fn signed_with(method: &str, digest: &str) -> String {
    let template = template("_r1").replace(RSA_SHA256, method).replace(SHA256, digest);
    forge(&message(REQUEST, "_r1", &template))
}

#[test]
fn d06_a_digest_with_sha_1_is_refused() {
    refused(SHA256, "http://www.w3.org/2000/09/xmldsig#sha1", XmlError::Algorithm);
}

#[test]
fn d06_methods_outside_the_list_are_refused() {
    // Valid ones are tried in `tests/it/xml`: nothing here would make them.
    let refused_methods = [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha224",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#RSA-SHA256",
        "",
    ];
    for method in refused_methods {
        let xml = signed_request().replace(RSA_SHA256, method);
        assert_eq!(accept(&xml), Err(XmlError::Algorithm), "{method}");
        let keys = std::slice::from_ref(&PARTNER.public);
        assert_eq!(verify_octets(method, keys, b"x", b"y"), Err(XmlError::Algorithm));
    }
    for digest in ["http://www.w3.org/2001/04/xmldsig-more#md5", "urn:x", ""] {
        let xml = signed_request().replace(SHA256, digest);
        assert_eq!(accept(&xml), Err(XmlError::Algorithm), "{digest}");
    }
}

#[test]
fn d06_longer_hashes_of_the_same_family_are_accepted() {
    for (method, digest) in [
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", SHA256),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", SHA256),
        (RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#sha384"),
        (RSA_SHA256, "http://www.w3.org/2001/04/xmlenc#sha512"),
    ] {
        assert_eq!(accept(&signed_with(method, digest)), Ok(()), "{method} {digest}");
    }
}

#[test]
fn d06_a_mac_keyed_with_the_public_key_is_refused() {
    let hmac = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
    let template = template("_r1").replace(RSA_SHA256, hmac);
    for secret in [PARTNER.public.spki(), &PARTNER.certificate] {
        let key = load_hmac_key(secret).unwrap();
        let xml = forge_with(&message(REQUEST, "_r1", &template), key);
        assert_eq!(accept(&xml), Err(XmlError::Algorithm));
    }
    let length = "<ds:HMACOutputLength>8</ds:HMACOutputLength>";
    let method = format!("<ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"/>");
    let longer =
        format!("<ds:SignatureMethod Algorithm=\"{RSA_SHA256}\">{length}</ds:SignatureMethod>");
    refused(&method, &longer, XmlError::SignatureShape);
}

#[test]
fn d06_other_transforms_and_canonicalisations_are_refused() {
    let c14n = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
    let transform = format!("<ds:Transform Algorithm=\"{c14n}\"/>");
    refused(EXCLUSIVE, &transform, XmlError::Algorithm);
    let method =
        "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    refused(
        method,
        &method.replace("http://www.w3.org/2001/10/xml-exc-c14n#", c14n),
        XmlError::Algorithm,
    );
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">\
                 <ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>";
    refused(ENVELOPED, xpath, XmlError::SignatureShape);
    refused(EXCLUSIVE, &format!("{xpath}{EXCLUSIVE}"), XmlError::SignatureShape);
    refused(EXCLUSIVE, "", XmlError::SignatureShape);
    for uri in
        ["http://www.w3.org/TR/1999/REC-xslt-19991116", "http://www.w3.org/2000/09/xmldsig#base64"]
    {
        let transform = format!("<ds:Transform Algorithm=\"{uri}\"/>");
        for from in [ENVELOPED, EXCLUSIVE] {
            let unsigned =
                template("_r1").replace(from, &transform).replace("<ds:DigestValue/>", DIGEST);
            let xml = message(REQUEST, "_r1", &unsigned.replace("<ds:SignatureValue/>", VALUE));
            assert_eq!(accept(&xml), Err(XmlError::Algorithm), "{uri}");
        }
    }
}

const DIGEST: &str =
    "<ds:DigestValue>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</ds:DigestValue>";
const VALUE: &str = "<ds:SignatureValue>AAAA</ds:SignatureValue>";

#[test]
fn d06_prefixes_may_be_kept_by_exclusive_canonicalisation() {
    let keep = |prefixes: &str| {
        format!(
            "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"><ec:InclusiveNamespaces \
             xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{prefixes}\"/></ds:Transform>"
        )
    };
    let signed = |prefixes| {
        forge(&message(REQUEST, "_r1", &template("_r1").replace(EXCLUSIVE, &keep(prefixes))))
    };
    assert_eq!(accept(&signed("saml samlp #default xs")), Ok(()));
    assert_eq!(accept(&signed(&"x ".repeat(300))), Err(XmlError::TooMuch));
}

#[test]
fn d08_a_signature_over_something_else_is_refused() {
    refused("URI=\"#_r1\"", "URI=\"\"", XmlError::SignatureShape);
    refused("URI=\"#_r1\"", "URI=\"#xpointer(/)\"", XmlError::SignatureShape);
    refused("URI=\"#_r1\"", "URI=\"#xpointer(id('_r1'))\"", XmlError::SignatureShape);
    refused(" URI=\"#_r1\"", "", XmlError::SignatureShape);
    let part = "<samlp:Extensions ID=\"_part\"/>";
    let xml = forge(&message(REQUEST, "_r1", &format!("{}{part}", template("_part"))));
    assert!(naive(&xml));
    assert_eq!(accept(&xml), Err(XmlError::SignatureShape));
    for uri in ["#_other", "#", "cid:_r1", "_r1", "https://sp.example/#_r1", "#_r1 "] {
        let xml = signed_request().replace("URI=\"#_r1\"", &format!("URI=\"{uri}\""));
        assert_eq!(accept(&xml), Err(XmlError::SignatureShape), "{uri}");
    }
}

#[test]
fn d08_an_id_that_reads_as_a_pointer_is_refused() {
    let xml = forge(&message(REQUEST, "xpointer(/)", &template("xpointer(/)")));
    assert!(naive(&xml));
    assert_eq!(accept(&xml), Err(XmlError::SignatureShape));
}

#[test]
fn d08_a_message_without_an_id_of_its_own_is_not_verified() {
    for id in ["x:ID=\"_r1\"", "xml:id=\"_r1\"", "id=\"_r1\"", ""] {
        let xml = signed_request().replacen("ID=\"_r1\"", &format!("xmlns:x=\"urn:x\" {id}"), 1);
        assert_eq!(accept(&xml), Err(XmlError::SignatureShape), "{id}");
    }
}

#[test]
fn d08_two_references_are_refused() {
    let one = reference("#_r1");
    refused(&one, &format!("{one}{one}"), XmlError::SignatureShape);
    let part = forge(&message(
        REQUEST,
        "_r1",
        &template("_r1")
            .replace(&one, &format!("{one}{}", reference("#_x")))
            .replace("</ds:Signature>", "</ds:Signature><samlp:Extensions ID=\"_x\"/>"),
    ));
    assert!(naive(&part));
    assert_eq!(accept(&part), Err(XmlError::SignatureShape));
    let none = signed_request();
    let from = none.find("<ds:Reference").unwrap();
    let to = none.find("</ds:SignedInfo>").unwrap();
    let none = format!("{}{}", &none[..from], &none[to..]);
    assert_eq!(accept(&none), Err(XmlError::SignatureShape));
}

#[test]
fn d08_two_signatures_are_refused() {
    let signed = signed_request();
    let from = signed.find("<ds:Signature ").unwrap();
    let to = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &signed[from..to];
    let twice = signed.replace(signature, &signature.repeat(2));
    assert_eq!(accept(&twice), Err(XmlError::SignatureShape));
    let elsewhere = signed.replace(
        "<samlp:NameIDPolicy",
        &format!("<samlp:Extensions>{signature}</samlp:Extensions><samlp:NameIDPolicy"),
    );
    assert_eq!(accept(&elsewhere), Err(XmlError::SignatureShape));
}

#[test]
fn d09_two_signed_infos_are_refused() {
    let signed = signed_request();
    let from = signed.find("<ds:SignedInfo>").unwrap();
    let to = signed.find("</ds:SignedInfo>").unwrap() + "</ds:SignedInfo>".len();
    let info = signed[from..to].to_owned();
    let forged = info.replace("_r1", "_evil");
    for both in [format!("{info}{forged}"), format!("{forged}{info}"), format!("{info}{info}")] {
        assert_eq!(accept(&signed.replace(&info, &both)), Err(XmlError::SignatureShape));
    }
    let aside = signed.replace("</ds:SignatureValue>", &format!("</ds:SignatureValue>{forged}"));
    assert_eq!(accept(&aside), Err(XmlError::SignatureShape));
}

#[test]
fn d09_comments_and_markup_in_the_values_of_a_signature_are_refused() {
    let signed = signed_request();
    for element in ["DigestValue", "SignatureValue"] {
        let (open, close) = (format!("<ds:{element}>"), format!("</ds:{element}>"));
        for noise in ["<!---->", "<!--AAAA-->", "<![CDATA[]]>", "<x/>", "=", "&#x20;!"] {
            for changed in [
                signed.replace(&open, &format!("{open}{noise}")),
                signed.replace(&close, &format!("{noise}{close}")),
            ] {
                assert_eq!(accept(&changed), Err(XmlError::SignatureShape), "{element} {noise}");
            }
        }
        // White space is how some wrap their lines.
        let wrapped = signed.replace(&close, &format!(" \n{close}"));
        let reason = if element == "DigestValue" { Err(XmlError::BadSignature) } else { Ok(()) };
        assert_eq!(accept(&wrapped), reason, "SignedInfo is signed with its white space");
    }
    let inside = signed.replace("<ds:SignedInfo>", "<ds:SignedInfo><!-- -->");
    assert_eq!(accept(&inside), Err(XmlError::SignatureShape));
}

#[test]
fn d10_attributes_in_foreign_namespaces_do_not_steer_the_verifier() {
    let signed = signed_request();
    let pollute = |from: &str, to: &str| accept(&signed.replacen(from, to, 1));
    let foreign = "xmlns:x=\"urn:x\" x:Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"";
    for element in ["CanonicalizationMethod", "SignatureMethod", "Transform", "DigestMethod"] {
        let from = format!("<ds:{element} ");
        let outcome = pollute(&from, &format!("{from}{foreign} "));
        assert_eq!(outcome, Err(XmlError::SignatureShape), "{element}");
    }
    let outcome = pollute("<ds:Reference ", "<ds:Reference xmlns:x=\"urn:x\" x:URI=\"#_evil\" ");
    assert_eq!(outcome, Err(XmlError::SignatureShape));
}

#[test]
fn d10_a_digest_of_nothing_is_refused() {
    let nothing = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, b""));
    let value = format!("<ds:DigestValue>{nothing}</ds:DigestValue>");
    let xml = message(REQUEST, "_r1", &template("_r1").replace("<ds:DigestValue/>", &value));
    // The signer leaves a digest that is there and signs it.
    let xml = forge(&xml);
    assert!(xml.contains(&nothing));
    assert_eq!(accept(&xml), Err(XmlError::SignatureShape));
}

#[test]
fn d36_without_a_registered_key_nothing_is_verified() {
    let document = open(&signed_request()).unwrap();
    assert_eq!(verify(&document, &[], REQUEST).err(), Some(XmlError::NoKey));
    let method = SignatureMethod::RsaSha256.uri();
    assert_eq!(verify_octets(method, &[], b"x", b"y"), Err(XmlError::NoKey));
}

#[test]
fn d03_an_unsigned_message_is_not_verified() {
    assert_eq!(accept(&request()), Err(XmlError::NotSigned));
    assert!(!is_signed(&open(&request()).unwrap()));
}

#[test]
fn d04_a_signature_is_seen_wherever_it_is() {
    let hidden = message(
        REQUEST,
        "_r1",
        &format!("<samlp:Extensions><s:Signature xmlns:s=\"{DS}\"/></samlp:Extensions>"),
    );
    let document = open(&hidden).unwrap();
    assert!(is_signed(&document));
    assert_eq!(accept(&hidden), Err(XmlError::SignatureShape));
}

#[test]
fn d34_either_of_two_registered_keys_is_enough() {
    let document = open(&signed_request()).unwrap();
    let (old, new) = (STRANGER.public.clone(), PARTNER.public.clone());
    assert!(verify(&document, &[old.clone(), new.clone()], REQUEST).is_ok());
    assert!(verify(&document, &[new, old.clone()], REQUEST).is_ok());
    assert_eq!(verify(&document, &[old], REQUEST).err(), Some(XmlError::BadSignature));
}

#[test]
fn d08_the_key_in_the_message_counts_for_nothing() {
    let xml = STRANGER
        .signer
        .sign_enveloped(&request(), "ID", "_r1", SignaturePlace::AfterIssuer)
        .unwrap();
    assert!(xml.contains(STRANGER.signer.certificate()), "its key is in it");
    assert_eq!(accept(&xml), Err(XmlError::BadSignature));
}

#[test]
fn d05_a_detached_signature_is_over_the_octets_as_they_came() {
    let octets = b"SAMLRequest=fZ%2b&RelayState=x&SigAlg=http%3A%2F%2F";
    let signature = PARTNER.signer.sign_octets(octets).unwrap();
    let method = PARTNER.signer.method().uri();
    let keys = [STRANGER.public.clone(), PARTNER.public.clone()];
    assert_eq!(verify_octets(method, &keys, octets, &signature), Ok(()));
    let other = b"SAMLRequest=fZ%2B&RelayState=x&SigAlg=http%3A%2F%2F";
    assert_eq!(verify_octets(method, &keys, other, &signature), Err(XmlError::BadSignature));
    assert_eq!(verify_octets(method, &keys, octets, b""), Err(XmlError::BadSignature));
    let sha512 = SignatureMethod::RsaSha512.uri();
    assert_eq!(verify_octets(sha512, &keys, octets, &signature), Err(XmlError::BadSignature));
    let ecdsa = SignatureMethod::EcdsaSha256.uri();
    let keys: &[PublicKey] = &keys;
    assert_eq!(verify_octets(ecdsa, keys, octets, &signature), Err(XmlError::BadSignature));
}
