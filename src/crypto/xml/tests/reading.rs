//! What is read at all, and how.
use super::super::*;
use super::support::*;
use std::time::{Duration, Instant};

fn refused(xml: &str, reason: XmlError) {
    assert_eq!(open(xml).err(), Some(reason), "{}", xml.chars().take(200).collect::<String>());
}

#[test]
fn d12_document_types_and_entities_are_refused_on_sight() {
    for declaration in [
        "<!DOCTYPE a>",
        "<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\">",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE a [<!ENTITY % x SYSTEM \"file:///etc/passwd\"> %x;]>",
        "<!DOCTYPE a [<!ATTLIST a b ID #REQUIRED>]>",
        "<!ENTITY x \"y\">",
        "<!doctype a>",
    ] {
        refused(&format!("{declaration}<a/>"), XmlError::Doctype);
        refused(
            &format!("<?xml version=\"1.0\"?>\n<!-- x -->{declaration}<a/>"),
            XmlError::Doctype,
        );
        refused(&format!("<a>{declaration}</a>"), XmlError::Doctype);
    }
    refused("<a>&x;</a>", XmlError::Malformed);
    refused("<a b=\"&x;\"/>", XmlError::Malformed);
}

#[test]
fn d12_processing_instructions_and_xinclude_are_refused() {
    for xml in [
        "<?xml-stylesheet href=\"http://127.0.0.1:1/x.xsl\"?><a/>",
        "<a><?x y?></a>",
        "<a/><?x?>",
        " <?xml version=\"1.0\"?><a/>",
        "<a><?xml version=\"1.0\"?></a>",
    ] {
        refused(xml, XmlError::Instruction);
    }
    let xinclude = "<a xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include href=\"file:///etc/passwd\"/></a>";
    refused(xinclude, XmlError::Malformed);
}

#[test]
fn d10_only_utf_8_is_read() {
    for declared in ["utf-8", "UTF-8"] {
        assert!(open(&format!("<?xml version=\"1.0\" encoding=\"{declared}\"?><a/>")).is_ok());
    }
    for declared in ["UTF-16", "ISO-8859-1", "UTF-7", "us-ascii", "cp037"] {
        refused(
            &format!("<?xml version=\"1.0\" encoding=\"{declared}\"?><a/>"),
            XmlError::Encoding,
        );
    }
    refused("<?xml version=\"1.1\"?><a/>", XmlError::Encoding);
    assert!(open("\u{feff}<?xml version=\"1.0\"?><a/>").is_ok());
    refused("\u{feff}\u{feff}<a/>", XmlError::Encoding);
    let limits = Limits::MESSAGE;
    let utf16: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&utf16, &limits).err(), Some(XmlError::Character));
    assert_eq!(
        read(&[&[0xff, 0xfe], utf16.as_slice()].concat(), &limits).err(),
        Some(XmlError::Encoding)
    );
    assert_eq!(read(b"<a>\xc0\xbc</a>", &limits).err(), Some(XmlError::Encoding));
    assert_eq!(read(b"<a>\xed\xa0\x80</a>", &limits).err(), Some(XmlError::Encoding));
    for c in ['\0', '\u{1}', '\u{b}', '\u{fffe}'] {
        refused(&format!("<a>{c}</a>"), XmlError::Character);
    }
    for reference in ["&#0;", "&#1;", "&#xD800;", "&#xFFFE;", "&#x110000;", "&#99999999999;"] {
        refused(&format!("<a>{reference}</a>"), XmlError::Malformed);
        refused(&format!("<a b='{reference}'/>"), XmlError::Malformed);
    }
}

