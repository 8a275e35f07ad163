//! `audit verify`: whether the trail is whole; reads only. `audit export`: its events as lines.
//!
//! Without the master key it sees only whether the seals fit the events; with it, whether they are genuine.
use super::user::known;
use super::{Problem, commands, output, place};
use crate::audit::chain::SealKey;
use crate::config::{Overrides, SettingsPurpose};
use crate::crypto::seal::MasterKey;
use crate::domain::Timestamp;
use crate::flows::operations::audit_lines::ExportFormat;
use crate::flows::operations::list_audit_events::{EventSearch, export_from_outside};
use crate::flows::operations::verify_audit::{Evidence, Head, Report, verify};
use crate::store::{self, Store, installation::schema_version};
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Something was changed, removed, added or forged.
const BROKEN: u8 = 4;
/// Positions at the end never became events, or were cut off.
const END_MISSING: u8 = 5;
/// The oldest event that no seal covers is older than a minute.
const NOT_SEALED: u8 = 6;
/// Postgres draws numbers ahead, and skips them when it crashes.
const SKIPPED_BY_A_CRASH: i64 = 32;
/// Events between two lines that say how far it is.
const PROGRESS: i64 = 100_000;

pub fn run(kept: Option<&str>) -> Result<ExitCode, Problem> {
    let kept = kept.map(Head::parse).transpose()?;
    let settings = commands::settings(Overrides::default(), SettingsPurpose::Database)?;
    let place = place::database(&settings)?;
    let key = match place::known_master_key(&settings) {
        Some(text) => Some(SealKey::derive(&MasterKey::parse(&text)?)?),
        None => None,
    };
    let evidence = Evidence { key: key.as_ref(), kept: kept.as_ref() };
    let mut told = 0;
    let progress = |events: i64| {
        if events - told >= PROGRESS {
            told = events;
            output::note(&format!("{events} events checked"));
        }
    };
    let report = commands::runtime()?.block_on(async {
        let store = Store::new(&place.url, 1)?;
        schema_version::check_once_migrated(&*store.conn().await?).await?;
        verify(&store, &evidence, progress).await
    })?;
    Ok(say(&report, &evidence))
}

/// The exit code, and in which words `--json` has it.
fn verdict(report: &Report) -> (u8, &'static str) {
    if report.broken.is_some() {
        (BROKEN, "not_whole")
    } else if report.missing.is_some() {
        (END_MISSING, "end_missing")
    } else if report.is_late() {
        (NOT_SEALED, "not_sealed")
    } else {
        (0, "whole")
    }
}

fn value(report: &Report, evidence: &Evidence<'_>) -> Value {
    let (_, verdict) = verdict(report);
    let epochs = report.epochs.iter().map(|begun| {
        json!({ "epoch": begun.epoch, "seal": begun.seal, "after": begun.after, "at": begun.at })
    });
    json!({
        "verdict": verdict,
        "problem": report.broken.as_ref().map(ToString::to_string),
        "seals": report.seals,
        "seals_of_the_old_kind": report.old_seals,
        "seals_that_do_not_hold": report.broken_seals.count(),
        "broken_seals": report.broken_seals.runs(),
        "seals_that_hold_after_a_broken_one": report.hold_after.runs(),
        "events": report.events,
        "last_event": report.last_event,
        "numbers_without_event": report.void,
        "epochs": epochs.collect::<Vec<_>>(),
        "head": report.head.as_ref().map(ToString::to_string),
        "unsealed": report.unsealed,
        "unsealed_seconds": report.unsealed_seconds,
        "missing": report.missing.map(|(from, to)| json!({ "from": from, "to": to })),
        "checked_with_master_key": evidence.key.is_some(),
        "checked_against_head": evidence.kept.is_some(),
    })
}

fn say(report: &Report, evidence: &Evidence<'_>) -> ExitCode {
    if output::is_json() {
        output::result(&value(report, evidence), "");
        return ExitCode::from(verdict(report).0);
    }
    output::detail(&format!("seals that hold: {}, over {} events", report.seals, report.events));
    if report.old_seals > 0 {
        let count = report.old_seals;
        output::detail(&format!(
            "of the old kind, which the database alone could have made: seals 1 to {count}"
        ));
    }
    for begun in &report.epochs {
        let (epoch, seal, after) = (begun.epoch, begun.seal, begun.after);
        let at = begun.at.format("%Y-%m-%d %H:%M:%S UTC");
        output::detail(&format!(
            "epoch {epoch} begins with seal {seal}, after number {after}: a backup was put back ({at})"
        ));
    }
    if report.void > 0 {
        let void = report.void;
        output::detail(&format!("numbers that had become no event when they were sealed: {void}"));
    }
    if let Some(broken) = &report.broken {
        output::warning(&format!("the audit trail is NOT whole: {broken}"));
        say_seals(report, evidence);
        return ExitCode::from(BROKEN);
    }
    if let Some(head) = &report.head {
        output::detail(&format!("head: {head}"));
    }
    say_end(report, evidence)
}

