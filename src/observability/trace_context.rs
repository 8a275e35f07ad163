//! The trace that a request belongs to ([W3C Trace Context]), so that it can be followed through several programs.
//!
//! The caller's trace is taken on, if what it sent is well-formed; else the request begins one. Nothing is decided by
//! it and it proves nothing: everybody can send any. `tracestate` is not taken, because others may write anything there.
//!
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context/
use std::fmt;

/// What goes into a `traceparent` header. Ids are never all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    pub trace_id: [u8; 16],
    /// The span that calls.
    pub span_id: [u8; 8],
    /// The caller records the trace.
    pub sampled: bool,
}

/// Of version 00, and the least that later versions may have (§3.2.4).
const LENGTH: usize = 55;

impl TraceContext {
    /// `None` for what is not well-formed (§3.2.2), which counts as if it had not been sent.
    pub fn parse(header: &str) -> Option<Self> {
        let (known, more) = header.split_at_checked(LENGTH)?;
        let mut parts = known.split('-');
        let version = bytes::<1>(parts.next()?)?;
        let trace_id = bytes::<16>(parts.next()?)?;
        let span_id = bytes::<8>(parts.next()?)?;
        let flags = bytes::<1>(parts.next()?)?;
        let is_of_a_version = match version {
            [0] => more.is_empty(),
            [0xff] => false,
            _ => more.is_empty() || more.starts_with('-'),
        };
        let is_well_formed =
            is_of_a_version && parts.next().is_none() && trace_id != [0; 16] && span_id != [0; 8];
        let sampled = flags.iter().any(|flags| flags & 1 == 1);
        is_well_formed.then_some(Self { trace_id, span_id, sampled })
    }

    /// A span in the same trace.
    #[must_use]
    pub fn with_span(self, span_id: [u8; 8]) -> Self {
        Self { span_id, ..self }
    }

    /// 32 hexadecimal digits.
    pub fn trace_id_text(&self) -> String {
        hexadecimal(&self.trace_id)
    }
}

impl fmt::Display for TraceContext {
    /// The value of a `traceparent` header of version 00.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (hexadecimal(&self.trace_id), hexadecimal(&self.span_id));
        write!(f, "00-{trace}-{span}-{:02x}", u8::from(self.sampled))
    }
}

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Runs `work` as a part of `trace`.
pub fn scope<F: Future>(trace: TraceContext, work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(trace, work)
}

/// The trace of the request that this is done for; `None` for what the server does by itself.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|trace| *trace).ok()
}

/// As [`TraceContext`] writes it.
pub fn current_traceparent() -> Option<String> {
    current().map(|trace| trace.to_string())
}

fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Exactly `N` bytes in lower-case hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    let mut digits = text.bytes();
    for byte in &mut bytes {
        *byte = (digit(digits.next()?)? << 4) | digit(digits.next()?)?;
    }
    digits.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_well_formed_trace_is_taken_on() {
        let trace = TraceContext::parse(GOOD).unwrap();
        assert_eq!(trace.to_string(), GOOD);
        assert!(trace.sampled);
        let child = trace.with_span([1; 8]);
        assert_eq!(child.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0101010101010101-01");
        // A later version has at least the same parts; what follows is not taken.
        let later = GOOD.replacen("00", "cc", 1) + "-what-the-future-will-be-like";
        assert_eq!(TraceContext::parse(&later), Some(trace));
        let unknown_flags = GOOD.replace("-01", "-02");
        assert!(!TraceContext::parse(&unknown_flags).unwrap().sampled);
    }

    #[test]
    fn what_is_not_well_formed_counts_as_not_sent() {
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-0f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_header_stops_the_server(text in ".{0,80}") {
            if let Some(trace) = TraceContext::parse(&text) {
                prop_assert_eq!(trace.to_string().len(), LENGTH);
            }
        }
    }
}
