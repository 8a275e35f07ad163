//! Prepared statements of several steps (`WITH … INSERT … UPDATE …`), which diesel's builder cannot express.
//! `sql_query` would parse and plan them at every call.
use crate::domain::Timestamp;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Jsonb, Nullable, Text, Timestamptz};
use std::marker::PhantomData;

/// A value bound where the text has a `?`.
pub(in crate::store) enum Value<'a> {
    /// The database's clock: the SQL function `clock_now`.
    Now,
    Text(&'a str),
    MaybeText(Option<&'a str>),
    Bytes(&'a [u8]),
    MaybeBytes(Option<&'a [u8]>),
    Texts(Vec<Option<&'a str>>),
    Jsons(Vec<serde_json::Value>),
    Int(i32),
    BigInt(i64),
    Time(Timestamp),
    Json(&'a serde_json::Value),
}

/// `Name` tells this statement from all others, so that it is prepared once a connection; `Row` is the
/// SQL type of what it returns. The text must be the same at every call.
pub(in crate::store) struct Statement<'a, Name, Row> {
    text: &'static str,
    values: &'a [Value<'a>],
    name: PhantomData<fn() -> (Name, Row)>,
}

impl<'a, Name, Row> Statement<'a, Name, Row> {
    pub(in crate::store) fn new(text: &'static str, values: &'a [Value<'a>]) -> Self {
        Self { text, values, name: PhantomData }
    }
}

impl<Name: 'static, Row> QueryId for Statement<'_, Name, Row> {
    type QueryId = Name;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Name, Row> Query for Statement<'_, Name, Row> {
    type SqlType = Row;
}

impl<Name, Row> diesel::RunQueryDsl<crate::store::Conn> for Statement<'_, Name, Row> {}

impl<Name, Row> QueryFragment<Pg> for Statement<'_, Name, Row> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (nth, piece) in self.text.split('?').enumerate() {
            if nth > 0 {
                let missing =
                    || diesel::result::Error::QueryBuilderError("a value is missing".into());
                push(&mut out, values.next().ok_or_else(missing)?)?;
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

fn push<'b>(out: &mut AstPass<'_, 'b, Pg>, value: &'b Value<'b>) -> QueryResult<()> {
    match value {
        Value::Now => {
            out.push_sql("clock_now()");
            Ok(())
        }
        Value::Text(text) => out.push_bind_param::<Text, _>(text),
        Value::MaybeText(text) => out.push_bind_param::<Nullable<Text>, _>(text),
        Value::Bytes(bytes) => out.push_bind_param::<Binary, _>(bytes),
        Value::MaybeBytes(bytes) => out.push_bind_param::<Nullable<Binary>, _>(bytes),
        Value::Texts(texts) => out.push_bind_param::<Array<Nullable<Text>>, _>(texts),
        Value::Jsons(values) => out.push_bind_param::<Array<Jsonb>, _>(values),
        Value::Int(number) => out.push_bind_param::<Integer, _>(number),
        Value::BigInt(number) => out.push_bind_param::<BigInt, _>(number),
        Value::Time(time) => out.push_bind_param::<Timestamptz, _>(time),
        Value::Json(json) => out.push_bind_param::<Jsonb, _>(*json),
    }
}
