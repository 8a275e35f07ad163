//! How much a request may be and how long it may take to arrive: judged before anything is done about it.
//!
//! The head has five seconds, which the server sees to itself (`app::serve`), the body ten.
use super::error::ApiError;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use futures_util::Stream;
use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The largest body; what takes less says so itself.
pub const LARGEST_BODY: usize = 256 * 1024;
/// All names and values together.
const LARGEST_HEADERS: usize = 32 * 1024;
const BODY_TAKES: Duration = Duration::from_secs(10);

/// Whoever is refused is not read any further: the connection is closed.
pub async fn hold_to_limits(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if let Some(refusal) = too_much(&request) {
        let mut answer = refusal.error_response();
        answer.head_mut().set_connection_type(ConnectionType::Close);
        return Ok(request.into_response(answer).map_into_right_body());
    }
    match request.take_payload() {
        Payload::None => {}
        arriving => {
            request.set_payload(Payload::Stream { payload: Box::pin(InTime::new(arriving)) })
        }
    }
    Ok(next.call(request).await?.map_into_left_body())
}

fn too_much(request: &ServiceRequest) -> Option<ApiError> {
    let headers = request.headers();
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > LARGEST_HEADERS {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Some(ApiError::new(
            status,
            "invalid_request",
            "the headers are larger than 32 KiB",
        ));
    }
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    if length.parse().is_ok_and(|length: usize| length <= LARGEST_BODY) {
        return None;
    }
    let status = StatusCode::PAYLOAD_TOO_LARGE;
    Some(ApiError::new(status, "invalid_request", "the body is larger than 256 KiB"))
}

/// A body that fails when it has not arrived in time. One that is here already costs no timer.
struct InTime {
    arriving: Payload,
    until: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl InTime {
    fn new(arriving: Payload) -> Self {
        Self { arriving, until: Instant::now() + BODY_TAKES, alarm: None }
    }
}

impl Stream for InTime {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(item) = Pin::new(&mut self.arriving).poll_next(context) {
            return Poll::Ready(item);
        }
        let until = self.until;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        alarm
            .as_mut()
            .poll(context)
            .map(|()| Some(Err(PayloadError::Io(ErrorKind::TimedOut.into()))))
    }
}
