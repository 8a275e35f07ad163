//! `audit_events`: append only. The seals over it are in [`super::audit_checkpoints`].
use super::statement::{Statement, Value};
use super::{Conn, StoreError};
use crate::audit::Event;
use diesel_async::RunQueryDsl;

/// The values of an event; `detail` is [`Event::detail`], which the caller keeps alive.
pub(super) fn values<'a>(event: &'a Event, detail: &'a serde_json::Value) -> [Value<'a>; 15] {
    let text = |text: &'a Option<String>| Value::MaybeText(text.as_deref());
    [
        Value::Now,
        Value::Text(event.kind.as_str()),
        text(&event.actor),
        text(&event.subject),
        text(&event.impersonation),
        text(&event.client),
        text(&event.organization),
        Value::MaybeText(event.channel),
        Value::MaybeText(event.protocol),
        text(&event.caller.ip),
        text(&event.caller.user_agent),
        text(&event.caller.request_id),
        text(&event.reason),
        text(&event.ticket),
        Value::Json(detail),
    ]
}

pub async fn append(mut conn: &Conn, event: &Event) -> Result<(), StoreError> {
    struct Append;
    const TEXT: &str = "INSERT INTO audit_events (at, type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let detail = event.detail();
    let values = values(event, &detail);
    Statement::<Append, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}
