//! Is the process alive, and can it serve? No secret, and no database query per call.
use crate::http::extract::Anyone;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// When the watcher in `app` last found everything good. It looks every half second; a database that stands still
/// gives it no answer at all, so an old one counts no more.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<RwLock<Option<Instant>>>);

/// Out of rotation within three seconds (M-04), whatever has happened.
const GOOD_FOR: Duration = Duration::from_millis(2500);

impl Readiness {
    pub fn found_good(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub fn found_bad(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn is_ready(&self) -> bool {
        let good = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        good.is_some_and(|at| at.elapsed() < GOOD_FOR)
    }
}

pub async fn live(_: Anyone) -> HttpResponse {
    answer(true)
}

pub async fn ready(_: Anyone, readiness: web::Data<Readiness>) -> HttpResponse {
    answer(readiness.is_ready())
}

fn answer(good: bool) -> HttpResponse {
    let mut answer = if good { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    if !good {
        answer.insert_header((header::RETRY_AFTER, "1"));
    }
    let status = if good { "ok" } else { "unavailable" };
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({ "status": status }))
}
