//! `audit_events`: appends events. The seals over them are in [`super::checkpoints`].
//!
//! A statement names neither position nor time: a trigger sets both, and the role that serves may not write them.
use crate::audit::Event;
use crate::store::connection::statement::{Statement, Value};
use crate::store::{Conn, StoreError};
use diesel_async::RunQueryDsl;

/// The values of an event; `detail` is [`Event::detail`], which the caller keeps alive.
pub(in crate::store) fn values<'a>(
    event: &'a Event,
    detail: &'a serde_json::Value,
) -> [Value<'a>; 14] {
    let text = |text: &'a Option<String>| Value::MaybeText(text.as_deref());
    event.count();
    [
        Value::Text(event.kind.as_str()),
        text(&event.actor),
        text(&event.subject),
        text(&event.impersonation),
        text(&event.client),
        text(&event.organization),
        Value::MaybeText(event.channel),
        Value::MaybeText(event.protocol),
        Value::MaybeText(event.caller.ip.as_deref()),
        text(&event.caller.user_agent),
        text(&event.caller.request_id),
        text(&event.reason),
        text(&event.ticket),
        Value::Json(detail),
    ]
}

pub async fn append(mut conn: &Conn, event: &Event) -> Result<(), StoreError> {
    struct Append;
    const TEXT: &str = "INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let detail = event.detail();
    let values = values(event, &detail);
    Statement::<Append, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Writes several events in one statement and so with one commit.
pub async fn append_all(mut conn: &Conn, events: &[&Event]) -> Result<(), StoreError> {
    struct AppendAll;
    const TEXT: &str = "INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    fn all<'a>(events: &[&'a Event], pick: impl Fn(&'a Event) -> Option<&'a str>) -> Value<'a> {
        Value::Texts(events.iter().map(|event| pick(event)).collect())
    }
    for event in events {
        event.count();
    }
    let values = [
        all(events, |event| Some(event.kind.as_str())),
        all(events, |event| event.actor.as_deref()),
        all(events, |event| event.subject.as_deref()),
        all(events, |event| event.impersonation.as_deref()),
        all(events, |event| event.client.as_deref()),
        all(events, |event| event.organization.as_deref()),
        all(events, |event| event.channel),
        all(events, |event| event.protocol),
        all(events, |event| event.caller.ip.as_deref()),
        all(events, |event| event.caller.user_agent.as_deref()),
        all(events, |event| event.caller.request_id.as_deref()),
        all(events, |event| event.reason.as_deref()),
        all(events, |event| event.ticket.as_deref()),
        Value::Jsons(events.iter().map(|event| event.detail()).collect()),
    ];
    Statement::<AppendAll, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}
