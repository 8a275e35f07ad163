//! Moments in words, always with their zone.
use crate::domain::Timestamp;

/// `14:32 UTC`: today, or at most an hour from now.
pub fn clock(at: Timestamp) -> String {
    at.format("%H:%M UTC").to_string()
}

/// `21 Nov 2026, 14:32 UTC`.
pub fn moment(at: Timestamp) -> String {
    at.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// The end of what began at `start`: on the same day, its clock is enough.
pub fn end(start: Timestamp, at: Timestamp) -> String {
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
    fn a_moment_says_its_zone() {
        let at: Timestamp = "2026-11-05T09:03:59Z".parse().unwrap();
        assert_eq!(clock(at), "09:03 UTC");
        assert_eq!(moment(at), "5 Nov 2026, 09:03 UTC");
        assert_eq!(end("2026-11-05T00:00:00Z".parse().unwrap(), at), "09:03 UTC");
        assert_eq!(end("2026-11-04T23:59:59Z".parse().unwrap(), at), moment(at));
    }
}
