//! Events of the audit trail as lines of a file: CSV for a spreadsheet, JSON lines for a program.
use super::list_audit_events::TrailEntry;
use crate::store::StoreError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    Csv,
    JsonLines,
}

impl ExportFormat {
    /// `ndjson` is another name of JSON lines.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    /// What stands before the first event.
    pub fn head(self) -> Option<&'static str> {
        match self {
            Self::Csv => Some(HEAD),
            Self::JsonLines => None,
        }
    }

    /// A line for each of `rows`.
    ///
    /// # Errors
    ///
    /// An event that cannot be written.
    pub fn lines(self, rows: &[TrailEntry]) -> Result<String, StoreError> {
        let mut text = String::new();
        for row in rows {
            match self {
                Self::Csv => csv(row, &mut text),
                Self::JsonLines => json_line(row, &mut text)?,
            }
        }
        Ok(text)
    }
}

fn json_line(row: &TrailEntry, out: &mut String) -> Result<(), StoreError> {
    let line = serde_json::to_string(row)
        .map_err(|e| StoreError::Corrupt { table: "audit_events", what: e.to_string() })?;
    out.push_str(&line);
    out.push('\n');
    Ok(())
}

const HEAD: &str = "seq,at,type,actor,subject,impersonation_id,client_id,organization_id,channel,\
                    protocol,ip,user_agent,request_id,reason,ticket,detail\r\n";

/// One record ([RFC 4180 §2]).
///
/// [RFC 4180 §2]: https://www.rfc-editor.org/rfc/rfc4180#section-2
fn csv(row: &TrailEntry, out: &mut String) {
    let (seq, at, detail) = (row.seq.to_string(), row.at.to_rfc3339(), row.detail.to_string());
    let maybe = |text: &'_ Option<String>| text.clone().unwrap_or_default();
    let fields = [
        seq,
        at,
        row.kind.clone(),
        maybe(&row.actor),
        maybe(&row.subject),
        maybe(&row.impersonation_id),
        maybe(&row.client_id),
        maybe(&row.organization_id),
        maybe(&row.channel),
        maybe(&row.protocol),
        maybe(&row.ip),
        maybe(&row.user_agent),
        maybe(&row.request_id),
        maybe(&row.reason),
        maybe(&row.ticket),
        detail,
    ];
    let fields: Vec<String> = fields.iter().map(|text| field(text)).collect();
    out.push_str(&fields.join(","));
    out.push_str("\r\n");
}

/// Quoted always. What a spreadsheet would take for a formula begins with an apostrophe (ASVS 1.2.10).
fn field(text: &str) -> String {
    // White space before it is taken away by some spreadsheets; `|` begins a call of another program (DDE).
    let formula = text.starts_with(['\t', '\r', '\n', '\0'])
        || text.trim_start().starts_with(['=', '+', '-', '@', '|', '＝', '＋', '－', '＠', '｜']);
    let mark = if formula { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h26_no_field_is_a_formula_and_none_breaks_out() {
        for start in ["=", "+", "-", "@", "\t", "\r"] {
            assert_eq!(field(&format!("{start}1")), format!("\"'{start}1\""));
        }
        for start in ["|", " |", " =", "\u{a0}@", "｜"] {
            assert_eq!(field(&format!("{start}1")), format!("\"'{start}1\""), "k60");
        }
        assert_eq!(field("auth0|1"), "\"auth0|1\"");
        assert_eq!(field("a\"b,c\r\nd"), "\"a\"\"b,c\r\nd\"");
        assert_eq!(field("a=1"), "\"a=1\"");
        assert_eq!(field(""), "\"\"");
    }
}
