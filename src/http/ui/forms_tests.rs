use super::*;
use actix_web::test::TestRequest;

const HERE: &str = "https://id.example";

fn same_origin(headers: &[(&'static str, &'static str)]) -> bool {
    let request = headers.iter().fold(TestRequest::post(), |request, h| request.append_header(*h));
    is_same_origin(&request.to_http_request(), HERE)
}

#[test]
fn b08_a_form_of_another_page_is_seen_by_what_the_browser_says() {
    for good in [
        &[][..],
        &[("origin", HERE)],
        &[("sec-fetch-site", "same-origin"), ("origin", HERE)],
        &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        &[("sec-fetch-site", "none")],
    ] {
        assert!(same_origin(good), "{good:?}");
    }
    for bad in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "https://id.example.evil.example")],
        &[("origin", "http://id.example")],
        &[("origin", HERE), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", HERE)],
        &[("sec-fetch-site", "same-site"), ("origin", HERE)],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "none"), ("origin", "null")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
    ] {
        assert!(!same_origin(bad), "{bad:?}");
    }
}

#[test]
fn a_form_has_each_field_once_and_no_other() {
    let form = Form::parse(b"csrf=a&id=b+c").unwrap();
    assert_eq!(form.get("id"), "b c");
    assert_eq!(form.get("other"), "");
    assert_eq!(form.clone().only(&["csrf"]), Err(FormRefusal::Unknown));
    assert!(form.only(&["csrf", "id", "more"]).is_ok());
    assert_eq!(Form::parse(b"id=a&id=a"), Err(FormRefusal::Duplicate));
    assert_eq!(Form::parse(b"id=%ff"), Err(FormRefusal::Unreadable));
    assert_eq!(Form::parse(b"%69d=a&id=b"), Err(FormRefusal::Duplicate));
}

#[test]
fn only_a_form_may_be_posted() {
    let kind = |value: &str| {
        is_form(&TestRequest::post().insert_header(("content-type", value)).to_http_request())
    };
    assert!(kind("application/x-www-form-urlencoded"));
    assert!(kind("Application/X-WWW-Form-Urlencoded; charset=UTF-8"));
    assert!(!kind("text/plain") && !kind("application/json") && !kind("multipart/form-data"));
    assert!(!is_form(&TestRequest::post().to_http_request()));
}

#[test]
fn h01_a_token_is_good_for_its_form_its_session_and_its_server_only() {
    let key = MacKey::new(&[7; 32]).unwrap();
    let token = made(&key, "stop", &["ses_1"]);
    assert!(is_made(&key, "stop", &["ses_1"], &token));
    assert_ne!(made(&key, "stop", &["ses_1"]), token, "never the same twice");
    assert!(!is_made(&key, "confirm", &["ses_1"], &token));
    assert!(!is_made(&key, "stop", &["ses_2"], &token));
    assert!(!is_made(&key, "stop", &["ses_1", ""], &token));
    assert!(!is_made(&MacKey::new(&[8; 32]).unwrap(), "stop", &["ses_1"], &token));
    let (salt, mac) = token.split_once('.').unwrap();
    for bad in ["", ".", salt, mac, &format!("x.{mac}"), &format!("{salt}."), &format!("{token}x")]
    {
        assert!(!is_made(&key, "stop", &["ses_1"], bad), "{bad}");
    }
}