#[test]
fn d10_what_parsers_disagree_about_is_refused() {
    for xml in [
        "",
        " ",
        "x",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a",
        "<a b>",
        "<a b=c/>",
        "<a b=\"1\" b=\"2\"/>",
        "<a xmlns:x=\"urn:x\" xmlns:y=\"urn:x\" x:b=\"1\" y:b=\"2\"/>",
        "<a xmlns:x=\"urn:x\" xmlns:x=\"urn:y\"/>",
        "<x:a/>",
        "<a x:b=\"\"/>",
        "<:a/>",
        "<a:/>",
        "<a :b=\"\"/>",
        "<a:b:c xmlns:a=\"urn:a\"/>",
        "<a xmlns:a=\"urn:a\" a:b:c=\"\"/>",
        "<a xmlns:x=\"\"/>",
        "<a xmlns=\"relative\"/>",
        "<a xmlns:x=\"relative\"/>",
        "<a xmlns:xml=\"urn:x\"/>",
        "<a xmlns:xmlns=\"urn:x\"/>",
        "<a b=\"<\"/>",
        "<a b=\"1\"c=\"2\"/>",
        "<a>]]></a>",
        "<a>&</a>",
        "<a>&amp</a>",
        "<a><!-- -- --></a>",
        "<a><![CDATA[</a>",
        "<a><!--</a>",
        "<a b=\"'/>",
        "<1/>",
        "<a ><b</a>",
        "< a/>",
        "<a/ >",
    ] {
        assert!(open(xml).is_err(), "{xml}");
    }
}

#[test]
fn d08_ids_are_unique_whatever_they_are_called() {
    for xml in [
        "<a ID=\"x\"><b ID=\"x\"/></a>",
        "<a ID=\"x\"><b Id=\"x\"/></a>",
        "<a id=\"x\"><b xml:id=\"x\"/></a>",
        "<a AssertionID=\"x\"><b ID=\"x\"/></a>",
        "<a ID=\"x\"><b xmlns:w=\"urn:w\" w:Id=\"x\"/></a>",
        "<a ID=\"x\" Id=\"y\"/>",
        "<a xmlns:w=\"urn:w\" w:ID=\"y\" ID=\"x\"/>",
    ] {
        refused(xml, XmlError::DuplicateId);
    }
    assert!(open("<a ID=\"x\"><b ID=\"y\" IDs=\"x\"/></a>").is_ok());
}

#[test]
fn d15_a_value_is_the_whole_text_or_refused() {
    let text = |inner: &str| open(&format!("<a>{inner}</a>")).unwrap().unverified().text();
    for broken in [
        "admin@x<!---->.evil",
        "<!--x-->admin@x.evil",
        "admin@x<![CDATA[.evil]]>",
        "<![CDATA[admin@x.evil]]>",
        "admin@x<b/>.evil",
        "admin@x<b>.evil</b>",
    ] {
        assert_eq!(text(broken), Err(XmlError::NotText), "{broken}");
    }
    assert_eq!(text("a&amp;b&#x63;&lt;d&gt;\r\ne").as_deref(), Ok("a&bc<d>\ne"));
    assert_eq!(text("").as_deref(), Ok(""));
    assert_eq!(text(" x ").as_deref(), Ok(" x "));
}

#[test]
fn d15_a_comment_in_a_signed_name_spoils_the_name_not_its_meaning() {
    let signed = signed_request().replace("sp.example", "sp.example<!-- -->");
    let document = open(&signed).unwrap();
    // Canonical XML leaves comments out, so the signature is valid still.
    let message = verify(&document, std::slice::from_ref(&PARTNER.public), REQUEST).unwrap();
    assert_eq!(message.required_child(ISSUER).unwrap().text(), Err(XmlError::NotText));
}

#[test]
fn d10_white_space_in_attribute_values_is_read_as_the_standard_says() {
    let xml = "<a\n  b\t=\r\n'1\t2\n3\r\n4\r5'\n c=\"&#9;&#xA;&#13;\" d='\"'/>";
    let document = open(xml).unwrap();
    let a = document.unverified();
    assert_eq!(a.attribute("b"), Some("1 2 3 4 5"));
    assert_eq!(a.attribute("c"), Some("\t\n\r"));
    assert_eq!(a.attribute("d"), Some("\""));
}

