//! Keys that assertions are encrypted to, and how.
use super::*;

fn listed(uris: &[String]) -> String {
    let methods: String = uris.iter().map(|uri| method(uri)).collect();
    at_home("", &(signing("ec-1") + &encrypting("rsa", &methods)), "")
}

fn oaep(inside: &str) -> String {
    let method = format!(
        "<md:EncryptionMethod Algorithm=\"{XENC11}rsa-oaep\">{inside}</md:EncryptionMethod>"
    );
    at_home(
        "",
        &encrypting("rsa", &format!("{method}{}", self::method(&format!("{XENC11}aes256-gcm")))),
        "",
    )
}

fn x(name: &str) -> String {
    format!("{XENC}{name}")
}

fn x11(name: &str) -> String {
    format!("{XENC11}{name}")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line of thought a case")]
fn k12_encryption_is_what_the_metadata_ask_for() {
    let on = |cipher: Value| json!({"encrypt_assertion": true, "encryption_certificate": certificate("rsa"), "encryption_algorithm": cipher});
    let guess: &[&str] = &["encrypted with AES-256-GCM"];
    let sha1 = format!("<ds:DigestMethod Algorithm=\"{DSIG}sha1\"/>");
    check(&[
        ("k40 nothing is listed", listed(&[]), nothing(), on(json!(null)), guess),
        (
            "k40 only how the key is wrapped",
            listed(&[x("rsa-oaep-mgf1p")]),
            nothing(),
            on(json!(null)),
            guess,
        ),
        (
            "k40 the cipher by hand",
            listed(&[]),
            json!({"encryption_algorithm": x("aes256-cbc")}),
            on(json!(x("aes256-cbc"))),
            &[],
        ),
        ("one cipher", listed(&[x("aes128-cbc")]), nothing(), on(json!(x("aes128-cbc"))), &[]),
        (
            "the best of several",
            listed(&[x("aes128-cbc"), x("tripledes-cbc"), x11("aes128-gcm"), x("rsa-oaep-mgf1p")]),
            nothing(),
            on(json!(x11("aes128-gcm"))),
            &[],
        ),
        (
            "white space in an algorithm",
            listed(&[format!(" {} ", x("aes256-cbc"))]),
            nothing(),
            on(json!(x("aes256-cbc"))),
            &[],
        ),
        (
            "OAEP beside RSA 1.5",
            listed(&[x("rsa-1_5"), x("rsa-oaep-mgf1p"), x("aes256-cbc")]),
            nothing(),
            on(json!(x("aes256-cbc"))),
            &[],
        ),
        ("k12 OAEP of 1.1 with SHA-1", oaep(&sha1), nothing(), on(json!(x11("aes256-gcm"))), &[]),
        (
            "k12 OAEP of 1.1 with SHA-1 twice",
            oaep(&format!("{sha1}<xenc11:MGF Algorithm=\"{XENC11}mgf1sha1\"/>")),
            nothing(),
            on(json!(x11("aes256-gcm"))),
            &[],
        ),
        (
            "k12 what cannot be done is not wanted",
            listed(&[x("rsa-1_5")]),
            json!({"encrypt_assertion": false}),
            json!({"encrypt_assertion": false}),
            &["they go in clear, because `encrypt_assertion: false`"],
        ),
        (
            "k12 what can be done is not wanted",
            listed(&[x("aes256-cbc")]),
            json!({"encrypt_assertion": false}),
            json!({"encrypt_assertion": false}),
            &["they go in clear"],
        ),
        (
            "k12 what cannot be done, and a key by hand",
            listed(&[x("rsa-1_5")]),
            json!({"encryption_certificate": certificate("rsa-two"), "encryption_algorithm": x("aes256-cbc"), "encrypt_assertion": true}),
            json!({"encrypt_assertion": true, "encryption_certificate": certificate("rsa-two")}),
            &[],
        ),
        (
            "k41 a weak key for encryption, and a key by hand",
            at_home("", &(signing("rsa") + &encrypting("weak", "")), ""),
            json!({"encryption_certificate": certificate("rsa-two")}),
            json!({"encryption_certificate": certificate("rsa-two")}),
            &[],
        ),
        (
            "k41 a weak key beside a good one",
            at_home(
                "",
                &(encrypting("weak", "") + &encrypting("rsa", &method(&x("aes256-cbc")))),
                "",
            ),
            nothing(),
            on(json!(x("aes256-cbc"))),
            &["KeyDescriptor 1 (encryption) has a certificate that cannot be used"],
        ),
        (
            "k12 a key for both before one for encryption alone",
            at_home(
                "",
                &(key("", "rsa-two", "") + &encrypting("rsa", &method(&x("aes256-cbc")))),
                "",
            ),
            nothing(),
            on(json!(x("aes256-cbc"))),
            &[],
        ),
        (
            "k12 one for encryption that cannot be used, one for both that can",
            at_home("", &(encrypting("ec-1", "") + &key("", "rsa", &method(&x("aes256-cbc")))), ""),
            nothing(),
            on(json!(x("aes256-cbc"))),
            &["KeyDescriptor 1 (encryption) has no RSA key"],
        ),
        (
            "an elliptic key for both",
            at_home("", &key("", "ec-1", ""), ""),
            nothing(),
            json!({"encrypt_assertion": false, "encryption_certificate": null}),
            &[],
        ),
    ]);
}

#[test]
fn k12_encryption_that_is_not_spoken_is_refused() {
    let not_spoken = "KeyDescriptor 2 (encryption) asks for an encryption that is not spoken here";
    let first = "KeyDescriptor 1 (encryption)";
    check_refused(&[
        (
            "k12 as in the report",
            listed(&[x11("rsa-oaep"), x11("aes256-gcm")]),
            nothing(),
            not_spoken,
        ),
        ("k12 RSA 1.5", listed(&[x("rsa-1_5"), x("aes256-cbc")]), nothing(), not_spoken),
        (
            "k12 Triple DES",
            listed(&[x("rsa-oaep-mgf1p"), x("tripledes-cbc")]),
            nothing(),
            not_spoken,
        ),
        ("k12 AES-192", listed(&[x("aes192-cbc"), x11("aes192-gcm")]), nothing(), not_spoken),
        (
            "k12 a method without a name",
            at_home("", &encrypting("rsa", "<md:EncryptionMethod/>"), ""),
            nothing(),
            first,
        ),
        (
            "k12 OAEP with SHA-256",
            oaep("<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>"),
            nothing(),
            first,
        ),
        (
            "k12 OAEP with another mask",
            oaep(&format!(
                "<ds:DigestMethod Algorithm=\"{DSIG}sha1\"/><xenc11:MGF Algorithm=\"{XENC11}mgf1sha256\"/>"
            )),
            nothing(),
            first,
        ),
        (
            "k12 an elliptic key",
            at_home("", &encrypting("ec-1", &method(&x("rsa-oaep-mgf1p"))), ""),
            nothing(),
            "has no RSA key",
        ),
        ("k12 a weak key", at_home("", &encrypting("weak", ""), ""), nothing(), first),
        (
            "k12 a weak key, and encryption by hand",
            at_home("", &encrypting("weak", ""), ""),
            json!({"encrypt_assertion": true}),
            first,
        ),
        (
            "encryption by hand, and no key",
            at_home("", "", ""),
            json!({"encrypt_assertion": true}),
            "needs an `encryption_certificate`",
        ),
    ]);
}
