//! Keys that signatures are checked with.
use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line of thought a case")]
fn k48_signing_keys_are_stored_or_named() {
    let cert = certificate;
    let none = nothing;
    check(&[
        (
            "no key",
            at_home("", "", ""),
            none(),
            json!({"certificates": [], "require_signed_requests": false}),
            &[],
        ),
        (
            "one key",
            at_home("", &signing("rsa"), ""),
            none(),
            json!({"certificates": [cert("rsa")]}),
            &[],
        ),
        (
            "old and new key",
            at_home("", &(signing("rsa") + &signing("ec-1")), ""),
            none(),
            json!({"certificates": [cert("rsa"), cert("ec-1")]}),
            &[],
        ),
        (
            "one key twice",
            at_home("", &signing("rsa").repeat(2), ""),
            none(),
            json!({"certificates": [cert("rsa")]}),
            &[],
        ),
        (
            "eight keys",
            at_home("", &(1..9).map(|n| signing(&format!("ec-{n}"))).collect::<String>(), ""),
            none(),
            json!({}),
            &[],
        ),
        (
            "one for signing and encryption",
            at_home("", &key("", "rsa", ""), ""),
            none(),
            json!({"certificates": [cert("rsa")], "encrypt_assertion": false, "encryption_certificate": cert("rsa")}),
            &[],
        ),
        (
            "the same, and encryption is wanted",
            at_home("", &key("", "rsa", &method(&format!("{XENC}aes128-cbc"))), ""),
            json!({"encrypt_assertion": true}),
            json!({"encrypt_assertion": true, "encryption_algorithm": format!("{XENC}aes128-cbc")}),
            &[],
        ),
        (
            "k41 a weak key beside a good one",
            at_home("", &(signing("weak") + &signing("rsa")), ""),
            none(),
            json!({"certificates": [cert("rsa")]}),
            &["KeyDescriptor 1 (signing) has a certificate that cannot be used"],
        ),
        (
            "a key name without a certificate, beside a good one",
            at_home(
                "",
                &format!(
                    "{}<md:KeyDescriptor><ds:KeyInfo><ds:KeyName>k</ds:KeyName></ds:KeyInfo></md:KeyDescriptor>",
                    signing("rsa")
                ),
                "",
            ),
            none(),
            json!({"certificates": [cert("rsa")]}),
            &["KeyDescriptor 2 has no certificate"],
        ),
        (
            "k41 the only key is weak, and there is one by hand",
            at_home("AuthnRequestsSigned=\"true\"", &signing("weak"), ""),
            json!({"certificates": [cert("rsa")]}),
            json!({"certificates": [cert("rsa")], "require_signed_requests": true}),
            &[],
        ),
        (
            "k48 nine keys, and those in use by hand",
            at_home("", &(1..10).map(|n| signing(&format!("ec-{n}"))).collect::<String>(), ""),
            json!({"certificates": [cert("ec-9")]}),
            json!({"certificates": [cert("ec-9")]}),
            &[],
        ),
        (
            "signs requests without a key, and need not",
            at_home("AuthnRequestsSigned=\"true\"", "", ""),
            json!({"require_signed_requests": false}),
            json!({"require_signed_requests": false}),
            &[],
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line of thought a case")]
fn k48_signing_keys_that_cannot_be_used_are_refused() {
    let nine: String = (1..10).map(|n| signing(&format!("ec-{n}"))).collect();
    let many: Vec<&str> = (1..10)
        .map(|n| {
            certificate(
                ["", "ec-1", "ec-2", "ec-3", "ec-4", "ec-5", "ec-6", "ec-7", "ec-8", "ec-9"][n],
            )
        })
        .collect();
    check_refused(&[
        (
            "the only key is weak",
            at_home("", &signing("weak"), ""),
            nothing(),
            "KeyDescriptor 1 (signing) has a certificate that cannot be used",
        ),
        (
            "the only key is of no known kind",
            at_home("", &signing("ed25519"), ""),
            nothing(),
            "KeyDescriptor 1 (signing)",
        ),
        (
            "no certificate at all",
            at_home("", "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo/></md:KeyDescriptor>", ""),
            nothing(),
            "KeyDescriptor 1 (signing) has no certificate",
        ),
        (
            "k48 nine keys",
            at_home("", &nine, ""),
            nothing(),
            "has 9 signing certificates, and at most 8",
        ),
        (
            "k48 nine keys by hand",
            at_home("", "", ""),
            json!({"certificates": many}),
            "has 9 signing certificates",
        ),
        (
            "signs requests without a key",
            at_home("AuthnRequestsSigned=\"true\"", "", ""),
            nothing(),
            "has no key to check that with",
        ),
        (
            "signs requests with a key for encryption",
            at_home("AuthnRequestsSigned=\"1\"", &encrypting("rsa", ""), ""),
            nothing(),
            "has no key to check that with",
        ),
        (
            "k26 a key for something else",
            at_home("", &key(" use=\"Signing\"", "rsa", ""), ""),
            nothing(),
            "KeyDescriptor whose `use` is `Signing`",
        ),
        (
            "k26 a key for nothing",
            at_home("", &key(" use=\"\"", "rsa", ""), ""),
            nothing(),
            "signing or encryption",
        ),
        (
            "k26 white space in an enumeration",
            at_home("", &key(" use=\" signing\"", "rsa", ""), ""),
            nothing(),
            "signing or encryption",
        ),
    ]);
    // With both by hand, what a key is for does not matter.
    let own = json!({"certificates": [certificate("rsa")], "encrypt_assertion": false});
    read(&at_home("", &key(" use=\"both\"", "rsa", ""), ""), &own).unwrap();
}
