//! Where answers and logout messages go.
use super::*;

fn slo(binding: &str, attributes: &str) -> String {
    format!("<md:SingleLogoutService Binding=\"{BINDINGS}:{binding}\" {attributes}/>")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line of thought a case")]
fn k47_addresses_for_answers_are_stored_or_left_out_with_a_note() {
    let two = |first: &str, second: &str| provider("", "", &(acs(first) + &acs(second)));
    check(&[
        (
            "one",
            at_home("", "", ""),
            nothing(),
            json!({"acs_urls": [HOME], "acs_indexes": [0]}),
            &[],
        ),
        (
            "the default is the one that says so",
            two(
                "Location=\"https://v.test/1\" index=\"1\"",
                "Location=\"https://v.test/2\" index=\"2\" isDefault=\"true\"",
            ),
            nothing(),
            json!({"acs_urls": ["https://v.test/2", "https://v.test/1"], "acs_indexes": [2, 1]}),
            &[],
        ),
        (
            "the first says no",
            two(
                "Location=\"https://v.test/1\" index=\"1\" isDefault=\"false\"",
                "Location=\"https://v.test/2\" index=\"2\"",
            ),
            nothing(),
            json!({"acs_indexes": [2, 1]}),
            &[],
        ),
        (
            "k26 white space in isDefault",
            two(
                "Location=\"https://v.test/1\" index=\"1\"",
                "Location=\"https://v.test/2\" index=\"2\" isDefault=\" 1 \"",
            ),
            nothing(),
            json!({"acs_indexes": [2, 1]}),
            &[],
        ),
        (
            "other bindings are passed over",
            at_home(
                "",
                "",
                &format!(
                    "<md:AssertionConsumerService Binding=\"{BINDINGS}:PAOS\" Location=\"x\"/>"
                ),
            ),
            nothing(),
            json!({"acs_urls": [HOME]}),
            &[],
        ),
        (
            "k47 one has no number",
            two("Location=\"https://v.test/1\"", "Location=\"https://v.test/2\" index=\"2\""),
            nothing(),
            json!({"acs_urls": ["https://v.test/2"], "acs_indexes": [2]}),
            &["`https://v.test/1` has no number (index); it is left out"],
        ),
        (
            "k47 one has a word for a number",
            two(
                "Location=\"https://v.test/1\" index=\"one\"",
                "Location=\"https://v.test/2\" index=\"2\"",
            ),
            nothing(),
            json!({"acs_indexes": [2]}),
            &["`https://v.test/1` has no number"],
        ),
        (
            "k47 two have the same number",
            two(
                "Location=\"https://v.test/1\" index=\"1\"",
                "Location=\"https://v.test/2\" index=\"01\"",
            ),
            nothing(),
            json!({"acs_urls": ["https://v.test/1"], "acs_indexes": [1]}),
            &["`https://v.test/2` has the number 1, as `https://v.test/1` has; it is left out"],
        ),
        (
            "k41 a bad address, and one by hand",
            provider("", "", &acs("Location=\"javascript:x\" index=\"0\"")),
            json!({"acs_urls": [HOME]}),
            json!({"acs_urls": [HOME]}),
            &[],
        ),
        (
            "k41 no number, and an address by hand",
            provider("", "", &acs("Location=\"https://v.test/1\"")),
            json!({"acs_urls": [HOME]}),
            json!({"acs_urls": [HOME]}),
            &[],
        ),
    ]);
    check_refused(&[
        ("none", provider("", "", ""), nothing(), "has no AssertionConsumerService by HTTP-POST"),
        (
            "k47 the only one has no number",
            provider("", "", &acs("Location=\"https://v.test/1\"")),
            nothing(),
            "AssertionConsumerService `https://v.test/1` has no number",
        ),
        (
            "k26 an unknown word for isDefault",
            provider("", "", &acs("Location=\"https://v.test/1\" index=\"0\" isDefault=\"yes\"")),
            nothing(),
            "has a `isDefault` that is neither true nor false: `yes`",
        ),
        (
            "a script",
            provider("", "", &acs("Location=\"javascript:x\" index=\"0\"")),
            nothing(),
            "Location `javascript:x`",
        ),
        (
            "no encryption on the way",
            provider("", "", &acs("Location=\"http://v.test/acs\" index=\"0\"")),
            nothing(),
            "must be https",
        ),
        (
            "an empty address",
            provider("", "", &acs("Location=\"\" index=\"0\"")),
            nothing(),
            "without a Location",
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line of thought a case")]
fn k13_addresses_for_logout_are_stored_as_the_metadata_name_them() {
    let (redirect, post) = ("HTTP-Redirect", "HTTP-POST");
    let to = |last: &str| format!("Location=\"https://v.test/{last}\"");
    let with = |services: &str| at_home("", "", services);
    let both = format!("{} ResponseLocation=\"https://v.test/back\"", to("slo"));
    check(&[
        ("none", with(""), nothing(), json!({"slo_url": null, "slo_response_url": null}), &[]),
        (
            "redirect before post",
            with(&(slo(post, &to("post")) + &slo(redirect, &to("redirect")))),
            nothing(),
            json!({"slo_url": "https://v.test/redirect", "slo_binding": "redirect"}),
            &[],
        ),
        (
            "post alone",
            with(&slo(post, &to("post"))),
            nothing(),
            json!({"slo_url": "https://v.test/post", "slo_binding": "post"}),
            &[],
        ),
        (
            "k13 an address for responses",
            with(&slo(redirect, &both)),
            nothing(),
            json!({"slo_url": "https://v.test/slo", "slo_response_url": "https://v.test/back"}),
            &[],
        ),
        (
            "k13 an empty one",
            with(&slo(redirect, &format!("{} ResponseLocation=\" \"", to("slo")))),
            nothing(),
            json!({"slo_response_url": null}),
            &[],
        ),
        (
            "k13 it belongs to its binding",
            with(&(slo(post, &both) + &slo(redirect, &to("r")))),
            nothing(),
            json!({"slo_url": "https://v.test/r", "slo_response_url": null}),
            &[],
        ),
        (
            "k13 the address by hand, so both",
            with(&slo(redirect, &both)),
            json!({"slo_url": "https://v.test/own"}),
            json!({"slo_url": "https://v.test/own", "slo_response_url": null}),
            &[],
        ),
        (
            "k13 only that for responses by hand",
            with(&slo(redirect, &both)),
            json!({"slo_response_url": "https://v.test/own"}),
            json!({"slo_url": "https://v.test/slo", "slo_response_url": "https://v.test/own"}),
            &[],
        ),
        (
            "k41 a bad one, and one by hand",
            with(&slo(redirect, "Location=\"/slo\"")),
            json!({"slo_url": "https://v.test/own"}),
            json!({"slo_url": "https://v.test/own"}),
            &[],
        ),
        (
            "SOAP alone",
            with(&slo("SOAP", &to("soap"))),
            nothing(),
            json!({"slo_url": null}),
            &["is not told of sign-outs"],
        ),
    ]);
    check_refused(&[
        (
            "a bad one",
            with(&slo(redirect, "Location=\"/slo\"")),
            nothing(),
            "address in SingleLogoutService",
        ),
        (
            "k13 a bad one for responses",
            with(&slo(redirect, &format!("{} ResponseLocation=\"/back\"", to("slo")))),
            nothing(),
            "ResponseLocation `/back`",
        ),
        (
            "k13 responses without requests",
            with(""),
            json!({"slo_response_url": "https://v.test/back"}),
            "needs a `slo_url`",
        ),
    ]);
}
