use super::*;
use proptest::prelude::*;

const PEER: &str = "127.0.0.1";

fn ours() -> Vec<Network> {
    ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"].map(|text| Network::parse(text).unwrap()).to_vec()
}

fn x_forwarded_for(list: &str) -> ClientOrigin {
    let headers = ForwardedHeaders { x_forwarded_for: Some(list), forwarded: None };
    client_origin(PEER.parse().unwrap(), headers, &ours())
}

fn forwarded(list: &str) -> ClientOrigin {
    let headers = ForwardedHeaders { x_forwarded_for: None, forwarded: Some(list) };
    client_origin(PEER.parse().unwrap(), headers, &ours())
}

fn is(origin: &ClientOrigin, address: &str) -> bool {
    origin.address.to_string() == address && origin.unreadable.is_none()
}

#[test]
fn k09_every_form_of_a_node_is_read() {
    for (node, address) in [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7\t", "203.0.113.7"),
        ("203.0.113.7:51008", "203.0.113.7"),
        ("203.0.113.7:_gate.1-x", "203.0.113.7"),
        ("\"203.0.113.7\"", "203.0.113.7"),
        ("\"203.0.113.7:51008\"", "203.0.113.7"),
        ("\" 203.0.113.7 \"", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("\"[2001:db8::7]:4711\"", "2001:db8::7"),
        ("\"[2001:db8::7]:_x\"", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:99", "203.0.113.7"),
        ("\"203\\.0.113.7\"", "203.0.113.7"),
    ] {
        assert!(is(&x_forwarded_for(node), address), "{node}: {:?}", x_forwarded_for(node));
        let element = format!("for={node}");
        assert!(is(&forwarded(&element), address), "{element}: {:?}", forwarded(&element));
    }
}

#[test]
fn k09_an_unreadable_hop_keeps_the_proxy_and_is_told_apart() {
    for node in [
        "unknown",
        "\"unknown\"",
        "_hidden",
        "_SEVKISEK:_port",
        "unknown:80",
        "nonsense",
        "203.0.113",
        "203.0.113.7:",
        "203.0.113.7:99999999",
        "203.0.113.7:http",
        "[2001:db8::7",
        "[2001:db8::7]x",
        "[2001:db8::7]:",
        "203.0.113.7%eth0",
        "fe80::1%",
        "\"203.0.113.7",
        "010.0.0.1",
        "203.0.113.7 10.0.0.1",
    ] {
        for origin in [x_forwarded_for(node), x_forwarded_for(&format!("198.51.100.1, {node}"))] {
            assert_eq!(origin.address.to_string(), PEER, "{node}");
            assert!(origin.unreadable.is_some(), "{node}");
        }
        let behind = x_forwarded_for(&format!("{node}, 10.0.0.5"));
        assert_eq!(behind.address.to_string(), "10.0.0.5", "the last proxy that is known: {node}");
        assert!(behind.unreadable.is_some(), "{node}");
        assert!(forwarded(&format!("for={node}")).unreadable.is_some(), "{node}");
    }
    assert!(x_forwarded_for(&"x".repeat(9000)).unreadable.unwrap().len() <= MAX_UNREADABLE);
}

#[test]
fn k09_lists_are_read_from_the_end_and_nothing_swallows_what_a_proxy_wrote() {
    for (list, address) in [
        ("1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("1.1.1.1,203.0.113.7:1 ,10.0.0.5:2", "203.0.113.7"),
        ("203.0.113.7, ", "203.0.113.7"),
        ("203.0.113.7,,", "203.0.113.7"),
        ("\"evil, 203.0.113.7", "203.0.113.7"),
        ("nonsense, 203.0.113.7", "203.0.113.7"),
    ] {
        assert!(is(&x_forwarded_for(list), address), "{list}");
    }
    for (list, address) in [
        ("for=1.1.1.1, for=203.0.113.7", "203.0.113.7"),
        ("for=1.1.1.1,FOR=\"[2001:db8::7]:1\";proto=https", "2001:db8::7"),
        ("proto=https; For = 203.0.113.7 ;by=10.0.0.1", "203.0.113.7"),
        ("for=203.0.113.7;host=\"a,b;for=1.1.1.1\"", "203.0.113.7"),
        ("for=203.0.113.7;host=\"a\\\",for=1.1.1.1\"", "203.0.113.7"),
        ("for=203.0.113.7, for=10.0.0.5;by=_x", "203.0.113.7"),
        ("for=\"evil, for=203.0.113.7", "203.0.113.7"),
        ("for=203.0.113.7, ", "203.0.113.7"),
    ] {
        assert!(is(&forwarded(list), address), "{list}: {:?}", forwarded(list));
    }
    for list in ["proto=https", "for=1.1.1.1;for=2.2.2.2", "for", "for=\"1.1.1.1", "by=1.1.1.1"] {
        assert!(forwarded(list).unreadable.is_some(), "{list}");
    }
}

#[test]
fn k09_x_forwarded_for_goes_before_forwarded_and_a_stranger_is_not_believed() {
    let headers = ForwardedHeaders {
        x_forwarded_for: Some("203.0.113.7"),
        forwarded: Some("for=198.51.100.1"),
    };
    assert!(is(&client_origin(PEER.parse().unwrap(), headers, &ours()), "203.0.113.7"));
    let stranger = "192.0.2.9".parse().unwrap();
    assert!(is(&client_origin(stranger, headers, &ours()), "192.0.2.9"));
    assert!(is(&client_origin(PEER.parse().unwrap(), ForwardedHeaders::default(), &ours()), PEER));
}

#[test]
fn k08_addresses_are_counted_by_what_one_customer_has() {
    let key = |text: &str| throttle_key(text.parse().unwrap());
    assert_eq!(key("203.0.113.7"), ThrottleKey { network: "203.0.113.7".into(), site: None });
    assert_eq!(key("::ffff:203.0.113.7"), key("203.0.113.7"));
    assert_ne!(key("203.0.113.8"), key("203.0.113.7"));
    assert_eq!(key("2001:db8:1:1::1"), key("2001:db8:1:1:ffff:ffff:ffff:ffff"));
    assert_ne!(key("2001:db8:1:1::1").network, key("2001:db8:1:2::1").network);
    assert_eq!(key("2001:db8:1:1::1").site, key("2001:db8:1:ffff::1").site);
    assert_ne!(key("2001:db8:1:1::1").site, key("2001:db8:2:1::1").site);
    assert_eq!(key("2001:db8:1:1::9").network, "2001:db8:1:1::/64");
    assert_eq!(key("2001:db8:1:1::9").site.as_deref(), Some("2001:db8:1::/48"));
}

#[test]
fn k08_addresses_behind_a_translator_are_counted_one_by_one() {
    let key = |text: &str| throttle_key(text.parse().unwrap());
    let translated = key("64:ff9b::203.0.113.7");
    assert_eq!(translated, ThrottleKey { network: "64:ff9b::cb00:7107".into(), site: None });
    assert_ne!(translated, key("64:ff9b::203.0.113.8"));
    // Another prefix of the same beginning is a network like any other.
    assert_eq!(key("64:ff9b:1::203.0.113.7").network, "64:ff9b:1::/64");
}

proptest! {
    #[test]
    fn k09_no_header_makes_it_fall_over(list in "[ -~é]{0,80}") {
        let (x, f) = (x_forwarded_for(&list), forwarded(&list));
        prop_assert!(x.unreadable.is_none_or(|text| text.chars().count() <= MAX_UNREADABLE));
        prop_assert!(f.unreadable.is_none_or(|text| text.chars().count() <= MAX_UNREADABLE));
    }

    #[test]
    fn k09_whatever_a_client_writes_the_proxy_has_the_last_word(list in "[ -~]{0,60}") {
        let (x, f) = (format!("{list}, 203.0.113.7:9"), format!("{list}, for=\"203.0.113.7:9\""));
        prop_assert!(is(&x_forwarded_for(&x), "203.0.113.7"));
        prop_assert!(is(&forwarded(&f), "203.0.113.7"), "{}", f);
    }
}
