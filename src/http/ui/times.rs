//! Points in time as pages show them: in UTC, and as `<time>` elements that `static/times.js` rewrites in the
//! reader's own time zone.
use crate::domain::Timestamp;
use std::fmt;

/// A point in time. A template prints it as a `<time>` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownMoment {
    /// In UTC, and saying so.
    pub text: String,
    pub rfc3339: String,
}

impl ShownMoment {
    fn new(at: Timestamp, format: &str) -> Self {
        Self { text: at.format(format).to_string(), rfc3339: at.to_rfc3339() }
    }
}

impl fmt::Display for ShownMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<time datetime=\"{}\">{}</time>", self.rfc3339, self.text)
    }
}

/// Both fields consist of letters, digits and punctuation that means nothing in HTML.
impl askama::filters::HtmlSafe for ShownMoment {}

impl From<Timestamp> for ShownMoment {
    fn from(at: Timestamp) -> Self {
        moment(at)
    }
}

/// `14:32 UTC`, for a time of today or at most an hour from now.
pub fn clock(at: Timestamp) -> ShownMoment {
    ShownMoment::new(at, "%H:%M UTC")
}

/// `21 Nov 2026, 14:32 UTC`.
pub fn moment(at: Timestamp) -> ShownMoment {
    ShownMoment::new(at, "%-d %b %Y, %H:%M UTC")
}

/// `21 Nov 2026, 14:32:05 UTC`.
pub fn exact(at: Timestamp) -> ShownMoment {
    ShownMoment::new(at, "%-d %b %Y, %H:%M:%S UTC")
}

/// The end of something that began at `start`. On the same day the time of day is enough.
pub fn end(start: Timestamp, at: Timestamp) -> ShownMoment {
    if start.date_naive() == at.date_naive() { clock(at) } else { moment(at) }
}

/// `12 minutes`; less than one is `under a minute`.
pub fn span(length: chrono::Duration) -> String {
    match length.num_minutes() {
        ..=0 => "under a minute".to_owned(),
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_in_whole_minutes() {
        let span = |seconds| span(chrono::Duration::seconds(seconds));
        assert_eq!(
            [span(-5), span(59), span(60), span(1799)],
            ["under a minute", "under a minute", "1 minute", "29 minutes"]
        );
    }

    #[test]
    fn n14_a_moment_is_a_time_element_that_a_script_can_make_local() {
        let at: Timestamp = "2026-11-05T09:03:59Z".parse().unwrap();
        let html = clock(at).to_string();
        assert_eq!(html, "<time datetime=\"2026-11-05T09:03:59+00:00\">09:03 UTC</time>");
    }

    #[test]
    fn a_moment_says_its_zone() {
        let at: Timestamp = "2026-11-05T09:03:59Z".parse().unwrap();
        assert_eq!(clock(at).text, "09:03 UTC");
        assert_eq!(moment(at).text, "5 Nov 2026, 09:03 UTC");
        assert_eq!(exact(at).text, "5 Nov 2026, 09:03:59 UTC");
        assert_eq!(end("2026-11-05T00:00:00Z".parse().unwrap(), at), clock(at));
        assert_eq!(end("2026-11-04T23:59:59Z".parse().unwrap(), at), moment(at));
    }
}
