//! Log lines on their way out, over a bounded queue to a thread of their own.
use prometheus::IntCounter;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// A few seconds of a busy server; beyond that the reader is gone and memory matters more.
pub(super) const WAITING: usize = 8192;
/// Lines written with one call, and how long they are gathered for it.
const MAX_AT_ONCE: usize = 512;
const GATHER: Duration = Duration::from_millis(10);
const LAST_WORDS: Duration = Duration::from_secs(1);

enum LineMessage {
    Line(String),
    Flush(SyncSender<()>),
}

/// The end of the queue that never waits: a line that finds it full is dropped and counted.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<LineMessage>,
    dropped: IntCounter,
}

/// Dropping it waits for the lines that are on their way, a second at most.
pub struct Flush {
    queue: SyncSender<LineMessage>,
}

pub(super) fn start(
    sink: Box<dyn Write + Send>,
    dropped: IntCounter,
) -> io::Result<(Lines, Flush)> {
    let (queue, waiting) = sync_channel(WAITING);
    let lost = dropped.clone();
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_out(sink, &waiting, &lost))?;
    Ok((Lines { queue: queue.clone(), dropped }, Flush { queue }))
}

fn write_out(mut sink: Box<dyn Write + Send>, waiting: &Receiver<LineMessage>, lost: &IntCounter) {
    let mut batch = String::new();
    while let Ok(first) = waiting.recv() {
        let (mut lines, mut done) = (0, None);
        for message in std::iter::once(first).chain(waiting.try_iter().take(MAX_AT_ONCE)) {
            match message {
                LineMessage::Line(line) => {
                    batch.push_str(&line);
                    lines += 1;
                }
                LineMessage::Flush(asked) => done = Some(asked),
            }
        }
        if sink.write_all(batch.as_bytes()).is_err() {
            lost.inc_by(lines);
        }
        batch.clear();
        match done {
            Some(done) => {
                let _ = sink.flush();
                let _ = done.try_send(());
            }
            // Whoever writes a line meanwhile has nobody to wake, which is most of what a line costs.
            None => thread::park_timeout(GATHER),
        }
    }
}

impl Write for &Lines {
    /// One call is one event: `tracing-subscriber` formats a whole line before it writes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = LineMessage::Line(one_line(&String::from_utf8_lossy(bytes)));
        match self.queue.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.dropped.inc(),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let (done, wait) = sync_channel(1);
        if self.queue.try_send(LineMessage::Flush(done)).is_ok() {
            match wait.recv_timeout(LAST_WORDS) {
                Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }
}

/// An event stays on one line and moves no cursor: whatever a user agent or a name holds, it cannot
/// write a line of its own or repaint a terminal. The form is also that of a JSON string, so JSON stays
/// JSON.
pub(super) fn one_line(text: &str) -> String {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut line = String::with_capacity(text.len() + 1);
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        line.push_str(text);
        line.push('\n');
        return line;
    }
    for c in text.chars() {
        if is_control(c) {
            // Writing to a `String` cannot fail.
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

/// C0, DEL, C1, the line separators, and the marks that reorder text.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
