//! Lines that people type and others read: names, reasons, tickets.

/// Whether every character of `text` can be seen, and stands where it is read.
///
/// Refused are control characters and line separators; the controls of writing direction, which draw "who acts as whom"
/// backwards; and characters that show nothing, by which two names look alike ([Unicode UTR 36 §2.5, §3.6]). The joiners
/// of Persian, Indic scripts and emoji are taken where they join something, and so are variation selectors.
///
/// [Unicode UTR 36 §2.5, §3.6]: https://www.unicode.org/reports/tr36/
pub fn is_plain_line(text: &str) -> bool {
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let after = characters.peek().copied();
        let fits = match c {
            '\u{200c}' | '\u{200d}' => joins(before) && joins(after),
            '\u{fe00}'..='\u{fe0f}' => before.is_some_and(|c| !c.is_whitespace()),
            c => !c.is_control() && !is_invisible(c),
        };
        if !fits {
            return false;
        }
        before = Some(c);
    }
    true
}

/// A whole number in digits, with a `-` before it or nothing: the `+` that Rust's reader takes is a space in a query
/// that was not encoded, and no other reader agrees on it (K-60).
pub fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Whether a character shows something where it stands, so that it may be repeated to a person or on a terminal.
pub fn is_visible(c: char) -> bool {
    !c.is_control() && !is_invisible(c)
}

/// A letter, a mark or a picture, and none of ASCII.
fn joins(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|c| !c.is_ascii() && !c.is_whitespace() && !is_invisible(c))
}

/// The general categories Cf, Zl and Zp, and letters and marks that show nothing.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k60_a_number_has_no_plus_before_it() {
        for (text, number) in [("60", 60), ("-1", -1), ("0", 0), ("007", 7)] {
            assert_eq!(whole_number(text), Some(number), "{text:?}");
        }
        for text in
            ["+60", " 60", "60 ", "", "-", "+", "--1", "-+1", "6e1", "６０", "99999999999999999999"]
        {
            assert_eq!(whole_number(text), None, "{text:?}");
        }
    }

    #[test]
    fn k53_names_of_all_scripts_and_pictures_are_lines() {
        for text in [
            "",
            "Alice Chen",
            "Zoë O\u{2019}Neil",
            "علی",
            "می\u{200c}خواهم",
            "ක්\u{200d}ෂ",
            "名前",
            "👩\u{200d}💻",
            "❤\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "e\u{301}",
        ] {
            assert!(is_plain_line(text), "{text:?}");
        }
    }

    #[test]
    fn k53_what_cannot_be_seen_or_turns_the_line_around_is_refused() {
        for c in [
            '\n',
            '\t',
            '\0',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{206f}',
            '\u{3164}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{e0001}',
            '\u{e0041}',
        ] {
            for text in [format!("a{c}b"), format!("{c}ab"), format!("ab{c}")] {
                assert!(!is_plain_line(&text), "{text:?}");
            }
        }
    }
}
