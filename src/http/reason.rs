//! Why a request was refused, on its way from the answer to the line of the request.
//!
//! The words are those of the answer, and never hold what was sent beyond the name of a field, so that no secret gets
//! into the log.
use actix_web::HttpResponse;
use std::borrow::Cow;

/// As much of a reason as one line holds.
const MAX_REASON: usize = 300;

/// The reason that an answer gives, kept beside it.
#[derive(Debug, Clone)]
struct RefusalReason(Cow<'static, str>);

/// Keeps `reason` beside `answer`; the first one stays, because it is the closest to the cause.
pub fn attach(answer: &mut HttpResponse, reason: impl Into<Cow<'static, str>>) {
    let mut kept = answer.extensions_mut();
    if kept.get::<RefusalReason>().is_none() {
        kept.insert(RefusalReason(reason.into()));
    }
}

/// The same as a step of building an answer.
#[must_use]
pub fn with_reason(mut answer: HttpResponse, reason: impl Into<Cow<'static, str>>) -> HttpResponse {
    attach(&mut answer, reason);
    answer
}

/// What [`attach`] has kept.
pub fn of<B>(answer: &HttpResponse<B>) -> Option<String> {
    let kept = answer.extensions();
    let RefusalReason(text) = kept.get::<RefusalReason>()?;
    text.get(..text.floor_char_boundary(MAX_REASON)).map(str::to_owned)
}
