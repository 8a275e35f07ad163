//! Values of typed attributes and elements, read as [XML Schema 2] defines their types.
//!
//! A type has a value space, so two spellings of one value are equal. The octets that a signature covers are
//! left as they are; only what is compared is read here.
//!
//! [XML Schema 2]: https://www.w3.org/TR/xmlschema-2/
use crate::domain::Timestamp;
use chrono::{Duration, NaiveDate, NaiveDateTime, NaiveTime};

/// The white space of XML, which is less than that of Unicode.
const WHITE_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// The facet `whiteSpace` with the value `collapse`, which every type but `xs:string` and its kin has
/// ([XML Schema 2 §4.3.6](https://www.w3.org/TR/xmlschema-2/#rf-whiteSpace)).
pub fn collapse(text: &str) -> String {
    let words: Vec<&str> = text.split(WHITE_SPACE).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// `xs:boolean` ([XML Schema 2 §3.2.2](https://www.w3.org/TR/xmlschema-2/#boolean)); `None` for other words.
pub fn boolean(text: &str) -> Option<bool> {
    match collapse(text).as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// `xs:unsignedShort` ([XML Schema 2 §3.3.23](https://www.w3.org/TR/xmlschema-2/#unsignedShort)).
pub fn unsigned_short(text: &str) -> Option<u16> {
    let text = collapse(text);
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// `xs:dateTime` ([XML Schema 2 §3.2.7](https://www.w3.org/TR/xmlschema-2/#dateTime)).
///
/// A time without a time zone is UTC, as SAML core §1.3.3 says of every time in it. What RFC 3339 takes beyond the
/// type is refused: small letters, a space in place of `T`, and leap seconds.
pub fn date_time(text: &str) -> Option<Timestamp> {
    let text = collapse(text);
    let (date, rest) = text.split_once('T')?;
    let (time, offset) = match rest.find(['Z', '+', '-']) {
        Some(at) => {
            let (time, zone) = rest.split_at_checked(at)?;
            (time, offset(zone)?)
        }
        None => (rest, Duration::zero()),
    };
    local(date, time)?.checked_sub_signed(offset).map(|time| time.and_utc())
}

fn local(date: &str, time: &str) -> Option<NaiveDateTime> {
    let (sign, date) = date.strip_prefix('-').map_or((1, date), |date| (-1, date));
    let [year, month, day] = parts::<3>(date, '-')?;
    // Years of more than four digits have no leading zero, and there is no year 0.
    let fits = year.len() == 4 || (year.len() > 4 && !year.starts_with('0'));
    let number: i32 = digits(year)?.try_into().ok()?;
    if !fits || number == 0 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(sign * number, two(month)?, two(day)?)?;
    let [hour, minute, second] = parts::<3>(time, ':')?;
    let (second, fraction) = match second.split_once('.') {
        Some((second, fraction)) => (second, nanoseconds(fraction)?),
        None => (second, 0),
    };
    let (hour, minute, second) = (two(hour)?, two(minute)?, two(second)?);
    // The end of a day is the first moment of the next.
    if (hour, minute, second, fraction) == (24, 0, 0, 0) {
        return date.succ_opt()?.and_hms_opt(0, 0, 0);
    }
    Some(date.and_time(NaiveTime::from_hms_nano_opt(hour, minute, second, fraction)?))
}

/// What the local time is ahead of UTC, up to 14 hours.
fn offset(zone: &str) -> Option<Duration> {
    if zone == "Z" {
        return Some(Duration::zero());
    }
    let (sign, rest) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+')?),
    };
    let [hours, minutes] = parts::<2>(rest, ':')?;
    let minutes =
        i64::from(two(hours)?) * 60 + Some(two(minutes)?).filter(|m| *m < 60).map(i64::from)?;
    (minutes <= 14 * 60).then(|| Duration::minutes(sign * minutes))
}

fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}

fn digits(text: &str) -> Option<u32> {
    let only = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| only)
}

fn two(text: &str) -> Option<u32> {
    digits(text).filter(|_| text.len() == 2)
}

/// Any number of digits; what is finer than a nanosecond is cut off.
fn nanoseconds(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let kept: String = fraction.chars().chain("00000000".chars()).take(9).collect();
    kept.parse().ok()
}

/// `xs:ID` and `xs:NCName`: a name without a colon
/// ([Namespaces in XML §4](https://www.w3.org/TR/xml-names/#NT-NCName)).
pub fn is_ncname(text: &str) -> bool {
    text.starts_with(starts_name) && text.chars().all(|c| starts_name(c) || continues_name(c))
}

