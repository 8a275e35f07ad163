//! Requests as bytes: no client library writes most of these.
use super::targets::{Auth, Target};
use futures_util::future::{Either, select};
use std::pin::pin;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Clone)]
pub struct Request {
    /// Path and query.
    pub target: Vec<u8>,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub label: &'static str,
    pub body: Vec<u8>,
}

impl Request {
    pub fn bytes(&self, target: &Target, global: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(target.method.as_bytes());
        bytes.push(b' ');
        bytes.extend(&self.target);
        bytes.extend(b" HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n");
        match target.auth {
            Auth::None => {}
            Auth::Global => bytes.extend(format!("authorization: Bearer {global}\r\n").as_bytes()),
        }
        match target.form {
            super::Form::Json | super::Form::Envelope => {}
            super::Form::Page => bytes.extend(b"accept: text/html\r\n"),
        }
        if !self.label.is_empty() {
            bytes.extend(format!("content-type: {}\r\n", self.label).as_bytes());
        }
        for (name, value) in &self.headers {
            bytes.extend(name.as_bytes());
            bytes.extend(b": ");
            bytes.extend(value);
            bytes.extend(b"\r\n");
        }
        if target.method != "GET" || !self.body.is_empty() {
            bytes.extend(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }
}

pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn is(&self, kind: &str) -> bool {
        self.head.lines().any(|line| line.starts_with("content-type:") && line.contains(kind))
    }
}

/// Everything that comes back until the connection is closed, or `is_enough`. An answer may come before
/// all is sent.
async fn exchange_until(address: &str, bytes: &[u8], is_enough: fn(&[u8]) -> bool) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let write = async {
        // It may be refused half-way.
        let _ = writing.write_all(bytes).await;
        std::future::pending::<()>().await;
    };
    let read = async {
        let mut back = Vec::new();
        while !is_enough(&back) && matches!(reading.read_buf(&mut back).await, Ok(1..)) {}
        back
    };
    match select(pin!(read), pin!(write)).await {
        Either::Left((back, _)) => back,
        Either::Right(((), _)) => unreachable!(),
    }
}

pub async fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    exchange_until(address, bytes, |_| false).await
}

/// The first answer.
pub async fn send(address: &str, bytes: &[u8]) -> Option<Answer> {
    parse(&exchange_until(address, bytes, |back| parse(back).is_some()).await)
}

/// `None`: not whole yet.
fn parse(back: &[u8]) -> Option<Answer> {
    let end = back.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&back[..end]).into_owned();
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let rest = &back[end + 4..];
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let body = match length {
        Some(length) => rest.get(..length.parse().ok()?)?.to_vec(),
        None if head.contains("transfer-encoding: chunked") => unchunk(rest)?,
        None => Vec::new(),
    };
    Some(Answer { status, head, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        body.extend(rest.get(end + 2..end + 2 + size)?);
        if size == 0 {
            return Some(body);
        }
        rest = rest.get(end + 4 + size..)?;
    }
}