/// What a broken seal takes away from those after it: nothing, as far as their own events go. It is not known any more
/// from them what was there before the break.
fn say_seals(report: &Report, evidence: &Evidence<'_>) {
    if !report.broken_seals.is_empty() {
        output::warning(&format!("seals that do not hold: {}", report.broken_seals));
    }
    if report.hold_after.is_empty() {
        return;
    }
    let hold = &report.hold_after;
    output::warning(&match evidence.key {
        Some(_) => format!(
            "seals after the first of them that hold: {hold}; seals of the new kind among them were made with this master \
             key, so their own events are as they were when they were sealed"
        ),
        None => format!(
            "seals after the first of them that fit their events: {hold}; that is not confirmed: whoever changed the \
             others may have made these, and only the master key shows it"
        ),
    });
}

fn say_end(report: &Report, evidence: &Evidence<'_>) -> ExitCode {
    output::detail(&format!("not sealed yet: {} events", report.unsealed));
    let (seals, last, unsealed) = (report.seals, report.last_event, report.unsealed);
    output::line(&format!(
        "the audit trail is whole up to seal {seals} (event {last}); {unsealed} events since then are not sealed yet"
    ));
    match (evidence.key, evidence.kept) {
        (None, None) => output::detail(
            "the end is not vouched for: without the master key and without --head, whoever writes to the \
             database can cut it off or make the seals anew",
        ),
        (None, Some(_)) => output::detail(
            "the seals after the given head are not vouched for: that needs the master key",
        ),
        (Some(_), None) if report.old_seals > 0 => output::detail(
            "the seals of the new kind were made with this key; those of the old kind prove nothing by themselves, and \
             what was there before shows only beside a head (--head)",
        ),
        (Some(_), None) => output::detail(
            "the seals were made with this key; whether others were there before, or events were changed before they \
             were sealed, shows only beside a head (--head)",
        ),
        (Some(_), Some(_)) => {}
    }
    if let Some((from, to)) = report.missing {
        let crash = if to - from < SKIPPED_BY_A_CRASH {
            " (a crash of Postgres skips as many)"
        } else {
            ""
        };
        output::warning(&format!(
            "numbers {from}–{to} never became events, or were cut off{crash}"
        ));
        return ExitCode::from(END_MISSING);
    }
    if report.is_late() {
        let seconds = report.unsealed_seconds.unwrap_or_default();
        output::warning(&format!(
            "the oldest event that is not sealed has waited for {seconds:.0} s: nobody vouches for it"
        ));
        return ExitCode::from(NOT_SEALED);
    }
    ExitCode::SUCCESS
}

/// What `audit export` was told.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// `ndjson` or `csv`.
    #[arg(long, default_value = "ndjson")]
    format: String,
    /// Not before this time, such as 2026-12-01 (UTC) or 2026-12-01T08:00:00+01:00.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only what this user did or what was done to them: an id or an e-mail address.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only this type of events, such as impersonation.started; may be repeated.
    #[arg(long = "type", value_name = "TYPE")]
    kinds: Vec<String>,
    /// Only events of this organization.
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// Only events of this application.
    #[arg(long, value_name = "CLIENT_ID")]
    application: Option<String>,
}

/// Writes events to standard output, a page at a time.
pub fn export(asked: &ExportArgs) -> Result<(), Problem> {
    let format = ExportFormat::parse(&asked.format)
        .ok_or_else(|| Problem::settings("--format is ndjson or csv"))?;
    let since = asked.from.as_deref().map(|text| moment("--from", text)).transpose()?;
    let until = asked.to.as_deref().map(|text| moment("--to", text)).transpose()?;
    commands::with_database(SettingsPurpose::Database, async |conn| {
        let own = match &asked.user {
            Some(text) => {
                Some(known(store::impersonations::history::find_person(&conn, text).await?, text)?)
            }
            None => None,
        };
        let filter = asked.filter(own.as_deref());
        let search = EventSearch {
            kinds: asked.kinds.clone(),
            since,
            until,
            own,
            organization: asked.organization.clone(),
            client: asked.application.clone().map(|id| vec![id]),
            ..EventSearch::default()
        };
        let what = (format.extension(), filter.as_str());
        let mut export = export_from_outside(&conn, search, what).await?;
        if format.head().is_some_and(|head| !output::piece(head)) {
            return Ok(());
        }
        while let Some(rows) = export.next_from(&conn).await? {
            if !output::piece(&format.lines(&rows)?) {
                break;
            }
        }
        Ok(())
    })
}

impl ExportArgs {
    /// As the event about the export says it.
    fn filter(&self, user: Option<&str>) -> String {
        let one = |name: &str, value: Option<&str>| value.map(|value| format!("{name}={value}"));
        let kinds = (!self.kinds.is_empty()).then(|| self.kinds.join(","));
        let all = [
            one("from", self.from.as_deref()),
            one("to", self.to.as_deref()),
            one("user", user),
            one("type", kinds.as_deref()),
            one("organization", self.organization.as_deref()),
            one("application", self.application.as_deref()),
        ];
        all.into_iter().flatten().collect::<Vec<_>>().join("&")
    }
}

/// A time with its zone ([RFC 3339]), or a date, which begins at midnight in UTC.
///
/// [RFC 3339]: https://www.rfc-editor.org/rfc/rfc3339#section-5.6
fn moment(flag: &str, text: &str) -> Result<Timestamp, Problem> {
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let midnight = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .and_then(|date| date.and_hms_opt(0, 0, 0))
        .map(|at| at.and_utc());
    midnight.ok_or_else(|| {
        Problem::settings(format!("{flag} {text}: write it as 2026-12-01 or 2026-12-01T08:00:00Z"))
    })
}
