//! The eight classical shapes of signature wrapping, on every message that we take.
//!
//! In each the signature is valid, over the message that the partner did sign, while the outermost element,
//! which a careless reader takes, says something else.
use super::super::*;
use super::support::*;

struct Pieces {
    name: Name,
    /// As it was signed.
    original: String,
    without_signature: String,
    signature: String,
}

impl Pieces {
    fn new(name: Name, signed: String) -> Self {
        let from = signed.find("<ds:Signature ").unwrap();
        let end = "</ds:Signature>";
        let to = signed.find(end).unwrap() + end.len();
        let signature = signed[from..to].to_owned();
        Self {
            name,
            without_signature: signed.replace(&signature, ""),
            original: signed,
            signature,
        }
    }

    /// The attacker's own message, with something in it.
    fn evil(&self, inner: &str) -> String {
        message(self.name, "_evil", inner)
    }

    fn signature_with(&self, last: &str) -> String {
        self.signature.replace("</ds:Signature>", &format!("{last}</ds:Signature>"))
    }
}

/// Builds the shape for every message; the signature must be one that careless software believes.
fn refused(shape: impl Fn(&Pieces) -> String, reason: XmlError) {
    for name in MESSAGES {
        let plain = message(name, "_r1", "");
        let sign = |template: &str| forge(&message(name, "_r1", template));
        let enveloped = sign(&template("_r1"));
        assert_eq!(accept_as(name, &enveloped), Ok(()), "the original is fine");
        let xml = shape(&Pieces::new(name, enveloped));
        let believed = naive(&xml);
        assert_eq!(accept_as(name, &xml), Err(reason), "{xml}");
        if believed {
            continue;
        }
        // A signature that encloses its object has no *enveloped* transform; sign it that way.
        let detached = template("_r1").replace(ENVELOPED, "");
        let aside = forge(&format!("<both>{plain}{detached}</both>"));
        let inside = aside.trim_start_matches("<both>").trim_end_matches("</both>").to_owned();
        let mut pieces = Pieces::new(name, inside);
        pieces.original = pieces.without_signature.clone();
        let xml = shape(&pieces);
        assert!(naive(&xml), "not an attack: {xml}");
        assert_eq!(accept_as(name, &xml), Err(reason), "{xml}");
    }
}

#[test]
fn d07_xsw1_the_original_inside_the_signature_of_a_forged_message_is_refused() {
    let shape = |p: &Pieces| p.evil(&p.signature_with(&p.without_signature));
    refused(shape, XmlError::SignatureShape);
}

#[test]
fn d07_xsw2_the_original_beside_the_signature_in_a_forged_message_is_refused() {
    let shape = |p: &Pieces| p.evil(&format!("{}{}", p.without_signature, p.signature));
    refused(shape, XmlError::SignatureShape);
}

#[test]
fn d07_xsw3_the_signed_original_after_forged_content_is_refused() {
    let shape = |p: &Pieces| p.evil(&format!("<samlp:NameIDPolicy/>{}", p.original));
    let with_signature = |p: &Pieces| {
        if p.original.contains("<ds:Signature") {
            shape(p)
        } else {
            p.evil(&format!("{}{}", p.original, p.signature))
        }
    };
    refused(with_signature, XmlError::SignatureShape);
}

#[test]
fn d07_xsw4_the_signed_original_wrapped_in_a_forged_message_is_refused() {
    refused(|p: &Pieces| p.evil(&p.original), XmlError::SignatureShape);
}

#[test]
fn d07_xsw5_a_forged_message_with_the_signature_and_the_original_at_its_end_is_refused() {
    let shape =
        |p: &Pieces| p.evil(&format!("{}<samlp:Extensions/>{}", p.signature, p.without_signature));
    refused(shape, XmlError::SignatureShape);
}

#[test]
fn d07_xsw6_the_original_in_the_key_information_of_a_forged_message_is_refused() {
    let shape = |p: &Pieces| {
        let info = format!("<ds:KeyInfo>{}</ds:KeyInfo>", p.without_signature);
        p.evil(&p.signature_with(&info))
    };
    refused(shape, XmlError::SignatureShape);
}

#[test]
fn d07_xsw7_the_signed_original_among_the_extensions_is_refused() {
    let shape = |p: &Pieces| {
        let signature = if p.original.contains("<ds:Signature") { "" } else { &p.signature };
        p.evil(&format!("<samlp:Extensions>{}{signature}</samlp:Extensions>", p.original))
    };
    refused(shape, XmlError::SignatureShape);
}

#[test]
fn d07_xsw8_the_original_in_an_object_of_the_signature_is_refused() {
    let shape = |p: &Pieces| {
        p.evil(&p.signature_with(&format!("<ds:Object>{}</ds:Object>", p.without_signature)))
    };
    refused(shape, XmlError::SignatureShape);
}

#[test]
fn d07_a_forged_message_with_the_id_of_the_original_is_refused() {
    for name in MESSAGES {
        let p = Pieces::new(name, forge(&message(name, "_r1", &template("_r1"))));
        for inner in [
            p.signature_with(&p.without_signature),
            format!("{}{}", p.without_signature, p.signature),
            p.signature_with(&format!("<ds:Object>{}</ds:Object>", p.without_signature)),
        ] {
            let xml = message(name, "_r1", &inner);
            assert_eq!(accept_as(name, &xml), Err(XmlError::DuplicateId), "{xml}");
        }
    }
}

#[test]
fn d07_what_is_added_to_a_signed_message_is_noticed() {
    let signed = signed_request();
    let changes = [
        signed.replace("https://sp.example/", "https://evil.example/"),
        signed.replace("AllowCreate=\"true\"", "AllowCreate=\"false\""),
        signed.replace("<samlp:NameIDPolicy", "<samlp:Subject/><samlp:NameIDPolicy"),
        signed.replace("Version=\"2.0\"", "Version=\"2.0\" ForceAuthn=\"false\""),
        signed.replace("<samlp:NameIDPolicy AllowCreate=\"true\"/>", ""),
    ];
    for changed in changes {
        assert_ne!(changed, signed);
        assert_eq!(accept(&changed), Err(XmlError::BadSignature), "{changed}");
    }
}

#[test]
fn d07_a_signed_assertion_does_not_make_its_response_signed() {
    let assertion = format!(
        "<saml:Assertion xmlns:saml=\"{SAML}\" ID=\"_a1\"><saml:Issuer>x</saml:Issuer>\
         <saml:Subject/></saml:Assertion>"
    );
    let signed = PARTNER
        .signer
        .sign_enveloped(&assertion, "ID", "_a1", SignaturePlace::AfterIssuer)
        .unwrap();
    let response = message(RESPONSE, "_p1", &signed);
    assert!(naive(&response));
    assert_eq!(accept_as(RESPONSE, &response), Err(XmlError::SignatureShape));
    assert_eq!(accept_as(RESPONSE, &signed), Err(XmlError::Unexpected));
}
