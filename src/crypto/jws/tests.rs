use super::*;
use crate::crypto::keys::{Algorithm, NewKey, generate};
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use ring::hmac;
use serde_json::json;
use std::sync::LazyLock;

const SIGNING: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

struct Both {
    made: NewKey,
    signing: SigningKey,
    verifying: VerifyingKey,
}

fn make(algorithm: Algorithm) -> Both {
    let made = generate(algorithm).unwrap();
    let signing = SigningKey::load("k1", algorithm, &made.private).unwrap();
    let verifying = VerifyingKey::from_jwk(signing.public_jwk()).unwrap();
    Both { made, signing, verifying }
}

/// RSA keys take long to make.
static KEYS: LazyLock<[Both; 3]> = LazyLock::new(|| SIGNING.map(make));

fn es256() -> &'static Both {
    &KEYS[1]
}

fn claims() -> Value {
    json!({ "iss": "https://login.example", "sub": "ada", "exp": 4_000_000_000_u32 })
}

fn judge(token: &str, key: &VerifyingKey) -> Result<Map<String, Value>, JwsError> {
    verify(token, &["JWT"], [("k1", key)])
}

fn judged(token: &str) -> Result<Map<String, Value>, JwsError> {
    judge(token, &es256().verifying)
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with this header and payload, as they are, and a good signature.
fn signed(key: &SigningKey, header: &str, payload: &[u8]) -> String {
    let mut token = format!("{}.{}", text(header), text(payload));
    key.push_signature(&mut token).unwrap();
    token
}

fn with_header(members: &str) -> String {
    let header = format!(r#"{{"alg":"ES256","kid":"k1","typ":"JWT"{members}}}"#);
    signed(&es256().signing, &header, claims().to_string().as_bytes())
}

fn with_payload(payload: impl AsRef<[u8]>) -> String {
    signed(&es256().signing, r#"{"alg":"ES256","kid":"k1","typ":"JWT"}"#, payload.as_ref())
}

fn hs256(header: &str, secret: &[u8]) -> String {
    let message = format!("{}.{}", text(header), text(claims().to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", text(tag))
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn a_token_is_good_for_its_key_and_carries_its_claims() {
    for Both { signing, verifying, .. } in KEYS.iter() {
        for typ in ["JWT", "at+jwt", "logout+jwt", "something+jwt"] {
            let token = sign(signing, typ, &claims()).unwrap();
            let header = decode_header(&token).unwrap();
            assert_eq!(header.alg, signing.algorithm().as_str());
            assert_eq!((header.kid.as_deref(), header.typ.as_deref()), (Some("k1"), Some(typ)));
            let read = verify(&token, &[typ], [("k1", verifying)]).map(Value::Object);
            assert_eq!(read, Ok(claims()));
            assert_eq!(unverified_claims(&token).map(Value::Object), Ok(claims()));
        }
        let other = make(Algorithm::EdDsa);
        let token = sign(signing, "JWT", &claims()).unwrap();
        assert!(judge(&token, &other.verifying).is_err());
    }
}

#[test]
fn jsonwebtoken_believes_our_tokens_and_takes_our_key_sets() {
    use jsonwebtoken::{DecodingKey, Validation, decode, jwk::JwkSet};
    let set = json!({ "keys": KEYS.iter().map(|k| k.signing.public_jwk()).collect::<Vec<_>>() });
    let set: JwkSet = serde_json::from_value(set).unwrap();
    for (key, jwk) in KEYS.iter().zip(&set.keys) {
        let algorithm = key.signing.algorithm().as_str().parse().unwrap();
        let token = sign(&key.signing, "JWT", &claims()).unwrap();
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&["https://login.example"]);
        let read = decode::<Value>(&token, &DecodingKey::from_jwk(jwk).unwrap(), &rules).unwrap();
        assert_eq!(read.claims, claims());
    }
}

#[test]
fn tokens_of_jsonwebtoken_are_believed() {
    use jsonwebtoken::{Algorithm as Alg, EncodingKey, Header, encode};
    let [rsa, ec, ed] = &*KEYS;
    let key_pem = |both: &Both| pem("PRIVATE KEY", &both.made.private);
    let rsa_key = EncodingKey::from_rsa_pem(key_pem(rsa).as_bytes()).unwrap();
    let cases = [
        (Alg::RS256, rsa, rsa_key.clone()),
        (Alg::ES256, ec, EncodingKey::from_ec_der(&ec.made.private)),
        (Alg::EdDSA, ed, EncodingKey::from_ed_der(&ed.made.private)),
    ];
    for (alg, both, key) in cases {
        let token = encode(&Header::new(alg), &claims(), &key).unwrap();
        assert_eq!(judge(&token, &both.verifying).map(Value::Object), Ok(claims()), "{alg:?}");
    }
    // An application's RSA key without `alg` signs its assertions as it likes.
    let free = VerifyingKey::from_jwk(&rsa.made.public_jwk).unwrap();
    for alg in [Alg::RS256, Alg::RS384, Alg::RS512] {
        let token = encode(&Header::new(alg), &claims(), &rsa_key).unwrap();
        assert!(judge(&token, &free).is_ok(), "{alg:?}");
        assert_eq!(judge(&token, &rsa.verifying).is_ok(), alg == Alg::RS256, "{alg:?}");
    }
    let token = encode(&Header::new(Alg::PS256), &claims(), &rsa_key).unwrap();
    assert_eq!(judge(&token, &free), Err(JwsError::WrongAlgorithm));
}

#[test]
fn the_example_of_the_rfc_is_believed() {
    // RFC 7515, appendix A.3.
    let key = VerifyingKey::from_jwk(&json!({ "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }))
    .unwrap();
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let read = verify(token, &[""], [("", &key)]).unwrap();
    assert_eq!(read["iss"], "joe");
}

#[test]
fn c68_a_token_without_signature_is_refused_however_none_is_spelt() {
    let payload = text(claims().to_string());
    for none in ["none", "None", "nOnE", "NONE", "", " none"] {
        let header = text(json!({ "alg": none, "kid": "k1", "typ": "JWT" }).to_string());
        for signature in ["", "AA", &text([0; 64])] {
            for key in KEYS.iter() {
                let token = format!("{header}.{payload}.{signature}");
                assert_eq!(judge(&token, &key.verifying), Err(JwsError::WrongAlgorithm));
            }
        }
    }
    for header in [json!({ "kid": "k1", "typ": "JWT" }), json!({ "alg": null, "typ": "JWT" })] {
        let token = format!("{}.{payload}.", text(header.to_string()));
        assert_eq!(judged(&token), Err(JwsError::Malformed));
    }
}

#[test]
fn c68_an_empty_or_zero_signature_is_refused() {
    for key in KEYS.iter() {
        let token = sign(&key.signing, "JWT", &claims()).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let length = decode(signature).unwrap().len();
        for forged in [vec![], vec![0; length], vec![0xff; length], vec![0; 1]] {
            let forged = format!("{message}.{}", text(forged));
            assert_eq!(judge(&forged, &key.verifying), Err(JwsError::BadSignature));
        }
        assert!(judge(message, &key.verifying).is_err());
    }
}

#[test]
fn c69_a_public_key_is_no_secret() {
    for key in KEYS.iter() {
        for jwk in [key.signing.public_jwk(), &key.made.public_jwk] {
            let verifying = VerifyingKey::from_jwk(jwk).unwrap();
            let first = jwk.get("n").or(jwk.get("x")).unwrap().as_str().unwrap();
            let raw = decode(first).unwrap();
            let pem = pem("PUBLIC KEY", &raw);
            for secret in [
                jwk.to_string().into_bytes(),
                first.as_bytes().to_vec(),
                raw,
                format!("\n  {pem}").into_bytes(),
                pem.into_bytes(),
                Vec::new(),
            ] {
                for alg in ["HS256", "HS384", "HS512", "hs256"] {
                    let header = json!({ "alg": alg, "kid": "k1", "typ": "JWT" }).to_string();
                    let refused = judge(&hs256(&header, &secret), &verifying);
                    assert_eq!(refused, Err(JwsError::WrongAlgorithm), "{alg}");
                }
                // Nor does the tag pass for a signature of the key's own algorithm.
                let alg = key.signing.algorithm().as_str();
                let header = json!({ "alg": alg, "kid": "k1", "typ": "JWT" }).to_string();
                let refused = judge(&hs256(&header, &secret), &verifying);
                assert_eq!(refused, Err(JwsError::BadSignature));
            }
        }
    }
}

#[test]
fn c70_keys_that_a_token_brings_along_are_not_used() {
    let theirs = make(Algorithm::Es256);
    let jwk = theirs.signing.public_jwk();
    for more in [
        format!(r#","jwk":{jwk}"#),
        r#","jku":"https://evil.example/keys""#.to_owned(),
        r#","x5u":"https://evil.example/cert""#.to_owned(),
        r#","x5c":["AA=="]"#.to_owned(),
    ] {
        let header = format!(r#"{{"alg":"ES256","kid":"k1","typ":"JWT"{more}}}"#);
        let token = signed(&theirs.signing, &header, claims().to_string().as_bytes());
        assert_eq!(judged(&token), Err(JwsError::BadSignature), "{more}");
        assert!(judged(&with_header(&more)).is_ok(), "{more}");
    }
    // An algorithm outside of the protected header is JSON serialization, which is not spoken.
    let flattened = json!({ "payload": text("{}"), "header": { "alg": "ES256" }, "signature": "" });
    assert_eq!(judged(&flattened.to_string()), Err(JwsError::Malformed));
}

#[test]
fn c71_a_kid_is_looked_up_by_its_exact_value() {
    let key = es256();
    for kid in
        ["../../dev/null", "' OR 1=1", ";id", "K1", "k1 ", "k1\\u0000", "k2", "", &"k".repeat(256)]
    {
        let header = format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}"#);
        let token = signed(&key.signing, &header, claims().to_string().as_bytes());
        let refused = judged(&token).unwrap_err();
        assert!(matches!(refused, JwsError::UnknownKey | JwsError::Malformed), "{kid}: {refused}");
    }
    let huge = json!({ "alg": "ES256", "kid": "k".repeat(1 << 20), "typ": "JWT" }).to_string();
    assert_eq!(judged(&signed(&key.signing, &huge, b"{}")), Err(JwsError::TooLong));
    let number = r#"{"alg":"ES256","kid":1,"typ":"JWT"}"#;
    assert_eq!(judged(&signed(&key.signing, number, b"{}")), Err(JwsError::Malformed));
}

#[test]
fn c71_a_token_without_kid_may_be_of_any_key_of_the_set() {
    let header = r#"{"alg":"ES256","typ":"JWT"}"#;
    let token = signed(&es256().signing, header, claims().to_string().as_bytes());
    let set: Vec<_> = KEYS.iter().map(|key| ("other", &key.verifying)).collect();
    assert!(verify(&token, &["JWT"], set).is_ok());
    assert_eq!(verify(&token, &["JWT"], []), Err(JwsError::UnknownKey));
    let others: Vec<_> = (0..20).map(|_| make(Algorithm::Es256).verifying).collect();
    let mut crowd: Vec<_> = others.iter().map(|key| ("", key)).collect();
    crowd.push(("", &es256().verifying));
    assert_eq!(verify(&token, &["JWT"], crowd), Err(JwsError::BadSignature));
}

#[test]
fn c72_extensions_that_are_not_spoken_refuse_the_token() {
    assert!(judged(&with_header("")).is_ok());
    for more in [
        r#","crit":["x"],"x":1"#,
        r#","crit":["x"]"#,
        r#","crit":[]"#,
        r#","crit":null"#,
        r#","crit":["exp"],"exp":1"#,
        r#","crit":["b64"],"b64":false"#,
        r#","b64":false"#,
        r#","b64":true"#,
    ] {
        assert_eq!(judged(&with_header(more)), Err(JwsError::Critical), "{more}");
    }
}

#[test]
fn c73_a_token_for_one_thing_is_not_taken_for_another() {
    let key = es256();
    let judge = |typ: &str, types: &[&str]| {
        let token = sign(&key.signing, typ, &claims()).unwrap();
        verify(&token, types, [("k1", &key.verifying)]).map(|_| ())
    };
    for (typ, types) in [
        ("at+jwt", &["at+jwt"][..]),
        ("AT+JWT", &["at+jwt"]),
        ("application/at+jwt", &["at+jwt"]),
        ("Application/at+JWT", &["at+jwt"]),
        ("", &[""]),
        ("JWT", &["", "JWT"]),
    ] {
        assert_eq!(judge(typ, types), Ok(()), "{typ} as {types:?}");
    }
    for (typ, types) in [
        ("at+jwt", &["JWT"][..]),
        ("JWT", &["at+jwt"]),
        ("logout+jwt", &["", "JWT"]),
        ("", &["JWT"]),
        ("JWT", &[""]),
        ("JWT", &[]),
        ("", &[]),
        ("application/", &[""]),
        ("at+jwt ", &["at+jwt"]),
    ] {
        assert_eq!(judge(typ, types), Err(JwsError::WrongType), "{typ} as {types:?}");
    }
}

#[test]
fn c76_tricks_with_json_are_refused() {
    for more in [r#","alg":"none""#, r#","kid":"k2""#, r#","x":{"a":1,"a":2}"#, r#"} {"a":1"#] {
        assert_eq!(judged(&with_header(more)), Err(JwsError::Malformed), "{more}");
    }
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(2000), "]".repeat(2000));
    for payload in [
        r#"{"sub":"ada","sub":"eve"}"#,
        r#"{"sub":"ada""#,
        r#"{"sub":"ada"}{}"#,
        "\u{feff}{}",
        r#"{"sub":"\u0000"}"#,
        r#"{"sub":"\ud800"}"#,
        "[]",
        "null",
        "",
        &deep,
    ] {
        assert_eq!(judged(&with_payload(payload)), Err(JwsError::Malformed), "{payload:.60}");
    }
    assert_eq!(judged(&with_payload(b"\xff\xfe{\0}\0")), Err(JwsError::Malformed));
    assert_eq!(judged(&with_payload("a".repeat(10 << 20))), Err(JwsError::TooLong));
}

#[test]
fn c76_a_token_has_three_parts_in_one_spelling() {
    let token = sign(&es256().signing, "JWT", &claims()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let padded = URL_SAFE.encode(decode(signature).unwrap());
    let (start, last) = signature.split_at(signature.len() - 1);
    let spare = char::from(last.as_bytes()[0] + 1);
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        message.to_owned(),
        format!("{token}."),
        format!("{token}.AA"),
        format!("{token}.AA.AA"),
        format!(".{token}"),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{token}%00"),
        format!("{message}.{padded}"),
        format!("{message}.{start}{spare}"),
        token.replace('.', ".."),
    ] {
        assert_eq!(judged(&bad), Err(JwsError::Malformed), "{bad}");
    }
}

proptest! {
    #[test]
    fn c77_no_flipped_bit_goes_unnoticed(which in 0_usize..3, at in 0_usize..4096, bit in 0_u8..8) {
        let key = &KEYS[which];
        let token = sign(&key.signing, "JWT", &claims()).unwrap();
        let mut flipped = token.clone().into_bytes();
        let at = at % flipped.len();
        flipped[at] ^= 1 << bit;
        if let Ok(flipped) = String::from_utf8(flipped) {
            prop_assert!(judge(&flipped, &key.verifying).is_err(), "{}", flipped);
        }
    }

    #[test]
    fn c76_no_input_makes_the_reader_panic(token in r"(?s)([A-Za-z0-9_-]{0,40}|.{0,20})\.?.{0,40}\.?.{0,20}") {
        prop_assert!(judged(&token).is_err());
    }
}