#[test]
fn elements_are_found_by_namespace_and_only_one_of_them() {
    let xml = "<a xmlns='urn:a' xmlns:b='urn:b' x='1' b:x='2'>t<c/><b:c/><b:d/><c><d/></c></a>";
    let document = open(xml).unwrap();
    let a = document.unverified();
    assert!(a.is(Name::new("urn:a", "a")) && !a.is(Name::new("urn:b", "a")));
    assert_eq!((a.namespace(), a.local_name()), ("urn:a", "a"));
    assert_eq!((a.attribute("x"), a.attribute_in("urn:b", "x")), (Some("1"), Some("2")));
    assert_eq!(a.attribute("y"), None);
    assert_eq!(a.required("y"), Err(XmlError::Missing));
    assert_eq!(a.children().count(), 4);
    assert_eq!(a.children_named(Name::new("urn:a", "c")).count(), 2);
    assert_eq!(a.child(Name::new("urn:a", "c")).err(), Some(XmlError::Repeated));
    assert!(a.child(Name::new("urn:b", "c")).unwrap().is_some());
    assert!(a.child(Name::new("urn:a", "d")).unwrap().is_none());
    assert_eq!(a.required_child(Name::new("urn:a", "d")).err(), Some(XmlError::Missing));
    assert_eq!(format!("{a:?} {document:?}"), "Element({urn:a}a) Document(Element({urn:a}a))");
}

fn many(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().concat()
}

/// As bad as it gets, in time and memory.
fn cheaply(xml: &[u8], reason: Option<XmlError>) {
    let before = peak_memory().filter(|_| is_alone());
    let spent = best_of_three(|| assert_eq!(read(xml, &Limits::MESSAGE).err(), reason));
    // What is read costs several times as much without the optimiser.
    let slow = cfg!(debug_assertions) && reason.is_none();
    assert!(spent < Duration::from_millis(if slow { 200 } else { 50 }), "{spent:?}");
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        assert!(after - before < 16 * 1024, "{} KiB", after - before);
    }
}

/// Time on the processor, where the system tells: others are at work on the machine.
fn best_of_three(mut work: impl FnMut()) -> Duration {
    let on_processor = || {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        stat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    };
    let mut timed = || {
        let (before, started) = (on_processor(), Instant::now());
        work();
        let elapsed = started.elapsed();
        before.zip(on_processor()).map_or(elapsed, |(before, after)| after.saturating_sub(before))
    };
    timed().min(timed()).min(timed())
}

const ALONE: &str = "UNDERSTUDY_TEST_ALONE";

/// Whether memory can be measured: no other test runs in this process.
fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

#[test]
fn d13_hostile_documents_are_refused_in_little_memory() {
    let mut program = std::process::Command::new(std::env::current_exe().unwrap());
    program.args(["crypto::xml::tests::reading::d13_", "--test-threads=1", "--skip"]);
    program.args(["in_little_memory"]).env(ALONE, "1");
    let said = program.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    assert!(!String::from_utf8_lossy(&said.stdout).contains("running 0 tests"));
}

/// Of this process, in KiB.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn d13_billion_laughs_are_refused_on_sight() {
    let mut xml = "<!DOCTYPE l [<!ENTITY l0 \"lol\">".to_owned();
    for level in 1..10 {
        let inner = format!("&l{};", level - 1).repeat(10);
        xml = [xml, format!("<!ENTITY l{level} \"{inner}\">")].concat();
    }
    cheaply(format!("{xml}]><l>&l9;</l>").as_bytes(), Some(XmlError::Doctype));
}

#[test]
fn d13_a_message_too_large_is_refused_before_it_is_read() {
    let xml = format!("<a>{}</a>", "x".repeat(50 * 1024 * 1024));
    cheaply(xml.as_bytes(), Some(XmlError::TooMuch));
    let fits = format!("<a>{}</a>", "x".repeat(256 * 1024 - 7));
    cheaply(fits.as_bytes(), None);
}

