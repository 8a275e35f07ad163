//! Metrics of the database for operators. Each reads an index or a small table.
use crate::domain::Timestamp;
use crate::store::connection::statement::{Statement, Value};
use crate::store::impersonations::first_id_at;
use crate::store::sessions::logout_deliveries::MAX_ATTEMPTS;
use crate::store::{Conn, StoreError};
use diesel::sql_types::{BigInt, Double, Nullable};
use diesel_async::RunQueryDsl;

/// The values at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Readings {
    pub impersonations_running: i64,
    /// Neither delivered nor given up.
    pub logout_deliveries_waiting: i64,
    /// Seconds since the oldest current key of each purpose was made.
    pub key_ages: KeyAges,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeyAges {
    pub token: Option<f64>,
    pub bewit: Option<f64>,
    pub xml: Option<f64>,
}

/// Impersonations that can still run began after `begun`, so older rows are not read.
pub async fn take(mut conn: &Conn, begun: Timestamp) -> Result<Readings, StoreError> {
    struct Take;
    const TEXT: &str = "SELECT \
         (SELECT count(*) FROM impersonations WHERE id >= ? AND status = 'active' AND ends_at > clock_now()), \
         (SELECT count(*) FROM logout_deliveries WHERE delivered_at IS NULL AND attempts < ?), \
         (SELECT extract(epoch FROM clock_now() - min(created_at))::float8 FROM signing_keys \
         WHERE state = 'current' AND purpose NOT IN ('bewit', 'xml')), \
         (SELECT extract(epoch FROM clock_now() - min(created_at))::float8 FROM signing_keys \
         WHERE state = 'current' AND purpose = 'bewit'), \
         (SELECT extract(epoch FROM clock_now() - min(created_at))::float8 FROM signing_keys \
         WHERE state = 'current' AND purpose = 'xml')";
    type Columns = (BigInt, BigInt, Nullable<Double>, Nullable<Double>, Nullable<Double>);
    type Row = (i64, i64, Option<f64>, Option<f64>, Option<f64>);
    let first = first_id_at(begun);
    let values = [Value::Text(&first), Value::Int(MAX_ATTEMPTS)];
    let row: Row = Statement::<Take, Columns>::new(TEXT, &values).get_result(&mut conn).await?;
    let (impersonations_running, logout_deliveries_waiting, token, bewit, xml) = row;
    let key_ages = KeyAges { token, bewit, xml };
    Ok(Readings { impersonations_running, logout_deliveries_waiting, key_ages })
}
