//! What the two headers may look like.
use super::*;
use actix_web::test::TestRequest;
use proptest::prelude::*;

fn read(headers: &[(&str, &[u8])]) -> Result<Option<(Channel, SubjectName)>, &'static str> {
    let request = headers.iter().fold(TestRequest::get(), |request, (name, value)| {
        request.append_header((*name, HeaderValue::from_bytes(value).unwrap()))
    });
    named(request.to_http_request().headers())
}

fn id(text: &str) -> (Channel, SubjectName) {
    (Channel::AsUser, SubjectName::Id(UserId::parse(text).unwrap()))
}

#[test]
fn nobody_is_named_without_a_header() {
    assert_eq!(read(&[]), Ok(None));
    assert_eq!(
        read(&[("x-as-user", b"1"), ("as-users", b"1"), ("connection", b"close")]),
        Ok(None)
    );
}

#[test]
fn f06_both_headers_are_one_too_many() {
    assert!(read(&[("as-user", b"1"), ("on-behalf-of", b"a@x")]).is_err());
}

#[test]
fn f07_one_user_is_named_and_no_list() {
    for value in [&b"1, 2"[..], b"1,2", b"1 2", b","] {
        assert!(read(&[("as-user", value)]).is_err());
        assert!(read(&[("on-behalf-of", value)]).is_err());
    }
    assert!(read(&[("as-user", b"1"), ("as-user", b"1")]).is_err());
    assert!(read(&[("on-behalf-of", b"a@x"), ("on-behalf-of", b"a@x")]).is_err());
    assert!(read(&[("on-behalf-of", b"a@x,b@x")]).is_err());
}

#[test]
fn f08_what_cannot_be_read_is_not_taken_for_none() {
    let long = vec![b'1'; 10_000];
    for value in [&b""[..], b" ", b"\t", "ü".as_bytes(), b"\xff", &long] {
        assert!(read(&[("as-user", value)]).is_err(), "{value:?}");
        assert!(read(&[("on-behalf-of", value)]).is_err(), "{value:?}");
    }
    for value in ["a", "@", "a@", "@x", "a@b@c", "a b@x"] {
        assert!(read(&[("on-behalf-of", value.as_bytes())]).is_err(), "{value}");
    }
}

#[test]
fn f11_names_have_no_case_and_no_underscore() {
    for name in ["as-user", "AS-USER", "As-User"] {
        assert_eq!(read(&[(name, b"usr_1")]), Ok(Some(id("usr_1"))));
    }
    for name in ["as_user", "As_User", "on_behalf-of", "on_behalf_of"] {
        assert!(read(&[(name, b"a@x")]).is_err(), "{name}");
    }
}

#[test]
fn f12_a_header_that_a_proxy_would_take_away_is_refused() {
    for value in ["As-User", "close, as-user", "on-behalf-of ,close"] {
        let connection = ("connection", value.as_bytes());
        assert!(read(&[connection, ("as-user", b"1")]).is_err(), "{value}");
        assert!(read(&[connection]).is_err(), "{value}, and it is gone already");
    }
    assert_eq!(read(&[("connection", b"keep-alive"), ("as-user", b"1")]), Ok(Some(id("1"))));
}

#[test]
fn k51_an_id_of_any_characters_is_named_as_x_auth_subject_gives_it_out() {
    for (value, meant) in [
        ("%C3%BC", "ü"),
        ("%20a", " a"),
        ("50%25", "50%"),
        ("a%257Cb", "a%7Cb"),
        ("auth0|1", "auth0|1"),
        ("a%2Cb", "a,b"),
    ] {
        assert_eq!(read(&[("as-user", value.as_bytes())]), Ok(Some(id(meant))), "{value}");
    }
    for value in ["%FF", "%00", "%2E%2E", "%0D%0Aa"] {
        assert!(read(&[("as-user", value.as_bytes())]).is_err(), "{value}");
    }
}

proptest! {
    #[test]
    fn f08_no_header_makes_it_fall_over(name in "[aA]s[-_][uU]ser|On-Behalf-Of", value: Vec<u8>) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let request = TestRequest::get().append_header((name.as_str(), value.clone()));
            let read = named(request.to_http_request().headers());
            prop_assert!(read != Ok(None), "{:?}", value);
        }
    }
}
