//! Export of the audit trail as CSV or JSON lines. An export is complete, or it is refused.
use super::{NAMES, require, wanted};
use crate::flows::operations::audit_lines::ExportFormat;
use crate::flows::operations::list_audit_events::{self, AuditRefusal, Export};
use crate::flows::{Context, InternalError};
use crate::http::console::ConsoleSession;
use crate::http::console::filters::Filters;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use crate::http::ui::headers::{FormTargets, secure};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use futures_util::{Stream, stream};

pub const PURPOSE: &str = "export-audit";

fn mime(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "text/csv; charset=utf-8; header=present",
        ExportFormat::JsonLines => "application/x-ndjson; charset=utf-8",
    }
}

/// A `POST`, because it appends an audit event about the export.
pub async fn export(console: ConsoleSession, posted: Posted) -> Result<HttpResponse, PageError> {
    require(&console)?;
    let mut known = vec!["csrf", "format"];
    known.extend(NAMES);
    let form = posted.only(console.request(), &known)?;
    console.check(&form, PURPOSE, &[])?;
    let format = ExportFormat::parse(form.get("format"));
    let format = format.ok_or_else(|| console.malformed("An export is csv or jsonl."))?;
    let filters = Filters::of(&console, NAMES, |name| form.get(name).to_owned())?;
    let (search, _) = wanted(&console, &filters).await?;
    let asked: Vec<String> =
        filters.pairs().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let what = (format.extension(), asked.join("&"));
    let caller = &console.browser.caller;
    let begun =
        list_audit_events::export(console.ctx(), console.user(), search, (what.0, &what.1), caller)
            .await;
    let begun = begun.map_err(|failure| {
        PageError::failure(console.request(), failure, |refusal| too_many(&console, refusal))
    })?;
    let ctx = console.browser.ctx.clone();
    let mut answer = HttpResponse::Ok();
    secure(&mut answer, &FormTargets::nowhere_else());
    let name = format!("attachment; filename=\"audit.{}\"", format.extension());
    Ok(answer
        .insert_header((header::CONTENT_TYPE, mime(format)))
        .insert_header((header::CONTENT_DISPOSITION, name))
        .streaming(pieces(ctx, begun, format)))
}

fn too_many(console: &ConsoleSession, refusal: AuditRefusal) -> PageError {
    let AuditRefusal::TooMany = refusal;
    let text = "More than 100,000 events fit these filters. Export them in parts, by time.";
    PageError::new(console.request(), StatusCode::BAD_REQUEST, "Too many events", text)
}

/// When the database fails on the way, the transfer breaks off: half a file does not pass for a whole one.
fn pieces(
    ctx: web::Data<Context>,
    export: Export,
    format: ExportFormat,
) -> impl Stream<Item = Result<web::Bytes, InternalError>> {
    let head = format.head().map(|head| web::Bytes::from_static(head.as_bytes()));
    let rest = stream::try_unfold((ctx, export), move |(ctx, mut export)| async move {
        let Some(rows) = export.next(&ctx).await? else { return Ok(None) };
        let text = format.lines(&rows)?;
        Ok(Some((web::Bytes::from(text), (ctx, export))))
    });
    futures_util::StreamExt::chain(stream::iter(head.map(Ok)), rest)
}
