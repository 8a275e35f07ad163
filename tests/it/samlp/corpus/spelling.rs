//! Values that are spelt in another way than usual, and names of people and attributes.
use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line of thought a case")]
fn k26_k42_values_are_read_whatever_their_spelling() {
    let signed =
        |word: &str| at_home(&format!("AuthnRequestsSigned=\"{word}\""), &signing("rsa"), "");
    let named = |id: &str| entity(&format!("entityID=\"{id}\""), "", &home());
    let until =
        |time: &str| entity(&format!("entityID=\"urn:v\" validUntil=\"{time}\""), "", &home());
    let required = |yes: bool| json!({"require_signed_requests": yes});
    check(&[
        ("k26 true", signed("true"), nothing(), required(true), &[]),
        ("k26 true with white space", signed(" true "), nothing(), required(true), &[]),
        ("k26 one", signed("&#10;1"), nothing(), required(true), &[]),
        ("k26 false", signed(" false"), nothing(), required(false), &[]),
        ("k26 nought", signed("0"), nothing(), required(false), &[]),
        (
            "k26 no word, and one by hand",
            signed("yes"),
            json!({"require_signed_requests": true}),
            required(true),
            &[],
        ),
        (
            "k42 white space around a name",
            named(" urn:v&#9;"),
            nothing(),
            json!({"entity_id": "urn:v"}),
            &[],
        ),
        (
            "k42 white space around an address",
            provider("", "", &acs("Location=\" https://v.test/acs&#10;\" index=\" 0 \"")),
            nothing(),
            json!({"acs_urls": [HOME], "acs_indexes": [0]}),
            &[],
        ),
        ("k45 a time without a zone", until("2099-01-01T00:00:00"), nothing(), json!({}), &[]),
        (
            "k45 a time with a zone and white space",
            until(" 2099-01-01T00:00:00.5+14:00 "),
            nothing(),
            json!({}),
            &[],
        ),
        (
            "k41 no time, and one by hand",
            until("soon"),
            json!({"metadata_valid_until": "2099-01-01T00:00:00Z"}),
            json!({}),
            &[],
        ),
        (
            "a comment and another prefix",
            at_home("", "<!-- x -->", "").replace("md:", "m:").replace("xmlns:md", "xmlns:m"),
            nothing(),
            json!({"entity_id": "urn:v"}),
            &[],
        ),
    ]);
    check_refused(&[
        (
            "k26 yes",
            signed("yes"),
            nothing(),
            "has a `AuthnRequestsSigned` that is neither true nor false: `yes`",
        ),
        ("k26 capitals", signed("TRUE"), nothing(), "neither true nor false"),
        ("k26 empty", signed(""), nothing(), "neither true nor false"),
        ("no name", named(" "), nothing(), "has no `entityID`"),
        (
            "k45 no time",
            until("2099-01-01 00:00:00Z"),
            nothing(),
            "has a `validUntil` that is no time",
        ),
        ("a document type", format!("<!DOCTYPE x>{}", named("urn:v")), nothing(), "document type"),
        (
            "k45 a blank line at the start",
            format!("\n<?xml version=\"1.0\"?>{}", named("urn:v")),
            nothing(),
            "begins with white space",
        ),
        (
            "another protocol",
            named("urn:v").replace("SAML:2.0:protocol", "SAML:1.1:protocol"),
            nothing(),
            "describes no such service provider",
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line of thought a case")]
fn k43_formats_of_names_are_known_or_named() {
    let formats = |uris: &[&str]| {
        let all = uris.iter().map(|uri| format!("<md:NameIDFormat>{uri}</md:NameIDFormat>"));
        at_home("", "", &all.collect::<String>())
    };
    let one = |uri: &str| formats(&[uri]);
    let v1 = |name: &str| format!("urn:oasis:names:tc:SAML:1.1:nameid-format:{name}");
    let v2 = |name: &str| format!("urn:oasis:names:tc:SAML:2.0:nameid-format:{name}");
    let format = |name: Value| json!({"name_id_format": name});
    let asking = |names: &[&str]| {
        let all = names.iter().map(|name| format!("<md:RequestedAttribute Name=\"{name}\"/>"));
        let service = all.collect::<String>();
        at_home("", "", "").replace("</md:SPSSODescriptor>", &format!("<md:AttributeConsumingService index=\"0\">{service}</md:AttributeConsumingService></md:SPSSODescriptor>"))
    };
    let email = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
    let unknown: &[&str] = &["which is not known here; they are named by their user id"];
    check(&[
        ("persistent", one(&v2("persistent")), nothing(), format(json!("persistent")), &[]),
        (
            "an address, with white space",
            one(&format!("\n {} ", v1("emailAddress"))),
            nothing(),
            format(json!("emailAddress")),
            &[],
        ),
        (
            "k43 an address under the name of 2.0",
            one(&v2("emailAddress")),
            nothing(),
            format(json!("emailAddress")),
            &[],
        ),
        (
            "k43 unspecified under the name of 2.0",
            one(&v2("unspecified")),
            nothing(),
            format(json!("unspecified")),
            &[],
        ),
        (
            "the first that is known",
            formats(&[&v2("kerberos"), &v2("transient"), &v2("persistent")]),
            nothing(),
            format(json!("transient")),
            &[],
        ),
        (
            "k43 none that is known",
            formats(&[&v2("kerberos"), &v1("X509SubjectName")]),
            nothing(),
            format(json!(null)),
            unknown,
        ),
        (
            "k43 none that is known, and one by hand",
            one(&v2("kerberos")),
            json!({"name_id_format": "persistent"}),
            format(json!("persistent")),
            &[],
        ),
        ("an attribute that is sent", asking(&[email]), nothing(), json!({}), &[]),
        (
            "k13 attributes that are not sent",
            asking(&[email, "urn:oid:0.9.2342.19200300.100.1.3"]),
            nothing(),
            json!({}),
            &["attributes that it is not sent: `urn:oid:0.9.2342.19200300.100.1.3` (map them"],
        ),
        (
            "k13 an attribute that is mapped",
            asking(&["mail"]),
            json!({"attributes": {"mail": "email"}}),
            json!({}),
            &[],
        ),
        (
            "k13 a mapping takes the usual ones away",
            asking(&[email]),
            json!({"attributes": {"mail": "email"}}),
            json!({}),
            &["emailaddress"],
        ),
    ]);
}