fn starts_name(c: char) -> bool {
    matches!(
        c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
            | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
            | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}'
    )
}

fn continues_name(c: char) -> bool {
    matches!(
        c,
        '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn k26_a_boolean_has_four_words_and_white_space_around_them() {
        for (text, value) in [
            ("true", Some(true)),
            (" true ", Some(true)),
            ("\n1\t", Some(true)),
            ("false", Some(false)),
            (" 0", Some(false)),
            ("", None),
            ("TRUE", None),
            ("True", None),
            ("yes", None),
            ("01", None),
            ("\u{a0}true", None),
        ] {
            assert_eq!(boolean(text), value, "{text:?}");
        }
    }

    #[test]
    fn k42_white_space_of_a_typed_value_is_collapsed() {
        assert_eq!(collapse(" \turn:a \r\n b  "), "urn:a b");
        assert_eq!(collapse(" \n"), "");
        for (text, value) in [
            ("7", Some(7)),
            (" 07 ", Some(7)),
            ("65535", Some(65_535)),
            ("65536", None),
            ("-1", None),
            ("+1", None),
            ("1 2", None),
            ("", None),
        ] {
            assert_eq!(unsigned_short(text), value, "{text:?}");
        }
    }

    #[test]
    fn k45_a_time_is_that_of_xml_schema() {
        let noon = date_time("2099-01-01T12:00:00Z");
        assert_eq!(noon, "2099-01-01T12:00:00Z".parse().ok());
        for same in [
            "2099-01-01T12:00:00",
            " 2099-01-01T12:00:00\n",
            "2099-01-01T12:00:00.000",
            "2099-01-01T14:00:00+02:00",
            "2099-01-02T02:00:00+14:00",
            "2098-12-31T22:00:00-14:00",
            "2099-01-01T12:00:00-00:00",
        ] {
            assert_eq!(date_time(same), noon, "{same:?}");
        }
        let fine = date_time("2099-01-01T12:00:00.1234567891234").unwrap();
        assert_eq!(fine.timestamp_subsec_nanos(), 123_456_789);
        let midnight = date_time("2099-01-02T00:00:00Z");
        assert_eq!(date_time("2099-01-01T24:00:00Z"), midnight);
        assert!(date_time("12099-01-01T00:00:00Z").is_some());
        assert!(date_time("-0044-03-15T00:00:00Z").is_some());
    }

    #[test]
    fn k45_what_only_rfc_3339_takes_is_no_time_of_xml() {
        for text in [
            "",
            "2099-01-01",
            "2099-01-01t12:00:00Z",
            "2099-01-01T12:00:00z",
            "2099-01-01 12:00:00Z",
            "2016-12-31T23:59:60Z",
            "2099-01-01T12:00Z",
            "2099-01-01T12:00:00.Z",
            "2099-1-1T12:00:00Z",
            "2099-01-01T24:00:01Z",
            "2099-01-01T24:00:00.001Z",
            "2099-02-29T12:00:00Z",
            "2099-01-01T12:00:00+14:01",
            "2099-01-01T12:00:00+02",
            "2099-01-01T12:00:00+0200",
            "2099-01-01T12:00:00+02:60",
            "2099-01-01T12:00:00ZZ",
            "+2099-01-01T12:00:00Z",
            "0000-01-01T12:00:00Z",
            "02099-01-01T12:00:00Z",
            "099-01-01T12:00:00Z",
            "999999999-01-01T12:00:00Z",
            "soon",
        ] {
            assert_eq!(date_time(text), None, "{text:?}");
        }
    }

    #[test]
    fn k56_an_id_is_a_name_in_any_script() {
        for id in ["_1", "a", "_ü", "_u\u{308}", "Ω.x-1", "名前"] {
            assert!(is_ncname(id), "{id}");
        }
        for id in ["", "1", "-a", ".a", "a:b", "a b", "a\u{d7}", "\u{301}a", "a&b"] {
            assert!(!is_ncname(id), "{id}");
        }
    }

    proptest! {
        #[test]
        fn k45_every_time_that_we_write_is_read(seconds in 0_i64..4_102_444_800, millis in 0_u32..1000) {
            let time = chrono::DateTime::from_timestamp(seconds, millis * 1_000_000).unwrap();
            let text = time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            prop_assert_eq!(date_time(&text), Some(time));
        }

        #[test]
        fn k45_no_text_makes_it_fall_over(text in "\\PC{0,40}") {
            let _ = (date_time(&text), boolean(&text), unsigned_short(&text), is_ncname(&text));
        }
    }
}
