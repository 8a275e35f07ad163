//! Export of the audit trail as CSV or JSON lines. An export is complete, or it is refused.
use super::{NAMES, require, wanted};
use crate::flows::see_audit::{self, Entry, Export, Refusal};
use crate::flows::{Accident, Context};
use crate::http::pages::console::ConsoleSession;
use crate::http::pages::console::filters::Filters;
use crate::http::pages::error::PageError;
use crate::http::pages::forms::Posted;
use crate::http::pages::headers::{FormTargets, secure};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use futures_util::{Stream, stream};

pub const PURPOSE: &str = "export-audit";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

impl Format {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::JsonLines),
            _ => None,
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    fn mime(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/x-ndjson; charset=utf-8",
        }
    }
}

/// A `POST`, because it appends an audit event about the export.
pub async fn export(console: ConsoleSession, posted: Posted) -> Result<HttpResponse, PageError> {
    require(&console)?;
    let mut known = vec!["csrf", "format"];
    known.extend(NAMES);
    let form = posted.only(console.request(), &known)?;
    console.check(&form, PURPOSE, &[])?;
    let format = Format::parse(form.get("format"));
    let format = format.ok_or_else(|| console.malformed("An export is csv or jsonl."))?;
    let filters = Filters::of(&console, NAMES, |name| form.get(name).to_owned())?;
    let (search, _) = wanted(&console, &filters).await?;
    let asked: Vec<String> =
        filters.pairs().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let what = (format.extension(), asked.join("&"));
    let caller = &console.browser.caller;
    let begun =
        see_audit::export(console.ctx(), console.user(), search, (what.0, &what.1), caller).await;
    let begun = begun.map_err(|failure| {
        PageError::failure(console.request(), failure, |refusal| too_many(&console, refusal))
    })?;
    let ctx = console.browser.ctx.clone();
    let mut answer = HttpResponse::Ok();
    secure(&mut answer, &FormTargets::nowhere_else());
    let name = format!("attachment; filename=\"audit.{}\"", format.extension());
    Ok(answer
        .insert_header((header::CONTENT_TYPE, format.mime()))
        .insert_header((header::CONTENT_DISPOSITION, name))
        .streaming(pieces(ctx, begun, format)))
}

fn too_many(console: &ConsoleSession, refusal: Refusal) -> PageError {
    let Refusal::TooMany = refusal;
    let text = "More than 100,000 events fit these filters. Export them in parts, by time.";
    PageError::new(console.request(), StatusCode::BAD_REQUEST, "Too many events", text)
}

/// When the database fails on the way, the transfer breaks off: half a file does not pass for a whole one.
fn pieces(
    ctx: web::Data<Context>,
    export: Export,
    format: Format,
) -> impl Stream<Item = Result<web::Bytes, Accident>> {
    let head = (format == Format::Csv).then(|| web::Bytes::from_static(HEAD.as_bytes()));
    let rest = stream::try_unfold((ctx, export), move |(ctx, mut export)| async move {
        let Some(rows) = export.next(&ctx).await? else { return Ok(None) };
        let mut text = String::new();
        for row in &rows {
            match format {
                Format::Csv => csv(row, &mut text),
                Format::JsonLines => json_line(row, &mut text)?,
            }
        }
        Ok(Some((web::Bytes::from(text), (ctx, export))))
    });
    futures_util::StreamExt::chain(stream::iter(head.map(Ok)), rest)
}

fn json_line(row: &Entry, out: &mut String) -> Result<(), Accident> {
    let line = serde_json::to_string(row)
        .map_err(|e| Accident::Corrupt { table: "audit_events", what: e.to_string() })?;
    out.push_str(&line);
    out.push('\n');
    Ok(())
}

const HEAD: &str = "seq,at,type,actor,subject,impersonation_id,client_id,organization_id,channel,\
                    protocol,ip,user_agent,request_id,reason,ticket,detail\r\n";

/// One record ([RFC 4180 §2]).
///
/// [RFC 4180 §2]: https://www.rfc-editor.org/rfc/rfc4180#section-2
fn csv(row: &Entry, out: &mut String) {
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
    let formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠']);
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
        assert_eq!(field("a\"b,c\r\nd"), "\"a\"\"b,c\r\nd\"");
        assert_eq!(field("a=1"), "\"a=1\"");
        assert_eq!(field(""), "\"\"");
    }
}
