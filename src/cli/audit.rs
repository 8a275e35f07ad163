//! `audit verify`: whether the trail is whole. Reads only.
//!
//! Without the master key it sees only whether the seals fit the events; with it, whether they are genuine.
use super::{Problem, commands, output, place};
use crate::audit::chain::SealKey;
use crate::config::{Overrides, Purpose};
use crate::crypto::seal::MasterKey;
use crate::flows::verify_audit::{Evidence, Head, Report, verify};
use crate::store::{Store, schema_version};
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
    let settings = commands::settings(Overrides::default(), Purpose::Database)?;
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

fn say(report: &Report, evidence: &Evidence<'_>) -> ExitCode {
    output::line(&format!("seals that hold: {}, over {} events", report.seals, report.events));
    if report.old_seals > 0 {
        let count = report.old_seals;
        output::line(&format!(
            "of the old kind, which the database alone could have made: seals 1 to {count}"
        ));
    }
    for begun in &report.epochs {
        let (epoch, seal, after) = (begun.epoch, begun.seal, begun.after);
        let at = begun.at.format("%Y-%m-%d %H:%M:%S UTC");
        output::line(&format!(
            "epoch {epoch} begins with seal {seal}, after number {after}: a backup was put back ({at})"
        ));
    }
    if report.void > 0 {
        let void = report.void;
        output::line(&format!("numbers that had become no event when they were sealed: {void}"));
    }
    if let Some(broken) = &report.broken {
        output::error(&format!("the audit trail is NOT whole: {broken}"));
        if report.broken_seals > 1 {
            output::error(&format!("seals that do not hold: {}", report.broken_seals));
        }
        return ExitCode::from(BROKEN);
    }
    if let Some(head) = &report.head {
        output::line(&format!("head: {head}"));
    }
    say_end(report, evidence)
}

fn say_end(report: &Report, evidence: &Evidence<'_>) -> ExitCode {
    output::line(&format!("not sealed yet: {} events", report.unsealed));
    let (seals, last, unsealed) = (report.seals, report.last_event, report.unsealed);
    output::line(&format!(
        "the audit trail is whole up to seal {seals} (event {last}); {unsealed} events since then are not sealed yet"
    ));
    match (evidence.key, evidence.kept) {
        (None, None) => output::line(
            "the end is not vouched for: without the master key and without --head, whoever writes to the \
             database can cut it off or make the seals anew",
        ),
        (None, Some(_)) => output::line(
            "the seals after the given head are not vouched for: that needs the master key",
        ),
        (Some(_), None) if report.old_seals > 0 => output::line(
            "the seals of the new kind were made with this key; those of the old kind prove nothing by themselves, and \
             what was there before shows only beside a head (--head)",
        ),
        (Some(_), None) => output::line(
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
        output::error(&format!("numbers {from}–{to} never became events, or were cut off{crash}"));
        return ExitCode::from(END_MISSING);
    }
    if report.is_late() {
        let seconds = report.unsealed_seconds.unwrap_or_default();
        output::error(&format!(
            "the oldest event that is not sealed has waited for {seconds:.0} s: nobody vouches for it"
        ));
        return ExitCode::from(NOT_SEALED);
    }
    ExitCode::SUCCESS
}
