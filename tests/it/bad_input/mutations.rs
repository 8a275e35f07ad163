//! Ways to break a request.
use super::raw::Request;
use super::targets::Target;
use serde_json::{Map, Value, json};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

type Mutation = (&'static str, fn(&Target) -> Vec<Request>);

pub const MUTATIONS: &[Mutation] = &[
    ("broken percent-encoding", broken_encoding),
    ("bytes that are no UTF-8", not_utf8),
    ("a parameter twice", twice),
    ("NUL and its like", control_characters),
    ("wrong types", wrong_types),
    ("an unknown field", unknown_field),
    ("deep JSON", deep_json),
    ("a MiB", a_mebibyte),
    ("too many parameters", too_many),
    ("huge headers", huge_headers),
    ("another label", other_labels),
    ("numbers out of range", numbers),
    ("another path", other_paths),
    ("noise", noise),
];

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn pairs(target: &Target) -> Vec<Vec<u8>> {
    target.fields.iter().map(|(name, value)| format!("{name}={}", encode(value)).into()).collect()
}

/// Fields, already encoded, where the target takes them.
fn with_pairs(target: &Target, pairs: &[Vec<u8>]) -> Request {
    let joined = pairs.join(&b'&');
    let mut request =
        Request { target: target.path.into(), headers: Vec::new(), label: "", body: Vec::new() };
    if target.method == "POST" {
        request.label = FORM;
        request.body = joined;
    } else if !joined.is_empty() {
        request.target.push(b'?');
        request.target.extend(joined);
    }
    request
}

pub fn unchanged(target: &Target) -> Request {
    with_pairs(target, &pairs(target))
}

/// Each field with each of `values` in place of its own.
fn each_field(target: &Target, values: &[&[u8]]) -> Vec<Request> {
    let mut requests = Vec::new();
    for (nth, (name, _)) in target.fields.iter().enumerate() {
        for value in values {
            let mut pairs = pairs(target);
            pairs[nth] = [name.as_bytes(), b"=", value].concat();
            requests.push(with_pairs(target, &pairs));
        }
    }
    requests
}

fn broken_encoding(target: &Target) -> Vec<Request> {
    let mut requests = each_field(target, &[b"%zz"]);
    requests.extend(each_field(target, &[b"%4"]).pop());
    requests.extend(each_field(target, &[b"%"]).pop());
    requests
}

fn not_utf8(target: &Target) -> Vec<Request> {
    let mut requests = each_field(target, &[b"%ff%fe"]);
    // Overlong, and a lone surrogate.
    requests.extend(each_field(target, &[b"%c0%af", b"%ed%a0%80"]).into_iter().take(2));
    if target.method == "POST" {
        requests.extend(each_field(target, &[b"\xff\xfe"]).pop());
    }
    requests
}

fn twice(target: &Target) -> Vec<Request> {
    let mut requests = Vec::new();
    for (name, _) in target.fields {
        let mut pairs = pairs(target);
        pairs.push(format!("{name}=another").into());
        requests.push(with_pairs(target, &pairs));
    }
    requests
}

fn control_characters(target: &Target) -> Vec<Request> {
    let mut requests = each_field(target, &[b"a%00b"]);
    requests.extend(each_field(target, &[b"%0d%0aSet-Cookie:%20x=1"]));
    requests.extend(each_field(target, &["%E2%80%AE%F3%A0%80%81".as_bytes()]).pop());
    if target.json {
        for (name, _) in target.fields {
            let mut object = object(target);
            object.insert((*name).to_owned(), json!("a\u{0}b"));
            requests.push(json_body(target, &Value::Object(object)));
        }
    }
    requests
}

fn object(target: &Target) -> Map<String, Value> {
    target.fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

fn json_body(target: &Target, value: &Value) -> Request {
    let body = value.to_string().into();
    Request { body, label: JSON, ..with_pairs(target, &[]) }
}

fn json_text(target: &Target, text: String) -> Request {
    Request { body: text.into(), label: JSON, ..with_pairs(target, &[]) }
}

fn wrong_types(target: &Target) -> Vec<Request> {
    if !target.json {
        return Vec::new();
    }
    let mut requests = Vec::new();
    for (name, _) in target.fields {
        for value in [json!([1]), json!({"a": 1}), json!(true), json!(-1.5e300)] {
            let mut object = object(target);
            object.insert((*name).to_owned(), value);
            requests.push(json_body(target, &Value::Object(object)));
        }
    }
    for text in [
        "[]",
        "\"x\"",
        "{}",
        "{\"a\":1",
        "{\"a\":1}{\"a\":1}",
        "{\"a\":01}",
        "{a:1}",
        "{\"a\":NaN}",
        "\u{feff}{}",
    ] {
        requests.push(json_text(target, text.to_owned()));
    }
    requests
}

fn unknown_field(target: &Target) -> Vec<Request> {
    let mut pairs = pairs(target);
    pairs.push(b"__proto__=1".to_vec());
    pairs.push(b"unknown%5Bfield%5D=1".to_vec());
    let mut requests = vec![with_pairs(target, &pairs)];
    if target.json {
        let mut object = object(target);
        object.insert("unknown".to_owned(), json!({"a": {"b": [1]}}));
        requests.push(json_body(target, &Value::Object(object)));
    }
    requests
}

fn deep_json(target: &Target) -> Vec<Request> {
    if target.method != "POST" {
        return Vec::new();
    }
    let depth = 20_000;
    let arrays = format!("{{\"protocol\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let open = "{\"a\":[".repeat(depth);
    [arrays, objects, open].map(|text| json_text(target, text)).into()
}

fn a_mebibyte(target: &Target) -> Vec<Request> {
    let body =
        |text: String, label| Request { body: text.into(), label, ..with_pairs(target, &[]) };
    let long = "a".repeat(1 << 20);
    if target.method != "POST" {
        return vec![Request { body: long.into(), label: FORM, ..unchanged(target) }];
    }
    vec![
        body(format!("csrf={long}"), FORM),
        body(format!("{{\"reason\":\"{long}\"}}"), JSON),
        body("a=1&".repeat(1 << 18), FORM),
    ]
}

fn too_many(target: &Target) -> Vec<Request> {
    let count = if target.method == "POST" { 5000 } else { 900 };
    let many: Vec<Vec<u8>> = (0..count).map(|nth| format!("p{nth}={nth}").into()).collect();
    vec![with_pairs(target, &many)]
}

fn huge_headers(target: &Target) -> Vec<Request> {
    let with = |headers: Vec<(&'static str, Vec<u8>)>| Request { headers, ..unchanged(target) };
    let cookies = |count: usize, name: &str| {
        let each: Vec<String> = (0..count).map(|nth| format!("{name}{nth}=x")).collect();
        vec![("cookie", each.join("; ").into_bytes())]
    };
    vec![
        with(vec![("x-big", vec![b'a'; 300_000])]),
        with(vec![("x-many", b"a".to_vec()); 500]),
        with(vec![("user-agent", vec![b'a'; 20_000])]),
        with(vec![("cookie", [b"understudy=".as_slice(), &[b'a'; 20_000]].concat())]),
        with(cookies(1000, "understudy_as_")),
        with(vec![("cookie", b"understudy=\xff\xfe; understudy=\"; =; ;;".to_vec())]),
        with(vec![("x-forwarded-for", vec![b','; 10_000])]),
        with(vec![("authorization", b"Basic \xff\xfe".to_vec())]),
        with(vec![("accept", vec![b'*'; 20_000])]),
    ]
}

fn other_labels(target: &Target) -> Vec<Request> {
    let labels = [
        "multipart/form-data; boundary=x",
        "application/xml",
        "text/plain",
        "x",
        "a/b; charset=utf-16",
    ];
    let mut requests: Vec<Request> =
        labels.iter().map(|label| Request { label, ..unchanged(target) }).collect();
    for coding in ["gzip", "br", "deflate", "nonsense"] {
        let headers = vec![("content-encoding", coding.into())];
        requests.push(Request { headers, ..unchanged(target) });
    }
    requests
}

fn numbers(target: &Target) -> Vec<Request> {
    let odd: &[&[u8]] = &[b"0", b"-1", b"9223372036854775808", b"1e3", b"0x10", b" 60", b"%D9%A1"];
    let numeric = |name: &str| matches!(name, "ttl" | "duration" | "limit");
    let all = each_field(target, odd);
    let of_field = |nth: usize| nth / odd.len();
    let chosen = all.into_iter().enumerate();
    chosen.filter(|(nth, _)| numeric(target.fields[of_field(*nth)].0)).map(|(_, r)| r).collect()
}

/// The id in the path, for targets that have one.
fn other_paths(target: &Target) -> Vec<Request> {
    let mut requests = Vec::new();
    for id in ["usr_alice", "imp_nonesuch"] {
        let Some((start, end)) = target.path.split_once(id) else { continue };
        let long = "a".repeat(5000);
        for other in [
            "%zz",
            "%ff",
            "%00",
            "..",
            "%2e%2e",
            "%2f",
            "a%2fb",
            "",
            " ",
            "\"",
            long.as_str(),
            "%F0%9F%98%80",
        ] {
            let mut request = unchanged(target);
            let query = request.target.iter().position(|b| *b == b'?');
            let query = query.map(|at| request.target.split_off(at)).unwrap_or_default();
            request.target = [start.as_bytes(), other.as_bytes(), end.as_bytes(), &query].concat();
            requests.push(request);
        }
    }
    requests
}

/// The same bytes at every run (`SplitMix64`).
fn noise(target: &Target) -> Vec<Request> {
    let mut state = target.path.bytes().fold(7_u64, |hash, b| hash.wrapping_mul(31) ^ u64::from(b));
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    let bytes = |length: usize, next: &mut dyn FnMut() -> [u8; 8]| -> Vec<u8> {
        std::iter::repeat_with(next).flatten().take(length).collect()
    };
    let mut requests = Vec::new();
    for length in [1, 17, 300, 5000] {
        let body = bytes(length, &mut next);
        let mut request = Request { body, label: FORM, ..with_pairs(target, &[]) };
        if target.method != "POST" {
            // In the query, as anything that a URL may hold.
            let text: String =
                request.body.iter().take(1000).map(|b| char::from(0x21 + b % 0x5d)).collect();
            request.body.clear();
            request.target.extend(format!("?{}", text.replace('#', "%")).bytes());
        }
        requests.push(request);
        if target.json {
            let mut body = b"{\"protocol\":\"".to_vec();
            body.extend(bytes(length, &mut next));
            requests.push(Request { body, label: JSON, ..with_pairs(target, &[]) });
        }
    }
    requests
}
