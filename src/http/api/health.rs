//! Is the process alive, and can it serve? No secret, and no database query per call.
use crate::http::extract::Anyone;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// An event that is sealed later than this is a warning.
const MAX_UNSEALED: Duration = Duration::from_mins(1);

/// When the watcher in `app` last found everything good. It looks every half second; a database that stands still
/// gives it no answer at all, so an old one counts no more.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<HealthSeen>);

#[derive(Debug, Default)]
struct HealthSeen {
    good: RwLock<Option<Instant>>,
    trail: Mutex<TrailSealing>,
}

/// Out of rotation within three seconds (M-04), whatever has happened.
const GOOD_FOR: Duration = Duration::from_millis(2500);

/// How far behind the seals of the audit trail are.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrailSealing {
    /// When the oldest event was written that no seal covers.
    pub unsealed_since: Option<Instant>,
    /// No seal could be made, the last time.
    pub fails: bool,
}

impl Readiness {
    pub fn found_good(&self) {
        *self.0.good.write().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub fn found_bad(&self) {
        *self.0.good.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn is_ready(&self) -> bool {
        let good = *self.0.good.read().unwrap_or_else(PoisonError::into_inner);
        good.is_some_and(|at| at.elapsed() < GOOD_FOR)
    }

    pub fn set_trail(&self, trail: TrailSealing) {
        *self.0.trail.lock().unwrap_or_else(PoisonError::into_inner) = trail;
    }

    fn trail(&self) -> TrailSealing {
        *self.0.trail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Age of the oldest event that no seal covers. It grows while nothing can be asked.
    pub fn unsealed_seconds(&self) -> f64 {
        self.trail().unsealed_since.map_or(0.0, |since| since.elapsed().as_secs_f64())
    }

    /// The audit trail has not been sealed for more than a minute.
    pub fn is_trail_late(&self) -> bool {
        self.unsealed_seconds() > MAX_UNSEALED.as_secs_f64()
    }

    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.is_trail_late() {
            let seconds = self.unsealed_seconds();
            warnings.push(format!("the audit trail has not been sealed for {seconds:.0} seconds"));
        }
        if self.trail().fails {
            warnings.push("the audit trail cannot be sealed".to_owned());
        }
        warnings
    }
}

pub async fn live(_: Anyone) -> HttpResponse {
    answer(true, &[])
}

/// A warning does not take the node out of service: the others could seal no better.
pub async fn ready(_: Anyone, readiness: web::Data<Readiness>) -> HttpResponse {
    answer(readiness.is_ready(), &readiness.warnings())
}

fn answer(good: bool, warnings: &[String]) -> HttpResponse {
    let mut answer = if good { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    if !good {
        answer.insert_header((header::RETRY_AFTER, "1"));
    }
    let mut body = serde_json::json!({ "status": if good { "ok" } else { "unavailable" } });
    if let (false, Some(members)) = (warnings.is_empty(), body.as_object_mut()) {
        members.insert("warnings".to_owned(), warnings.into());
    }
    answer.insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
