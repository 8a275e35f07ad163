//! How much a request may be and how long it may take to arrive: judged before anything is done about it.
//!
//! The head has five seconds, which the server sees to itself (`app::serve`), the body ten.
use super::error::ApiError;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _};
use futures_util::Stream;
use std::cell::RefCell;
use std::io::ErrorKind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The largest body that anything takes, a metadata file or a signed message; what takes less says so itself.
pub const MAX_BODY_SIZE: usize = 1024 * 1024;
/// All names and values together.
const MAX_HEADERS_SIZE: usize = 32 * 1024;
const INVALID: &str = "invalid_request";
const BODY_TAKES: Duration = Duration::from_secs(10);

/// Whoever is refused, and a body that nobody wants to the end, is not read any further: the connection is
/// closed.
pub async fn hold_to_limits(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if let Some(refusal) = too_much(&request) {
        let mut answer = super::ui::in_kind(request.request(), &refusal);
        answer.head_mut().set_connection_type(ConnectionType::Close);
        return Ok(request.into_response(answer).map_into_right_body());
    }
    let payload = request.take_payload();
    let arriving = if matches!(payload, Payload::None) {
        None
    } else {
        let left = declared_length(request.headers());
        let arriving = Rc::new(RefCell::new(Arriving { payload, read: false, left }));
        let payload = Box::pin(InTime::new(Rc::clone(&arriving)));
        request.set_payload(Payload::Stream { payload });
        Some(arriving)
    };
    let mut answer = next.call(request).await?;
    let Some(arriving) = arriving.filter(|arriving| !arriving.borrow().read) else {
        return Ok(answer.map_into_left_body());
    };
    answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    let held =
        answer.map_body(|_, body| HeldConnection { body: BoxBody::new(body), _arriving: arriving });
    Ok(held.map_into_boxed_body().map_into_right_body())
}

/// An answer beside which the rest of the request is kept until it is out: the server goes on reading, without
/// end, a body of chunks that nobody holds any more.
struct HeldConnection {
    body: BoxBody,
    _arriving: Rc<RefCell<Arriving>>,
}

impl MessageBody for HeldConnection {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_pin_mut().poll_next(context)
    }
}

fn too_much(request: &ServiceRequest) -> Option<ApiError> {
    let headers = request.headers();
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > MAX_HEADERS_SIZE {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Some(ApiError::new(status, INVALID, "the headers are larger than 32 KiB"));
    }
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    let fits = length.parse().is_ok_and(|length: usize| length <= MAX_BODY_SIZE);
    let status = StatusCode::PAYLOAD_TOO_LARGE;
    let refusal = || ApiError::new(status, INVALID, "the body is larger than 1 MiB");
    (!fits).then(refusal)
}

struct Arriving {
    payload: Payload,
    /// To its end.
    read: bool,
    /// Bytes that are still to come, where the server would read until the connection is closed.
    left: Option<u64>,
}

impl Arriving {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        if self.left == Some(0) {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.payload).poll_next(context);
        self.read = matches!(polled, Poll::Ready(None));
        match (polled, &mut self.left) {
            (Poll::Ready(Some(Ok(mut bytes))), Some(left)) => {
                bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= bytes.len() as u64;
                Poll::Ready(Some(Ok(bytes)))
            }
            (polled, _) => polled,
        }
    }
}

/// How long a body is beside `Upgrade`. Nothing is upgraded here, so such a body has the length that it would have
/// without that header ([RFC 9110 §7.8], [RFC 9112 §6.3]); the server itself takes what follows for another protocol
/// and would wait for it.
///
/// [RFC 9110 §7.8]: https://www.rfc-editor.org/rfc/rfc9110#section-7.8
/// [RFC 9112 §6.3]: https://www.rfc-editor.org/rfc/rfc9112#section-6.3
fn declared_length(headers: &header::HeaderMap) -> Option<u64> {
    let unbounded =
        headers.contains_key(header::UPGRADE) && !headers.contains_key(header::TRANSFER_ENCODING);
    let length = || headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok();
    unbounded.then(|| length().unwrap_or(0))
}

/// A body that fails when it has not arrived in time. One that is here already costs no timer.
struct InTime {
    arriving: Rc<RefCell<Arriving>>,
    until: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl InTime {
    fn new(arriving: Rc<RefCell<Arriving>>) -> Self {
        Self { arriving, until: Instant::now() + BODY_TAKES, alarm: None }
    }
}

impl Stream for InTime {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.arriving.borrow_mut().poll(context);
        if polled.is_ready() {
            return polled;
        }
        let until = self.until;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        let late = alarm.as_mut().poll(context);
        late.map(|()| Some(Err(PayloadError::Io(ErrorKind::TimedOut.into()))))
    }
}
