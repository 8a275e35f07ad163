//! Before the parse: what is refused on sight, what is counted, and white space in attribute values.
//!
//! This looks at the text only as far as it must to find tags and quoted values. It decides nothing about
//! what a document means: where it and the parser see things differently, the parser's tree is what counts,
//! for the verifier and for the reader alike.
use super::XmlError;
use super::escape::is_xml_char;
use super::limits::Limits;

/// The text as the parser gets it: within `limits`, without declarations, and with literal TAB, LF and CR
/// in attribute values turned into spaces, which the parser omits ([XML §3.3.3]).
///
/// [XML §3.3.3]: https://www.w3.org/TR/xml/#AVNormalize
pub(super) fn prepare(text: &str, limits: &Limits) -> Result<String, XmlError> {
    if text.len() > limits.bytes {
        return Err(XmlError::TooMuch);
    }
    if !text.chars().all(is_xml_char) {
        return Err(XmlError::Character);
    }
    let mut scan = Scan { limits, seen: Counts::default(), out: String::with_capacity(text.len()) };
    let mut rest = scan.declaration(text)?;
    while let Some(at) = rest.find('<') {
        let (before, markup) = rest.split_at(at);
        scan.out.push_str(before);
        rest = scan.markup(markup)?;
    }
    scan.out.push_str(rest);
    Ok(scan.out)
}

#[derive(Default)]
struct Counts {
    depth: usize,
    elements: usize,
    attributes: usize,
    namespaces: usize,
}

struct Scan<'l> {
    limits: &'l Limits,
    seen: Counts,
    out: String,
}

impl Scan<'_> {
    /// Only at the very beginning; what it says is judged after the parse.
    fn declaration<'t>(&mut self, text: &'t str) -> Result<&'t str, XmlError> {
        match text.strip_prefix("<?xml") {
            Some(after) if after.starts_with([' ', '\t', '\r', '\n']) => {
                self.through(text, "<?xml", "?>")
            }
            Some(_) | None => Ok(text),
        }
    }

    fn markup<'t>(&mut self, markup: &'t str) -> Result<&'t str, XmlError> {
        if !markup.starts_with("</") {
            self.seen.elements += 1;
        }
        if self.too_much() {
            return Err(XmlError::TooMuch);
        }
        if markup.starts_with("<!--") {
            self.through(markup, "<!--", "-->")
        } else if markup.starts_with("<![CDATA[") {
            self.through(markup, "<![CDATA[", "]]>")
        } else if markup.starts_with("<!") {
            Err(XmlError::Doctype)
        } else if markup.starts_with("<?") {
            Err(XmlError::Instruction)
        } else if markup.starts_with("</") {
            self.seen.depth = self.seen.depth.checked_sub(1).ok_or(XmlError::Malformed)?;
            self.through(markup, "</", ">")
        } else {
            self.start_tag(markup)
        }
    }

    fn through<'t>(&mut self, text: &'t str, from: &str, to: &str) -> Result<&'t str, XmlError> {
        let inner = text.strip_prefix(from).ok_or(XmlError::Malformed)?;
        let (inner, rest) = inner.split_once(to).ok_or(XmlError::Malformed)?;
        for part in [from, inner, to] {
            self.out.push_str(part);
        }
        Ok(rest)
    }

    fn start_tag<'t>(&mut self, tag: &'t str) -> Result<&'t str, XmlError> {
        self.seen.depth += 1;
        if self.too_much() {
            return Err(XmlError::TooMuch);
        }
        let mut attributes = 0;
        let mut rest = tag;
        loop {
            let at = rest.find(['"', '\'', '>']).ok_or(XmlError::Malformed)?;
            let (before, from) = rest.split_at(at);
            self.out.push_str(before);
            if let Some(after) = from.strip_prefix('>') {
                self.out.push('>');
                if before.ends_with('/') {
                    self.seen.depth -= 1;
                }
                return Ok(after);
            }
            attributes += 1;
            self.seen.attributes += 1;
            self.seen.namespaces += usize::from(declares_namespace(before));
            if attributes > self.limits.attributes_of_one || self.too_much() {
                return Err(XmlError::TooMuch);
            }
            rest = self.value(from)?;
        }
    }

    fn too_much(&self) -> bool {
        self.seen.depth > self.limits.depth
            || self.seen.elements > self.limits.elements
            || self.seen.attributes > self.limits.attributes
            || self.seen.namespaces > self.limits.namespaces
    }

    /// `quoted` begins with its quote.
    fn value<'t>(&mut self, quoted: &'t str) -> Result<&'t str, XmlError> {
        let quote = quoted.chars().next().ok_or(XmlError::Malformed)?;
        let inner = quoted.strip_prefix(quote).ok_or(XmlError::Malformed)?;
        let (inner, rest) = inner.split_once(quote).ok_or(XmlError::Malformed)?;
        self.out.push(quote);
        let mut chars = inner.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                // XML §2.11: the pair is one line end, hence one space.
                '\r' if chars.peek() == Some(&'\n') => {}
                '\t' | '\n' | '\r' => self.out.push(' '),
                c => self.out.push(c),
            }
        }
        self.out.push(quote);
        Ok(rest)
    }
}

/// Whether what stands before a value ends in `xmlns=` or `xmlns:p=`.
fn declares_namespace(before: &str) -> bool {
    before
        .trim_end()
        .strip_suffix('=')
        .and_then(|name| name.trim_end().rsplit(char::is_whitespace).next())
        .is_some_and(|name| name == "xmlns" || name.starts_with("xmlns:"))
}