#[test]
fn d13_a_million_attributes_are_refused() {
    let attributes = many(25_000, |n| format!(" a{n}=\"\""));
    cheaply(format!("<a{attributes}/>").as_bytes(), Some(XmlError::TooMuch));
    let sixty = many(60, |n| format!(" a{n}=\"\""));
    cheaply(
        format!("<r>{}</r>", format!("<a{sixty}/>").repeat(400)).as_bytes(),
        Some(XmlError::TooMuch),
    );
}

#[test]
fn d13_a_hundred_thousand_namespaces_are_refused() {
    let attributes = many(10_000, |n| format!(" xmlns:a{n}=\"urn:a\""));
    cheaply(format!("<a{attributes}/>").as_bytes(), Some(XmlError::TooMuch));
    let nested = many(300, |n| format!("<a xmlns{}='urn:a'/>", if n % 2 == 0 { "" } else { ":x" }));
    cheaply(format!("<r>{nested}</r>").as_bytes(), Some(XmlError::TooMuch));
}

#[test]
fn d13_depth_is_refused() {
    cheaply("<a>".repeat(80_000).as_bytes(), Some(XmlError::TooMuch));
    let deep = |n: usize| format!("{}{}", "<a b=''>".repeat(n), "</a>".repeat(n));
    cheaply(deep(33).as_bytes(), Some(XmlError::TooMuch));
    cheaply(deep(32).as_bytes(), None);
}

#[test]
fn d13_many_small_elements_are_refused() {
    cheaply(format!("<r>{}</r>", "<a/>".repeat(60_000)).as_bytes(), Some(XmlError::TooMuch));
    cheaply("<!---->".repeat(37_000).as_bytes(), Some(XmlError::TooMuch));
}

#[test]
fn d13_what_is_just_allowed_is_cheap_as_well() {
    cheaply(format!("<r>{}</r>", "<a/>".repeat(1_999)).as_bytes(), None);
    cheaply(format!("<r>{}</r>", "x<a/>".repeat(1_999)).as_bytes(), None);
    let attributes = many(62, |n| format!(" a{n}='&lt;'"));
    cheaply(format!("<r>{}</r>", format!("<a{attributes}/>").repeat(64)).as_bytes(), None);
    let namespaces = many(60, |n| format!(" xmlns:n{n}='urn:n'"));
    let children = "<n0:a n1:b='' n59:c=''/>".repeat(1_950);
    cheaply(format!("<r{namespaces}>{children}</r>").as_bytes(), None);
    cheaply(format!("<r>{}</r>", "&lt;".repeat(65_000)).as_bytes(), None);
}

/// Everything at its limit at once, signed and to be verified: it is the verifier that has the work.
#[test]
fn d13_the_largest_message_is_verified_in_time() {
    let namespaces = many(60, |n| format!(" xmlns:n{n}=\"urn:n{n}\""));
    let inner = "<x:e xmlns:x='urn:x' a='1' b='2'>text &amp; more</x:e>".repeat(180);
    let plain = "<e a='1'>text</e>".repeat(1_500);
    let body = format!("<samlp:Extensions{namespaces}>{inner}{plain}</samlp:Extensions>");
    let padding = format!("<p>{}</p>", "&lt;".repeat(40_000));
    let xml = message(REQUEST, "_r1", &format!("{body}{padding}"));
    let signed =
        PARTNER.signer.sign_enveloped(&xml, "ID", "_r1", SignaturePlace::AfterIssuer).unwrap();
    let spent = best_of_three(|| assert_eq!(accept(&signed), Ok(())));
    let most = if cfg!(debug_assertions) { 500 } else { 50 };
    assert!(spent < Duration::from_millis(most), "{spent:?}");
}
